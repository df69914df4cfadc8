// SPDX-License-Identifier: MIT
// Covers sockets in select: on_accept, on_readable, on_writable, beside cases of other kinds.

#include "net_fixture.hpp"

#include <optional>
#include <thread>
#include <vector>

using namespace fixture;

TEST_CASE("on_readable waits for data and takes none") {
    for_each_io([] {
        auto [client, server] = make_tcp_pair();
        const coir::chan<int> never;
        auto writer = coir::go([&client] {
            for (int i = 0; i < 10; ++i) coir::yield();
            client.write_all("x");
        });
        int calls = 0;
        CHECK(coir::select(never.on_recv(), server.on_readable([&] { ++calls; })) == 1);
        CHECK(calls == 1);
        CHECK(coir::select(never.on_recv(), server.on_readable()) == 1);
        CHECK(read_one(server) == 'x');
        writer.join();
    });
}

TEST_CASE("the end of the stream makes on_readable ready") {
    for_each_io([] {
        auto [client, server] = make_tcp_pair();
        client.shutdown_write();
        CHECK(coir::select(server.on_readable(), coir::on_timeout(10s)) == 0);
        std::array<char, 1> byte{};
        CHECK(server.read(byte) == 0);
    });
}

TEST_CASE("otherwise only looks at sockets") {
    for_each_io([] {
        auto [client, server] = make_tcp_pair();
        CHECK(coir::select(server.on_readable(), coir::otherwise()) == 1);
        CHECK(coir::select(server.on_writable(), coir::otherwise()) == 0);
        client.write_all("y");
        while (coir::select(server.on_readable(), coir::otherwise()) == 1) coir::yield();
        CHECK(read_one(server) == 'y');
    });
}

TEST_CASE("on_writable waits while the peer does not read") {
    for_each_io([] {
        auto [client, server] = make_tcp_pair();
        const std::string block(1 << 16, 'z');
        std::size_t written = 0;
        while (coir::select(client.on_writable(), coir::on_timeout(20ms)) == 0) {
            written += client.write(block);
        }
        CHECK(written > block.size());
        auto reader = coir::go([&server, written] {
            std::string all(written, '\0');
            server.read_exactly(all);
            CHECK(all.find_first_not_of('z') == std::string::npos);
        });
        CHECK(coir::select(client.on_writable(), coir::on_timeout(10s)) == 0);
        reader.join();
    });
}

TEST_CASE("on_accept hands the connection over") {
    for_each_io([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto client = coir::go([where = listener.local_endpoint()] {
            auto stream = coir::tcp_stream::connect(where);
            CHECK(read_one(stream) == 'a');
            return stream.local_endpoint();
        });
        const coir::chan<int> never;
        coir::endpoint peer;
        const auto serve = [&](coir::tcp_stream stream) {
            peer = stream.remote_endpoint();
            stream.write_all("a");
        };
        CHECK(coir::select(never.on_recv(), listener.on_accept(serve)) == 1);
        CHECK(client.join() == peer);
    });
}

TEST_CASE("a connection is not lost by a case that is not chosen") {
    for_each_io([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        const coir::chan<int> ready(1);
        const coir::chan<int> never;
        const auto drop = [](coir::tcp_stream) { CHECK(false); };
        // Armed, then passed over: the poll stays, the connection comes, nobody takes it.
        auto sender = coir::go([&] { CHECK(ready.send(1)); });
        CHECK(coir::select(ready.on_recv(), listener.on_accept(drop)) == 0);
        sender.join();
        auto client = coir::tcp_stream::connect(listener.local_endpoint());
        CHECK(ready.send(2));
        CHECK(coir::select_biased(ready.on_recv(), listener.on_accept(drop)) == 0);
        bool accepted = false;
        const auto take = [&](coir::tcp_stream stream) {
            accepted = stream.remote_endpoint() == client.local_endpoint();
        };
        CHECK(coir::select(never.on_recv(), listener.on_accept(take)) == 1);
        CHECK(accepted);
    });
}

TEST_CASE("sockets stand beside tasks, timers and channels") {
    for_each_io([] {
        auto [client, server] = make_tcp_pair();
        auto job = coir::go([] { return 7; });
        CHECK(coir::select(server.on_readable(), job.on_done()) == 1);
        CHECK(job.join() == 7);
        CHECK(coir::select(server.on_readable(), coir::on_timeout(1ms)) == 1);
        const coir::chan<int> ch;
        auto sender = coir::go([ch] { CHECK(ch.send(5)); });
        std::optional<int> value;
        CHECK(coir::select(server.on_readable(), ch.on_recv(value)) == 1);
        CHECK(value == 5);
        sender.join();
        // Ready both: the order decides, then chance does.
        CHECK(coir::select_biased(client.on_writable(), coir::on_timeout(-1s)) == 0);
        CHECK(coir::select_biased(coir::on_timeout(-1s), client.on_writable()) == 0);
        std::array<int, 2> chosen{};
        for (int i = 0; i < 200; ++i) {
            ++chosen[coir::select(client.on_writable(), coir::on_timeout(-1s))];
        }
        CHECK(chosen[0] > 50);
        CHECK(chosen[1] > 50);
    });
}

TEST_CASE("cases of sockets are used again, and from a vector") {
    for_each_io([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto [client, server] = make_tcp_pair();
        int accepted = 0;
        int readable = 0;
        std::vector<coir::select_case> cases;
        cases.emplace_back(listener.on_accept([&](coir::tcp_stream) { ++accepted; }));
        cases.emplace_back(server.on_readable([&] {
            ++readable;
            CHECK(read_one(server) == 'r');
        }));
        for (int i = 0; i < 10; ++i) {
            auto other = coir::tcp_stream::connect(listener.local_endpoint());
            CHECK(coir::select(cases) == 0);
            client.write_all("r");
            CHECK(coir::select(cases) == 1);
        }
        CHECK(accepted == 10);
        CHECK(readable == 10);
    });
}

TEST_CASE("a handle closed meanwhile makes its case ready, which throws") {
    for_each_io([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto [client, server] = make_tcp_pair();
        const auto closing = [](auto& handle) {
            return coir::go([&handle] {
                for (int i = 0; i < 10; ++i) coir::yield();
                handle.close();
            });
        };
        const auto take = [](coir::tcp_stream) {};
        auto first = closing(listener);
        CHECK(error_of([&] { coir::select(listener.on_accept(take)); }) ==
              std::errc::operation_canceled);
        first.join();
        auto second = closing(server);
        CHECK(error_of([&] { coir::select(server.on_readable(), coir::on_timeout(10s)); }) ==
              std::errc::operation_canceled);
        second.join();
        std::array<char, 1> byte{};
        CHECK(client.read(byte) == 0); // the close was not held up by the poll
    });
}

TEST_CASE("the case of a closed handle is ready and throws") {
    for_each_io([] {
        coir::tcp_stream nil;
        auto [client, server] = make_tcp_pair();
        server.close();
        const coir::chan<int> never;
        CHECK(error_of([&] { coir::select(never.on_recv(), nil.on_readable()); }) ==
              std::errc::bad_file_descriptor);
        CHECK(error_of([&] { coir::select(server.on_writable(), coir::otherwise()); }) ==
              std::errc::bad_file_descriptor);
        const coir::tcp_listener none;
        const auto take = [](coir::tcp_stream) {};
        CHECK(error_of([&] { coir::select(none.on_accept(take), never.on_recv()); }) ==
              std::errc::bad_file_descriptor);
    });
}

TEST_CASE("a handler may close the handle of its own case") {
    for_each_io([] {
        auto [client, server] = make_tcp_pair();
        client.write_all("q");
        CHECK(coir::select(server.on_readable([&server] { server.close(); })) == 0);
        std::array<char, 1> byte{};
        std::error_code error;
        static_cast<void>(client.read(byte, error)); // a reset: the byte was never read
        CHECK(error == std::errc::connection_reset);
    });
}

TEST_CASE("a select that is cancelled leaves the connection where it is") {
    for_each_io([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        for (int i = 0; i < 20; ++i) {
            auto waits = coir::go(
                [&] { coir::select(listener.on_accept([](coir::tcp_stream) { CHECK(false); })); });
            for (int yields = 0; yields < i; ++yields) coir::yield();
            waits.request_stop();
            CHECK_THROWS_AS(waits.join(), coir::task_cancelled);
        }
        auto client = coir::tcp_stream::connect(listener.local_endpoint());
        CHECK(listener.accept().remote_endpoint() == client.local_endpoint());
    });
}

TEST_CASE("a socket outlives the runtime in which a select has waited for it") {
    auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
    const auto drop = [](coir::tcp_stream) { CHECK(false); };
    for_each_io([&] { CHECK(coir::select(listener.on_accept(drop), coir::on_timeout(1ms)) == 1); });
}

TEST_CASE("several selects wait for one listener, and one gets each connection") {
    for_each_io([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        const coir::chan<int> stop;
        constexpr int clients = 50;
        std::atomic<int> served{0};
        std::vector<coir::task<void>> acceptors;
        for (int i = 0; i < 4; ++i) {
            acceptors.push_back(coir::go([&] {
                const auto serve = [&](coir::tcp_stream stream) {
                    stream.write_all("s");
                    served.fetch_add(1);
                };
                while (coir::select(listener.on_accept(serve), stop.on_recv()) == 0) {}
            }));
        }
        coir::task_group group;
        for (int i = 0; i < clients; ++i) {
            group.go([where = listener.local_endpoint()] {
                auto stream = coir::tcp_stream::connect(where);
                CHECK(read_one(stream) == 's');
            });
        }
        group.wait();
        stop.close();
        for (auto& one : acceptors) one.join();
        CHECK(served == clients);
    });
}

TEST_CASE("threads wait for sockets too") {
    for_each_io([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto [client, server] = make_tcp_pair();
        const coir::chan<int> ch;
        std::error_code at_close;
        std::thread foreign{[&] {
            CHECK(coir::select(server.on_readable(), coir::on_timeout(1ms)) == 1);
            CHECK(coir::select(server.on_readable(), coir::otherwise()) == 1);
            CHECK(coir::select(server.on_readable(), ch.on_recv()) == 1);
            CHECK(coir::select(server.on_readable(), ch.on_recv()) == 0);
            const auto drop = [](coir::tcp_stream) {};
            CHECK(coir::select(ch.on_recv(), listener.on_accept(drop)) == 1);
            at_close = error_of([&] { coir::select(listener.on_accept(drop)); });
        }};
        CHECK(ch.send(1));
        client.write_all("t");
        auto other = coir::tcp_stream::connect(listener.local_endpoint());
        std::array<char, 1> byte{};
        CHECK(other.read(byte) == 0);
        listener.close();
        coir::blocking([&] { foreign.join(); });
        // Closed before or after the last select began.
        CHECK((at_close == std::errc::operation_canceled ||
               at_close == std::errc::bad_file_descriptor));
    });
}
