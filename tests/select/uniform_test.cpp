// SPDX-License-Identifier: MIT
// Covers the choice among several ready cases: uniformly random.

#include "fixture.hpp"

#include <optional>

using namespace fixture;

namespace {

/// The chi-square statistic of counts that should be equal.
template <std::size_t N> double chi_square(const std::array<int, N>& counts) {
    double total = 0;
    for (const int count : counts) total += count;
    const double expected = total / N;
    double sum = 0;
    for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
    return sum;
}

// For up to 7 degrees of freedom a fair choice exceeds this once in ten million runs.
constexpr double bound = 45;

} // namespace

TEST_CASE("among ready receive cases the choice is uniform") {
    for_each_crew([](crew&) {
        std::array<int, 8> hits{};
        std::array<coir::chan<int>, 8> channels;
        for (auto& ch : channels) {
            ch = coir::chan<int>(1);
            CHECK(ch.send(0));
        }
        for (int i = 0; i < 16'000; ++i) {
            const std::size_t chosen =
                coir::select(channels[0].on_recv(), channels[1].on_recv(), channels[2].on_recv(),
                             channels[3].on_recv(), channels[4].on_recv(), channels[5].on_recv(),
                             channels[6].on_recv(), channels[7].on_recv());
            ++hits[chosen];
            static_cast<void>(channels[chosen].send(0));
        }
        CHECK(chi_square(hits) < bound);
    });
}

TEST_CASE("among ready send cases the choice is uniform") {
    for_each_crew([](crew&) {
        std::array<int, 3> hits{};
        const coir::chan<int> a(1);
        const coir::chan<int> b(1);
        const coir::chan<int> c(coir::unbounded);
        for (int i = 0; i < 12'000; ++i) {
            const std::size_t chosen = coir::select(a.on_send(0), b.on_send(0), c.on_send(0));
            ++hits[chosen];
            static_cast<void>((chosen == 0 ? a : chosen == 1 ? b : c).recv());
        }
        CHECK(chi_square(hits) < bound);
    });
}

TEST_CASE("among some ready cases the choice is uniform, wherever they stand") {
    for_each_crew([](crew&) {
        std::array<int, 2> hits{};
        const coir::chan<int> idle(1);
        const coir::chan<int> a(coir::unbounded);
        const coir::chan<int> b(coir::unbounded);
        for (int i = 0; i < 8'000; ++i) {
            CHECK(a.send(0));
            CHECK(b.send(0));
        }
        for (int i = 0; i < 8'000; ++i) {
            const std::size_t chosen = coir::select(idle.on_recv(), a.on_recv(), idle.on_recv(),
                                                    idle.on_recv(), b.on_recv(), idle.on_recv());
            ++hits[chosen == 4];
        }
        CHECK(chi_square(hits) < bound);
    });
}

TEST_CASE("among cases of one channel the choice is uniform") {
    for_each_crew([](crew&) {
        std::array<int, 5> hits{};
        const coir::chan<int> ch(1);
        for (int i = 0; i < 10'000; ++i) {
            CHECK(ch.send(0));
            ++hits[coir::select(ch.on_recv(), ch.on_recv(), ch.on_recv(), ch.on_recv(),
                                ch.on_recv())];
        }
        CHECK(chi_square(hits) < bound);
    });
}

TEST_CASE("among cases in a vector the choice is uniform") {
    for_each_crew([](crew&) {
        std::array<int, 4> hits{};
        std::array<coir::chan<int>, 4> channels;
        std::vector<coir::select_case> cases;
        for (auto& ch : channels) {
            ch = coir::chan<int>(1);
            ch.close();
            cases.push_back(ch.on_recv());
        }
        for (int i = 0; i < 8'000; ++i) ++hits[coir::select(cases)];
        CHECK(chi_square(hits) < bound);
    });
}

TEST_CASE("two rendezvous peers that both always wait are both served, sending and receiving") {
    for_each_crew([](crew& members) {
        const coir::chan<int> a;
        const coir::chan<int> b;
        static constexpr int count = 2'000;
        members.start([a, b] {
            std::array<int, 2> hits{};
            for (int i = 0; i < count; ++i) ++hits[coir::select(a.on_recv(), b.on_recv())];
            CHECK(hits[0] >= count / 4);
            CHECK(hits[1] >= count / 4);
        });
        std::array<int, 2> hits{};
        for (int i = 0; i < count; ++i) ++hits[coir::select(a.on_send(0), b.on_send(0))];
        CHECK(hits[0] >= count / 4);
        CHECK(hits[1] >= count / 4);
    });
}

TEST_CASE("random bits by select: both values come") {
    for_each_crew([](crew& members) {
        for (const std::size_t capacity : {std::size_t{0}, std::size_t{200}}) {
            const coir::chan<int> bits(capacity);
            members.start([bits] {
                for (int i = 0; i < 200; ++i) coir::select(bits.on_send(0), bits.on_send(1));
                bits.close();
            });
            std::array<int, 2> hits{};
            for (int bit : bits) ++hits[static_cast<std::size_t>(bit)];
            CHECK(hits[0] > 20);
            CHECK(hits[1] > 20);
            members.join();
        }
    });
}
