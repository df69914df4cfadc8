// SPDX-License-Identifier: MIT
#include "base/spin_lock.hpp"
#include "ring/poller_fixture.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <random>
#include <thread>

namespace {

using namespace coir::detail;
using namespace coir::detail::testing;

TEST_CASE("cancel: a waiting operation of each kind ends, and not inside cancel") {
    on_both_backends([](poller& poller) {
        const auto [left, right] = socket_pair(poller);
        const auto [from, to] = make_pipe(poller);
        char byte = 0;
        iovec part{&byte, 1};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        const std::array requests{
            request::recv(left.get(), &byte, 1),        request::recvmsg(left.get(), &message),
            request::read(from.get(), &byte, 1),        request::readv(from.get(), &part, 1),
            request::poll(left.get(), POLLIN),          request::poll(from.get(), POLLIN),
            request::splice(from.get(), left.get(), 1),
        };
        for (const io_request& wanted : requests) {
            for (const bool flushed : {false, true}) {
                operation one;
                poller.submit(one, wanted);
                if (flushed) poller.poll();
                REQUIRE_FALSE(one.done());
                poller.cancel(one);
                poller.cancel(one); // again changes nothing
                CHECK_FALSE(one.done());
                wait_until(poller, [&] { return one.done(); });
                CHECK_MESSAGE(one.result == -ECANCELED, "opcode ", static_cast<int>(wanted.opcode));
                CHECK(one.completions == 1);
            }
        }
        // Nothing of them is left that would take what comes now.
        CHECK(complete(poller, request::send(right.get(), "x", 1)) == 1);
        CHECK(complete(poller, request::recv(left.get(), &byte, 1)) == 1);
        CHECK(complete(poller, request::write(to.get(), "y", 1)) == 1);
        CHECK(complete(poller, request::read(from.get(), &byte, 1)) == 1);
        CHECK(byte == 'y');
    });
}

TEST_CASE("cancel: of several readers only the one that is meant ends") {
    on_both_backends([](poller& poller) {
        const auto [left, right] = socket_pair(poller);
        std::array<operation, 3> reads;
        std::array<char, 3> bytes{};
        for (std::size_t i = 0; i < reads.size(); ++i) {
            poller.submit(reads[i], request::recv(left.get(), &bytes[i], 1));
        }
        poller.poll();
        poller.cancel(reads[1]);
        wait_until(poller, [&] { return reads[1].done(); });
        CHECK(reads[1].result == -ECANCELED);
        CHECK_FALSE(reads[0].done());
        CHECK_FALSE(reads[2].done());
        CHECK(complete(poller, request::send(right.get(), "ab", 2)) == 2);
        wait_until(poller, [&] { return reads[0].done() && reads[2].done(); });
        CHECK(bytes[0] + bytes[2] == 'a' + 'b');
    });
}

TEST_CASE("cancel: what has happened stands") {
    on_both_backends([](poller& poller) {
        const auto [left, right] = socket_pair(poller);
        REQUIRE(::send(right.get(), "x", 1, 0) == 1);
        char byte = 0;
        operation read;
        poller.submit(read, request::recv(left.get(), &byte, 1));
        poller.flush();
        poller.cancel(read);
        wait_until(poller, [&] { return read.done(); });
        CHECK(read.result == 1);
        CHECK(byte == 'x');
    });
}

struct cancelling : operation {
    explicit cancelling(poller& to) : target(&to) {
        completed = [](io_completion& self, int, unsigned) noexcept {
            auto& me = static_cast<cancelling&>(self);
            ++me.completions;
            for (operation* each : me.victims) {
                if (!each->done()) me.target->cancel(*each);
            }
        };
    }
    poller* target;
    std::vector<operation*> victims;
};

TEST_CASE("cancel: a completion may cancel others, those that just completed included") {
    on_both_backends([](poller& poller) {
        const auto [left, right] = socket_pair(poller);
        char byte = 0;
        cancelling first(poller);
        operation ended;
        operation pending;
        first.victims = {&ended, &pending};
        poller.submit(pending, request::recv(left.get(), &byte, 1));
        poller.submit(first, request::nop());
        poller.submit(ended, request::nop());
        wait_until(poller, [&] { return poller.in_flight() == 0; });
        CHECK(ended.completions == 1);
        CHECK(ended.result == 0);
        CHECK(pending.result == -ECANCELED);
        // The place of a cancelled operation is used again at once: its cancellation, which came
        // too late, must not strike the next one.
        for (int turn = 0; turn < 100; ++turn) {
            operation again;
            poller.submit(again, request::nop());
            poller.flush();
            poller.cancel(again);
            wait_until(poller, [&] { return again.done(); });
            CHECK(again.result == 0);
            operation next;
            poller.submit(next, request::nop());
            wait_until(poller, [&] { return next.done(); });
            CHECK(next.result == 0);
        }
    });
}

TEST_CASE("cancel: an accept and a connect") {
    on_both_backends([](poller& poller) {
        const int flags = SOCK_CLOEXEC | (poller.prefers_nonblocking() ? SOCK_NONBLOCK : 0);
        const descriptor server(::socket(AF_UNIX, SOCK_STREAM | flags, 0));
        REQUIRE(::listen(server.get(), 1) == -1); // not bound
        const sockaddr autobind{AF_UNIX, {}};
        REQUIRE(::bind(server.get(), &autobind, sizeof(sa_family_t)) == 0);
        REQUIRE(::listen(server.get(), 1) == 0);
        operation accept;
        poller.submit(accept, request::accept(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
        poller.poll();
        CHECK_FALSE(accept.done());
        poller.cancel(accept);
        wait_until(poller, [&] { return accept.done(); });
        CHECK(accept.result == -ECANCELED);
    });
}

// A cancelled read has either got its byte or left it for the next.
TEST_CASE("cancel: ten thousand reads race with arriving data and no byte is lost") {
    on_both_backends([](poller& poller) {
        const auto [left, right] = socket_pair(poller);
        constexpr int total = 10'000;
        const int writer_fd = right.get();
        std::thread writer([writer_fd] {
            std::minstd_rand random(1);
            for (int i = 0; i < total; ++i) {
                const auto byte = static_cast<char>(i % 127);
                ssize_t sent = 0;
                do {
                    sent = ::send(writer_fd, &byte, 1, MSG_DONTWAIT);
                    if (sent != 1) std::this_thread::yield();
                } while (sent != 1);
                for (auto spins = random() % 2000; spins != 0; --spins) cpu_relax();
            }
        });
        std::minstd_rand random(2);
        int received = 0;
        int cancelled = 0;
        int rounds = 0;
        bool in_order = true;
        while (received < total) {
            operation read;
            char byte = 0;
            poller.submit(read, request::recv(left.get(), &byte, 1));
            if (random() % 2 == 0) poller.flush();
            for (auto spins = random() % 500; spins != 0; --spins) cpu_relax();
            poller.cancel(read);
            wait_until(poller, [&] { return read.done(); });
            ++rounds;
            if (read.result == 1) {
                in_order = in_order && byte == received % 127;
                ++received;
            } else {
                CHECK(read.result == -ECANCELED);
                ++cancelled;
                if (cancelled % 64 == 0) std::this_thread::yield(); // let the writer have a core
            }
        }
        writer.join();
        CHECK(in_order);
        CHECK(rounds == received + cancelled);
        char byte = 0;
        CHECK(::recv(left.get(), &byte, 1, MSG_DONTWAIT) == -1); // no byte was read twice either
    });
}

} // namespace
