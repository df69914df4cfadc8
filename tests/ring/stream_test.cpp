// SPDX-License-Identifier: MIT
#include "ring/poller_fixture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <termios.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace {

using namespace coir::detail;
using namespace coir::detail::testing;

TEST_CASE("streams: a read waits until there is something, and sees the end") {
    on_both_backends([](poller& poller) {
        for (const int flags : {0, O_NONBLOCK}) {
            auto [from, to] = make_pipe_with(flags);
            std::array<char, 16> buffer{};
            operation read;
            poller.submit(read, request::read(from.get(), buffer.data(), buffer.size()));
            poller.poll();
            CHECK_FALSE(read.done());
            CHECK(complete(poller, request::write(to.get(), "hello", 5)) == 5);
            wait_until(poller, [&] { return read.done(); });
            CHECK(read.result == 5);
            CHECK(std::string(buffer.data(), 5) == "hello");
            to.close();
            CHECK(complete(poller, request::read(from.get(), buffer.data(), 1)) == 0);
        }
    });
}

TEST_CASE("streams: a write waits until there is room") {
    on_both_backends([](poller& poller) {
        for (const int flags : {0, O_NONBLOCK}) {
            auto [from, to] = make_pipe_with(flags);
            std::vector<char> data(1 << 20, 'x');
            operation write;
            // The pipe takes a part of it, and a blocking write of the rest would hold the owner.
            std::size_t written = 0;
            std::size_t received = 0;
            std::vector<char> buffer(1 << 16);
            poller.submit(write, request::write(to.get(), data.data(), data.size()));
            while (received < data.size()) {
                const int count =
                    complete(poller, request::read(from.get(), buffer.data(), buffer.size()));
                REQUIRE(count > 0);
                received += static_cast<std::size_t>(count);
                if (write.done() && written < data.size()) {
                    REQUIRE(write.result > 0);
                    written += static_cast<std::size_t>(write.result);
                    write.completions = 0;
                    if (written < data.size()) {
                        poller.submit(write, request::write(to.get(), data.data() + written,
                                                            data.size() - written));
                    }
                }
            }
            wait_until(poller, [&] { return poller.in_flight() == 0; });
        }
    });
}

TEST_CASE("streams: vectored reads and writes") {
    on_both_backends([](poller& poller) {
        const auto [left, right] = socket_pair(poller);
        std::string first = "one ";
        std::string second = "two";
        const std::array<iovec, 2> out{iovec{first.data(), 4}, iovec{second.data(), 3}};
        std::array<char, 3> head{};
        std::array<char, 8> tail{};
        const std::array<iovec, 2> in{iovec{head.data(), 3}, iovec{tail.data(), 8}};
        operation read;
        poller.submit(read, request::readv(left.get(), in.data(), 2));
        CHECK(complete(poller, request::writev(right.get(), out.data(), 2)) == 7);
        wait_until(poller, [&] { return read.done(); });
        CHECK(read.result == 7);
        CHECK(std::string(head.data(), 3) + std::string(tail.data(), 4) == "one two");
    });
}

TEST_CASE("streams: a reader and a writer may wait on one descriptor") {
    on_both_backends([](poller& poller) {
        const auto [left, right] = socket_pair(poller);
        char byte = 0;
        operation read;
        poller.submit(read, request::recv(left.get(), &byte, 1));
        const std::vector<char> data(1 << 16, 'x');
        // Fill it up until a send has to wait.
        std::vector<std::unique_ptr<operation>> sends;
        do {
            sends.push_back(std::make_unique<operation>());
            poller.submit(*sends.back(), request::send(left.get(), data.data(), data.size()));
            poller.poll();
            REQUIRE(sends.size() < 10'000);
        } while (sends.back()->done());
        CHECK_FALSE(read.done());
        CHECK(complete(poller, request::send(right.get(), "!", 1)) == 1);
        wait_until(poller, [&] { return read.done(); });
        CHECK(byte == '!');
        CHECK_FALSE(sends.back()->done());
        std::vector<char> drain(1 << 20);
        while (!sends.back()->done()) {
            CHECK(::recv(right.get(), drain.data(), drain.size(), MSG_DONTWAIT) != 0);
            poller.wait(monotonic_ns() + one_millisecond_ns);
        }
        CHECK(sends.back()->result > 0);
    });
}

// io_uring wakes the youngest first, epoll the oldest.
TEST_CASE("streams: several readers of one descriptor get a byte each") {
    on_both_backends([](poller& poller) {
        const auto [left, right] = socket_pair(poller);
        std::array<operation, 5> reads;
        std::array<char, 5> bytes{};
        for (std::size_t i = 0; i < reads.size(); ++i) {
            poller.submit(reads[i], request::recv(left.get(), &bytes[i], 1));
            poller.poll();
        }
        CHECK(complete(poller, request::send(right.get(), "abcde", 5)) == 5);
        wait_until(poller, [&] { return poller.in_flight() == 0; });
        if (poller.name() == std::string("epoll")) CHECK(std::string(bytes.data(), 5) == "abcde");
        std::sort(bytes.begin(), bytes.end());
        CHECK(std::string(bytes.data(), 5) == "abcde");
        for (const auto& each : reads) CHECK(each.completions == 1);
    });
}

TEST_CASE("streams: a later reader does not overtake on epoll") {
    const auto made = make_poller(coir::io_backend::epoll);
    const auto [left, right] = socket_pair(*made);
    std::array<operation, 2> reads;
    std::array<char, 2> bytes{};
    made->submit(reads[0], request::recv(left.get(), &bytes[0], 1));
    REQUIRE(::send(right.get(), "ab", 2, 0) == 2); // there, but not yet noticed
    made->submit(reads[1], request::recv(left.get(), &bytes[1], 1));
    wait_until(*made, [&] { return made->in_flight() == 0; });
    CHECK(std::string(bytes.data(), 2) == "ab");
}

TEST_CASE("streams: MSG_DONTWAIT is answered instead of waiting") {
    on_both_backends([](poller& poller) {
        const auto [left, right] = socket_pair(poller);
        char byte = 0;
        CHECK(complete(poller, request::recv(left.get(), &byte, 1, MSG_DONTWAIT)) == -EAGAIN);
        iovec part{&byte, 1};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        CHECK(complete(poller, request::recvmsg(left.get(), &message, MSG_DONTWAIT)) == -EAGAIN);
    });
}

TEST_CASE("streams: messages carry descriptors") {
    on_both_backends([](poller& poller) {
        const auto [left, right] = socket_pair(poller);
        char byte = 'x';
        iovec part{&byte, 1};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        const int sent = left.get();
        std::memcpy(CMSG_DATA(header), &sent, sizeof sent);
        CHECK(complete(poller, request::sendmsg(left.get(), &message)) == 1);
        control = {};
        CHECK(complete(poller, request::recvmsg(right.get(), &message, MSG_CMSG_CLOEXEC)) == 1);
        int received = -1;
        std::memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
        const descriptor owned(received);
        CHECK(received > 2);
    });
}

TEST_CASE("streams: poll reports readiness and hang-up") {
    on_both_backends([](poller& poller) {
        auto [left, right] = socket_pair(poller);
        CHECK(complete(poller, request::poll(left.get(), POLLOUT)) == POLLOUT);
        operation readable;
        operation hung_up;
        poller.submit(readable, request::poll(left.get(), POLLIN));
        poller.submit(hung_up, request::poll(left.get(), POLLRDHUP));
        poller.poll();
        CHECK_FALSE(readable.done());
        CHECK(complete(poller, request::send(right.get(), "x", 1)) == 1);
        wait_until(poller, [&] { return readable.done(); });
        CHECK(readable.result == POLLIN);
        CHECK_FALSE(hung_up.done());
        right.close();
        wait_until(poller, [&] { return hung_up.done(); });
        CHECK((hung_up.result & POLLHUP) != 0);

        auto [from, to] = make_pipe(poller);
        operation broken;
        poller.submit(broken, request::poll(to.get(), 0));
        poller.poll();
        CHECK_FALSE(broken.done());
        from.close();
        wait_until(poller, [&] { return broken.done(); });
        CHECK((broken.result & POLLERR) != 0);
    });
}

TEST_CASE("streams: a broken pipe is an error and no signal") {
    on_both_backends([](poller& poller) {
        auto [left, right] = socket_pair(poller);
        right.close();
        CHECK(complete(poller, request::send(left.get(), "x", 1)) == -EPIPE);
        char byte = 0;
        CHECK(complete(poller, request::recv(left.get(), &byte, 1)) == 0);
    });
}

TEST_CASE("streams: shutdown ends the peer's reading") {
    on_both_backends([](poller& poller) {
        const auto [left, right] = socket_pair(poller);
        char byte = 0;
        operation read;
        poller.submit(read, request::recv(right.get(), &byte, 1));
        CHECK(complete(poller, request::shutdown(left.get(), SHUT_WR)) == 0);
        wait_until(poller, [&] { return read.done(); });
        CHECK(read.result == 0);
    });
}

TEST_CASE("streams: splice waits at both ends, in blocking mode and not") {
    on_both_backends([](poller& poller) {
        for (const int flags : {0, O_NONBLOCK}) {
            const auto [source, into_source] = make_pipe_with(flags);
            const auto [out_of_sink, sink] = make_pipe_with(flags);
            operation splice;
            poller.submit(splice, request::splice(source.get(), sink.get(), 100));
            poller.poll();
            CHECK_FALSE(splice.done());
            CHECK(complete(poller, request::write(into_source.get(), "spliced", 7)) == 7);
            wait_until(poller, [&] { return splice.done(); });
            CHECK(splice.result == 7);
            std::array<char, 16> buffer{};
            CHECK(complete(poller, request::read(out_of_sink.get(), buffer.data(), 16)) == 7);
            CHECK(std::string(buffer.data(), 7) == "spliced");

            // A full sink.
            const std::vector<char> filling(1 << 20, 'f');
            REQUIRE(::fcntl(sink.get(), F_SETFL, O_WRONLY | O_NONBLOCK) == 0);
            while (::write(sink.get(), filling.data(), filling.size()) > 0) {}
            REQUIRE(::fcntl(sink.get(), F_SETFL, O_WRONLY | flags) == 0);
            CHECK(complete(poller, request::write(into_source.get(), "more", 4)) == 4);
            operation blocked;
            poller.submit(blocked, request::splice(source.get(), sink.get(), 100));
            poller.poll();
            CHECK_FALSE(blocked.done());
            std::vector<char> drained(1 << 20);
            while (!blocked.done()) {
                CHECK(complete(poller, request::read(out_of_sink.get(), drained.data(),
                                                     drained.size())) > 0);
                poller.wait(monotonic_ns() + one_millisecond_ns);
            }
            CHECK(blocked.result == 4);
        }
    });
}

TEST_CASE("streams: of several splices that wait for one pipe, room for one lets one go on") {
    on_both_backends([](poller& poller) {
        const auto [out_of_sink, sink] = make_pipe_with(O_NONBLOCK);
        const std::vector<char> page(4096, 'p');
        while (::write(sink.get(), page.data(), page.size()) > 0) {}
        std::array<descriptor_pair, 3> sources;
        std::array<operation, 3> splices;
        for (std::size_t i = 0; i < sources.size(); ++i) {
            sources[i] = make_pipe_with(0);
            REQUIRE(::write(sources[i].second.get(), page.data(), page.size()) == 4096);
            poller.submit(splices[i],
                          request::splice(sources[i].first.get(), sink.get(), page.size()));
        }
        poller.poll();
        std::vector<char> drained(page.size());
        for (int expected = 1; expected <= 3; ++expected) {
            REQUIRE(::read(out_of_sink.get(), drained.data(), drained.size()) == 4096);
            const auto done = [&] {
                return std::ranges::count_if(splices, [](auto& one) { return one.done(); });
            };
            wait_until(poller, [&] { return done() == expected; });
        }
        for (const auto& splice : splices) CHECK(splice.result == 4096);
    });
}

// A terminal is of the files that neither backend's kernel side can try without blocking.
TEST_CASE("streams: a terminal is read and written, in blocking mode and not") {
    on_both_backends([](poller& poller) {
        int master_fd = -1;
        int slave_fd = -1;
        REQUIRE(::openpty(&master_fd, &slave_fd, nullptr, nullptr, nullptr) == 0);
        const descriptor master(master_fd);
        const descriptor slave(slave_fd);
        termios settings{};
        REQUIRE(::tcgetattr(slave.get(), &settings) == 0);
        ::cfmakeraw(&settings);
        REQUIRE(::tcsetattr(slave.get(), TCSANOW, &settings) == 0);
        for (const int mode : {0, O_NONBLOCK}) {
            REQUIRE(::fcntl(slave.get(), F_SETFL, O_RDWR | mode) == 0);
            std::array<char, 16> buffer{};
            operation read;
            poller.submit(read, request::read(slave.get(), buffer.data(), buffer.size()));
            poller.poll();
            CHECK_FALSE(read.done());
            CHECK(complete(poller, request::write(master.get(), "typed", 5)) == 5);
            wait_until(poller, [&] { return read.done(); });
            CHECK(read.result == 5);
            // Blocking writes to it are interrupted at times, by nobody's wish.
            for (int turn = 0; turn < 200; ++turn) {
                REQUIRE(complete(poller, request::write(slave.get(), "shown", 5)) == 5);
                REQUIRE(complete(poller, request::read(master.get(), buffer.data(), 16)) == 5);
                CHECK(std::string(buffer.data(), 5) == "shown");
            }
            operation cancelled;
            poller.submit(cancelled, request::read(slave.get(), buffer.data(), 1));
            poller.poll();
            poller.cancel(cancelled);
            wait_until(poller, [&] { return cancelled.done(); });
            CHECK(cancelled.result == -ECANCELED);
        }
    });
}

} // namespace
