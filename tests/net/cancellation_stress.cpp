// SPDX-License-Identifier: MIT
// Hammers reads, writes, accepts and receives that race against their own cancellation and timeout:
// each byte is read once or still in the socket, each is written or not, and none is lost.

#include "net_fixture.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <span>
#include <vector>

using namespace fixture;

namespace {

/// An endless text whose bytes are known by their places: what is lost, doubled or out of order
/// shows. Of one end of the stream.
class endless_text {
public:
    /// What comes next, to be sent; only what was sent counts.
    void write_next(std::span<char> into) const {
        for (std::size_t i = 0; i < into.size(); ++i) into[i] = at(place_ + i);
    }
    void sent(std::size_t count) { place_ += count; }

    void received(std::span<const char> bytes) {
        for (const char byte : bytes) wrong_ += byte != at(place_++);
    }

    std::uint64_t place() const { return place_; }
    std::uint64_t wrong() const { return wrong_; }

private:
    static char at(std::uint64_t place) {
        return static_cast<char>((place * 0x9E37'79B9'7F4A'7C15ULL) >> 56);
    }

    std::uint64_t place_ = 0;
    std::uint64_t wrong_ = 0;
};

/// How the attempts ended.
struct outcomes {
    int done = 0;
    int cut = 0; ///< after they had begun
    int not_begun = 0;
};

/// Lets an operation run into its end: a limit that strikes before, while and after it waits, a
/// stop at once, a stop after some turns, or nothing. `attempt` says itself when it has happened.
template <class Attempt> void attempt_once(int i, outcomes& seen, Attempt operation) {
    bool has_begun = false;
    const auto attempt = [&] {
        has_begun = true;
        operation();
    };
    try {
        switch (i % 5) {
        case 0: coir::with_timeout(std::chrono::microseconds(i % 70), attempt); break;
        case 1: coir::with_timeout(std::chrono::microseconds(i % 7), attempt); break;
        case 2:
        case 3: {
            auto victim = coir::go(attempt);
            for (int n = 0; n < i % 11; ++n) coir::yield();
            victim.request_stop();
            victim.join();
            break;
        }
        default: attempt();
        }
        ++seen.done;
    } catch (const coir::timed_out&) {
        ++seen.cut;
    } catch (const coir::task_cancelled&) {
        ++(has_begun ? seen.cut : seen.not_begun);
    }
}

// Four runs of each, on both backends with one and two workers: a million attempts at a scale of
// 25.
constexpr int attempts_each = 10'000;

void check_both(const outcomes& seen, int attempts) {
    CHECK(seen.done + seen.cut + seen.not_begun == attempts);
    CHECK(seen.done > 0);
    // In so many attempts some are cut while they wait, or nothing was tested.
    if (attempts >= attempts_each / 10) CHECK(seen.cut > 0);
}

/// What senders do now and then so that the others find nothing there: waits until all has come,
/// and then some turns more than those give who stop them.
template <class AllHaveCome> void let_run_dry(std::size_t i, AllHaveCome all_have_come) {
    if (i % 4 == 0) return;
    // Not for ever: where something is lost, the test is to say so.
    for (int n = 0; n < 10'000 && !all_have_come(); ++n) coir::yield();
    // A worker submits and looks for completions only once in many turns: some waits outlast that.
    const std::size_t turns = i % 8 == 7 ? 300 : i * 7 % 23;
    for (std::size_t n = 0; n < turns; ++n) coir::yield();
}

/// Reads are cut, while a writer sends small pieces and waits now and then until all is read.
template <class Reader, class Writer> void race_reads(Reader& reader, Writer& writer) {
    const int attempts = scaled(attempts_each);
    std::atomic<std::uint64_t> read_so_far{0};
    std::atomic<bool> stop{false};
    std::uint64_t written = 0;
    auto writing = coir::go([&] {
        endless_text text;
        std::array<char, 300> piece{};
        for (std::size_t i = 0; !stop.load(); ++i) {
            const auto part = std::span{piece}.first(i % 300 + 1);
            text.write_next(part);
            writer.write_all(part);
            text.sent(part.size());
            let_run_dry(i, [&] { return stop.load() || read_so_far.load() == text.place(); });
        }
        writer.shutdown_write();
        written = text.place();
    });
    endless_text text;
    std::array<char, 200> buffer{};
    const auto read_some = [&](std::size_t most) {
        const std::size_t count = reader.read(std::span{buffer}.first(most));
        text.received(std::span{buffer}.first(count));
        read_so_far.store(text.place());
        return count;
    };
    outcomes seen;
    for (int i = 0; i < attempts; ++i) {
        const auto most = static_cast<std::size_t>(i % 200) + 1;
        attempt_once(i, seen, [&, most] {
            const std::size_t count = read_some(most);
            CHECK(count != 0);
        });
    }
    stop.store(true);
    while (read_some(buffer.size()) != 0) {}
    writing.join();
    CHECK(text.place() == written);
    CHECK(text.wrong() == 0);
    check_both(seen, attempts);
}

/// Writes are cut, into a stream that is full most of the time, while a reader takes small pieces.
template <class Reader, class Writer> void race_writes(Reader& reader, Writer& writer) {
    const int attempts = scaled(attempts_each);
    endless_text arrived;
    auto reading = coir::go([&] {
        std::array<char, 4'000> buffer{};
        for (std::size_t i = 0;; ++i) {
            const std::size_t most = 1'000 + i * 37 % 3'000;
            const std::size_t count = reader.read(std::span{buffer}.first(most));
            if (count == 0) return;
            arrived.received(std::span{buffer}.first(count));
            for (std::size_t n = 0; n < i % 4; ++n) coir::yield();
        }
    });
    endless_text text;
    std::vector<char> piece(8'000);
    outcomes seen;
    for (int i = 0; i < attempts; ++i) {
        attempt_once(i, seen, [&, i] {
            const auto part = std::span{piece}.first(static_cast<std::size_t>(i * 41 % 8'000) + 1);
            text.write_next(part);
            text.sent(writer.write(part));
        });
    }
    writer.shutdown_write();
    reading.join();
    CHECK(arrived.place() == text.place());
    CHECK(arrived.wrong() == 0);
    check_both(seen, attempts);
}

void set_option(int fd, int level, int name, int value) {
    CHECK(::setsockopt(fd, level, name, &value, sizeof value) == 0);
}

/// A pair with room for few bytes, and for segments that are far smaller: else each time it is full
/// the kernel waits for a timer of its own.
tcp_pair make_small_tcp_pair() {
    auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
    set_option(listener.native_handle(), IPPROTO_TCP, TCP_MAXSEG, 500);
    auto client = coir::tcp_stream::connect(listener.local_endpoint());
    auto server = listener.accept();
    set_option(client.native_handle(), SOL_SOCKET, SO_RCVBUF, 8'192);
    set_option(server.native_handle(), SOL_SOCKET, SO_SNDBUF, 8'192);
    return {std::move(client), std::move(server)};
}

} // namespace

TEST_CASE("each byte is read from a TCP stream once or still there") {
    for_each_io([] {
        auto [client, server] = make_tcp_pair();
        race_reads(client, server);
    });
}

TEST_CASE("each byte is read from a pipe once or still there") {
    for_each_io([] {
        auto [reader, writer] = coir::pipe();
        race_reads(reader, writer);
    });
}

TEST_CASE("each byte is written to a TCP stream once or not at all") {
    for_each_io([] {
        auto [client, server] = make_small_tcp_pair();
        race_writes(client, server);
    });
}

TEST_CASE("each byte is written to a pipe once or not at all") {
    for_each_io([] {
        auto [reader, writer] = coir::pipe();
        CHECK(::fcntl(writer.native_handle(), F_SETPIPE_SZ, 4'096) == 4'096);
        race_writes(reader, writer);
    });
}

TEST_CASE("two that read from one stream take each byte once") {
    for_each_io([] {
        const int rounds = scaled(attempts_each / 10);
        auto [client, server] = make_tcp_pair();
        // Bytes are counted by their values, as the two do not know each other's order.
        std::array<std::atomic<int>, 256> taken{};
        std::atomic<int> taken_in_all{0};
        const auto take = [&, &from = server](std::size_t most) {
            std::array<char, 64> buffer{};
            const std::size_t count = from.read(std::span{buffer}.first(most));
            for (std::size_t i = 0; i < count; ++i)
                taken[static_cast<unsigned char>(buffer[i])].fetch_add(1);
            taken_in_all.fetch_add(static_cast<int>(count));
            return count;
        };
        std::atomic<int> readers{2};
        auto writing = coir::go([&, &to = client] {
            std::array<char, 256> all{};
            for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>(i);
            int sent = 0;
            while (readers.load() != 0) {
                to.write_all(all);
                ++sent;
                let_run_dry(static_cast<std::size_t>(sent), [&] {
                    return readers.load() == 0 || taken_in_all.load() == sent * 256;
                });
            }
            to.shutdown_write();
            return sent;
        });
        std::vector<coir::task<void>> reading;
        for (int reader = 0; reader < 2; ++reader) {
            reading.push_back(coir::go([&] {
                outcomes seen;
                for (int i = 0; i < rounds; ++i) {
                    attempt_once(i, seen, [&, i] {
                        const std::size_t count = take(static_cast<std::size_t>(i % 64) + 1);
                        CHECK(count != 0);
                    });
                }
                check_both(seen, rounds);
                readers.fetch_sub(1);
            }));
        }
        for (auto& one : reading) one.join();
        while (take(64) != 0) {}
        const int sent = writing.join();
        CHECK(std::all_of(taken.begin(), taken.end(),
                          [&](const auto& count) { return count.load() == sent; }));
    });
}

TEST_CASE("each connection is accepted once or still waits") {
    for_each_io([] {
        const int attempts = scaled(attempts_each / 10);
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        const coir::endpoint at = listener.local_endpoint();
        // Each connection says its number, and has it given back.
        std::atomic<bool> stop{false};
        auto connecting = coir::go([&] {
            std::uint32_t number = 0;
            for (; !stop.load(); ++number) {
                auto client = coir::tcp_stream::connect(at);
                client.write_all(std::as_bytes(std::span{&number, 1}));
                std::uint32_t answer = 0;
                client.read_exactly(std::as_writable_bytes(std::span{&answer, 1}));
                CHECK(answer == number);
            }
            return number;
        });
        std::uint32_t accepted = 0;
        const auto serve_one = [&] {
            coir::tcp_stream server = listener.accept();
            coir::shield([&] {
                std::uint32_t number = 0;
                server.read_exactly(std::as_writable_bytes(std::span{&number, 1}));
                CHECK(number == accepted++);
                server.write_all(std::as_bytes(std::span{&number, 1}));
            });
        };
        outcomes seen;
        for (int i = 0; i < attempts; ++i) attempt_once(i, seen, serve_one);
        // The one that connects now, if any, ends the loop.
        auto rest = coir::go([&] {
            for (;;) serve_one();
        });
        stop.store(true);
        const std::uint32_t connected = connecting.join();
        rest.request_stop();
        CHECK_THROWS_AS(rest.join(), coir::task_cancelled);
        CHECK(accepted == connected);
        check_both(seen, attempts);
    });
}

TEST_CASE("each datagram is received once or still there") {
    for_each_io([] {
        const int attempts = scaled(attempts_each);
        auto receiver = coir::udp_socket::bind("127.0.0.1", 0);
        auto sender = coir::udp_socket::bind("127.0.0.1", 0);
        const coir::endpoint to = receiver.local_endpoint();
        std::atomic<std::uint32_t> received{0};
        std::atomic<bool> stop{false};
        auto sending = coir::go([&] {
            std::uint32_t number = 0;
            while (!stop.load()) {
                sender.send_to(std::as_bytes(std::span{&number, 1}), to);
                ++number;
                // Few under way: a full socket drops datagrams.
                const std::uint32_t most = number % 4;
                while (!stop.load() && received.load() + most < number) coir::yield();
                let_run_dry(number, [&] { return stop.load() || received.load() == number; });
            }
            return number;
        });
        const auto receive = [&] {
            std::uint32_t number = 0;
            const auto [size, from] =
                receiver.receive_from(std::as_writable_bytes(std::span{&number, 1}));
            CHECK(size == sizeof number);
            CHECK(number == received.fetch_add(1)); // on the loopback they keep their order
        };
        outcomes seen;
        for (int i = 0; i < attempts; ++i) attempt_once(i, seen, receive);
        stop.store(true);
        const std::uint32_t sent = sending.join();
        coir::with_timeout(10s, [&] {
            while (received.load() != sent) receive();
        });
        check_both(seen, attempts);
    });
}
