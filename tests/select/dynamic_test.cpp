// SPDX-License-Identifier: MIT
// Covers select over any number of cases at run time, and the ownership of a case's value.

#include "fixture.hpp"

#include <array>
#include <optional>
#include <span>
#include <string>

using namespace fixture;

TEST_CASE("select takes a vector of cases and returns the index in it") {
    for_each_crew([](crew&) {
        for (const int count : {1, 2, 3, 10, 100, 1'000}) {
            std::vector<coir::chan<int>> channels;
            std::vector<coir::select_case> cases;
            std::optional<int> value;
            for (int i = 0; i < count; ++i) {
                channels.emplace_back(1);
                cases.push_back(channels.back().on_recv(value));
            }
            for (const int chosen : {0, count / 2, count - 1}) {
                CHECK(channels[static_cast<std::size_t>(chosen)].send(chosen));
                CHECK(coir::select(cases) == static_cast<std::size_t>(chosen));
                CHECK(value == chosen);
            }
        }
    });
}

TEST_CASE("select takes cases from wherever they stand") {
    for_each_crew([](crew&) {
        const coir::chan<int> first(1);
        const coir::chan<int> second(1);
        std::optional<int> value;
        std::array<coir::select_case, 2> array{first.on_recv(value), second.on_recv(value)};
        std::vector<coir::select_case> vector{first.on_recv(value), second.on_recv(value)};
        const auto made = [&] {
            return std::vector<coir::select_case>{first.on_recv(value), second.on_recv(value)};
        };
        const auto refill = [&] {
            value.reset();
            CHECK(first.try_send(1) != coir::channel_status::closed);
            CHECK(second.try_send(2) != coir::channel_status::closed);
        };
        const std::span<coir::select_case> all{array};
        refill();
        CHECK(coir::select_biased(all) == 0);
        CHECK(value == 1);
        CHECK(coir::select(all) == 1);
        CHECK(value == 2);
        refill();
        CHECK(coir::select(all.last(1)) == 0); // the index in what was given
        CHECK(value == 2);
        CHECK(coir::select_biased(vector) == 0);
        refill();
        CHECK(coir::select_biased(made()) == 0);
        CHECK(value == 1);
        CHECK(coir::select(made()) == 1);
        CHECK(value == 2);
    });
}

TEST_CASE("a select over many channels waits on all of them") {
    for_each_crew([](crew& members) {
        constexpr std::size_t count = 200;
        std::vector<coir::chan<int>> channels(count);
        for (const std::size_t chosen : {std::size_t{0}, count / 2, count - 1}) {
            members.start([&channels, chosen] {
                std::vector<coir::select_case> cases;
                std::optional<int> value;
                for (const auto& ch : channels) cases.push_back(ch.on_recv(value));
                CHECK(coir::select(cases) == chosen);
                CHECK(value == 1);
            });
            members.settle();
            CHECK(channels[chosen].send(1));
            members.join();
        }
    });
}

TEST_CASE("a vector may mix every kind of case, and biased choice takes the first") {
    for_each_crew([](crew&) {
        const coir::chan<int> ints(1);
        const coir::chan<std::string> texts(1);
        int handled = 0;
        std::vector<coir::select_case> cases;
        cases.push_back(ints.on_recv([&](std::optional<int>) { handled = 1; }));
        cases.push_back(texts.on_send("text", [&](bool) { handled = 2; }));
        cases.push_back(coir::on_timeout(1h, [&] { handled = 3; }));
        cases.push_back(coir::on_deadline(coir::clock::now() + 1h));
        cases.push_back(coir::otherwise([&] { handled = 4; }));
        CHECK(coir::select_biased(cases) == 1);
        CHECK(handled == 2);
        CHECK(texts.recv() == "text");
    });
}

TEST_CASE("otherwise in a vector commits when nothing is ready") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch;
        std::vector<coir::select_case> cases;
        cases.push_back(ch.on_recv());
        cases.push_back(coir::otherwise());
        CHECK(coir::select(cases) == 1);
        CHECK(coir::select(cases) == 1);
    });
}

TEST_CASE("a timeout in a vector strikes") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch;
        std::vector<coir::select_case> cases;
        cases.push_back(ch.on_recv());
        cases.push_back(coir::on_timeout(3ms));
        const auto start = coir::clock::now();
        CHECK(coir::select(cases) == 1);
        CHECK(coir::clock::now() - start >= 3ms);
    });
}

TEST_CASE("a case turned into a select_case owns its value") {
    for_each_crew([](crew&) {
        const coir::chan<std::string> ch(1);
        std::vector<coir::select_case> cases;
        {
            std::string text(1'000, 'x');
            cases.push_back(ch.on_send(text));
            text = "changed";
        }
        CHECK(coir::select(cases) == 0);
        CHECK(ch.recv() == std::string(1'000, 'x'));
    });
}

TEST_CASE("a select_case takes a value that can only be moved, and drops it unsent") {
    for_each_crew([](crew&) {
        const coir::chan<move_only> ch(1);
        const long before = tracked::live.load();
        {
            move_only value{5};
            std::vector<coir::select_case> cases;
            cases.push_back(ch.on_send(std::move(value)));
            CHECK(value == tracked::moved_from);
            CHECK(coir::select(cases) == 0);
        }
        CHECK(ch.recv()->value() == 5);
        {
            std::vector<coir::select_case> cases;
            cases.push_back(ch.on_send(move_only{6}));
        }
        CHECK(ch.size() == 0);
        CHECK(tracked::live.load() == before);
    });
}

TEST_CASE("a select_case of a temporary handle keeps the channel alive") {
    for_each_crew([](crew&) {
        std::vector<coir::select_case> cases;
        coir::sender<int> tx;
        std::optional<int> value;
        {
            auto [end, rx] = coir::channel<int>(1);
            tx = end;
            cases.push_back(rx.on_recv(value));
        }
        // Whether the case counts as a receiver or the channel closed: select must answer, not
        // crash.
        static_cast<void>(tx.try_send(1));
        CHECK(coir::select(cases) == 0);
    });
}

TEST_CASE("a hundred receivers fan in through one select until all have closed") {
    for_each_runtime([] {
        static constexpr int count = 100;
        std::vector<coir::receiver<int>> inputs;
        for (int i = 0; i < count; ++i) {
            auto [tx, rx] = coir::channel<int>();
            coir::go([out = std::move(tx), i] {
                for (int k = 0; k < 10; ++k) CHECK(out.send(i));
            });
            inputs.push_back(std::move(rx));
        }
        std::vector<int> received(count);
        std::size_t open = count;
        while (open > 0) {
            std::vector<coir::select_case> cases;
            std::optional<int> value;
            for (const auto& input : inputs) cases.push_back(input.on_recv(value));
            const std::size_t index = coir::select(cases);
            if (value) {
                ++received[static_cast<std::size_t>(*value)];
            } else {
                inputs[index] = nullptr;
                --open;
            }
        }
        CHECK(received == std::vector<int>(count, 10));
    });
}
