// SPDX-License-Identifier: MIT
#include "ring/poller_fixture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>

namespace {

using namespace coir::detail;
using namespace coir::detail::testing;
using coir::io_backend;

TEST_CASE("poller: a no-op completes once, in poll or wait and not in submit") {
    on_both_backends([](poller& poller) {
        operation one;
        poller.submit(one, request::nop());
        CHECK_FALSE(one.done());
        CHECK(poller.in_flight() == 1);
        wait_until(poller, [&] { return one.done(); });
        CHECK(one.result == 0);
        CHECK(one.completions == 1);
        CHECK(poller.in_flight() == 0);
        CHECK_FALSE(poller.poll());
        CHECK(one.completions == 1);
    });
}

TEST_CASE("poller: poll alone delivers what can complete") {
    on_both_backends([](poller& poller) {
        operation one;
        poller.submit(one, request::nop());
        while (!poller.poll()) {}
        CHECK(one.done());
    });
}

TEST_CASE("poller: ten thousand operations may be queued at once, in queues of eight") {
    const auto body = [](poller& poller) {
        std::vector<operation> many(10'000);
        for (auto& each : many) poller.submit(each, request::nop());
        CHECK(poller.in_flight() == many.size());
        wait_until(poller, [&] { return poller.in_flight() == 0; });
        for (auto& each : many) CHECK(each.completions == 1);
    };
    on_both_backends(body, {.submissions = 8, .completions = 16});
}

TEST_CASE("poller: ten thousand pending reads overflow the completion queue and none is lost") {
    const auto body = [](poller& poller) {
        const auto [left, right] = socket_pair(poller);
        std::vector<operation> reads(10'000);
        std::vector<char> bytes(reads.size(), 0);
        for (std::size_t i = 0; i < reads.size(); ++i) {
            poller.submit(reads[i], request::recv(left.get(), &bytes[i], 1));
        }
        poller.flush();
        CHECK(poller.in_flight() == reads.size());
        std::string sent(reads.size(), 'x');
        std::size_t written = 0;
        while (written < sent.size()) {
            const ssize_t count =
                ::send(right.get(), sent.data() + written, sent.size() - written, MSG_DONTWAIT);
            if (count > 0) written += static_cast<std::size_t>(count);
            if (count < 0) poller.poll();
        }
        // By poll alone, which has to notice the overflow by itself.
        const std::int64_t limit_ns = monotonic_ns() + patience_ns;
        while (poller.in_flight() != 0 && monotonic_ns() < limit_ns) poller.poll();
        REQUIRE(poller.in_flight() == 0);
        for (std::size_t i = 0; i < reads.size(); ++i) {
            CHECK(reads[i].completions == 1);
            CHECK(reads[i].result == 1);
            CHECK(bytes[i] == 'x');
        }
    };
    on_both_backends(body, {.submissions = 8, .completions = 16});
}

struct resubmitting : operation {
    resubmitting(poller& to, int times) : target(&to), rest(times) {
        completed = [](io_completion& self, int, unsigned) noexcept {
            auto& me = static_cast<resubmitting&>(self);
            ++me.completions;
            if (--me.rest > 0) me.target->submit(me, request::nop());
        };
    }
    poller* target;
    int rest;
};

TEST_CASE("poller: a completion may start the next operation in its own place") {
    on_both_backends([](poller& poller) {
        resubmitting chain(poller, 1000);
        poller.submit(chain, request::nop());
        wait_until(poller, [&] { return chain.rest == 0; });
        CHECK(chain.completions == 1000);
    });
}

TEST_CASE("poller: the deadline ends the sleep, not before and not much after") {
    on_both_backends([](poller& poller) {
        for (const std::int64_t sleep_ns : {100'000L, 2'000'000L, 20'000'000L}) {
            const std::int64_t deadline_ns = monotonic_ns() + sleep_ns;
            int turns = 0;
            while (monotonic_ns() < deadline_ns) {
                poller.wait(deadline_ns);
                ++turns;
            }
            CHECK_MESSAGE(turns < 50, turns,
                          " turns"); // more would be spinning; a few are signals and the like
            CHECK(monotonic_ns() - deadline_ns < one_second_ns);
        }
    });
}

TEST_CASE("poller: a deadline in the past does not sleep") {
    on_both_backends([](poller& poller) {
        for (const std::int64_t deadline_ns : {std::int64_t{0}, std::int64_t{-1}, monotonic_ns()}) {
            poller.wait(deadline_ns);
        }
        CHECK_FALSE(poller.poll());
    });
}

std::int64_t thread_cpu_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * one_second_ns + time.tv_nsec;
}

TEST_CASE("poller: an idle wait uses no CPU, also with operations pending") {
    on_both_backends([](poller& poller) {
        const auto [left, right] = socket_pair(poller);
        operation pending;
        char byte = 0;
        poller.submit(pending, request::recv(left.get(), &byte, 1));
        poller.wake(); // a wake-up must not leave something behind that keeps ending the sleep
        const std::int64_t begin_ns = thread_cpu_ns();
        const std::int64_t deadline_ns = monotonic_ns() + 200 * one_millisecond_ns;
        int turns = 0;
        while (monotonic_ns() < deadline_ns) {
            poller.wait(deadline_ns);
            ++turns;
        }
        CHECK(turns < 50);
        CHECK(thread_cpu_ns() - begin_ns < 20 * one_millisecond_ns);
        poller.cancel(pending);
        wait_until(poller, [&] { return pending.done(); });
    });
}

TEST_CASE("poller: errors are the kernel's") {
    on_both_backends([](poller& poller) {
        char byte = 0;
        CHECK(complete(poller, request::read(-1, &byte, 1)) == -EBADF);
        CHECK(complete(poller, request::write(1'000'000, &byte, 1)) == -EBADF);
        CHECK(complete(poller, request::recv(-1, &byte, 1)) == -EBADF);
        CHECK(complete(poller, request::poll(-1, POLLIN)) == -EBADF);
        CHECK(complete(poller, request::close(-1)) == -EBADF);
        const auto [left, right] = make_pipe(poller);
        CHECK(complete(poller, request::recv(left.get(), &byte, 1)) == -ENOTSOCK);
        CHECK(complete(poller, request::accept(left.get(), nullptr, nullptr, 0)) == -ENOTSOCK);
    });
}

TEST_CASE("poller: automatic takes io_uring where there is one and says why not otherwise") {
    const auto made = make_poller(io_backend::automatic);
    REQUIRE(made != nullptr);
    if (made->refused_errno() == 0) {
        CHECK(std::string(made->name()) == "io_uring");
        CHECK_FALSE(made->prefers_nonblocking());
    } else {
        CHECK(std::string(made->name()) == "epoll");
    }
    CHECK(std::string(make_poller(io_backend::epoll)->name()) == "epoll");
}

} // namespace
