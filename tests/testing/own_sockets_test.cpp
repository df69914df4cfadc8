// SPDX-License-Identifier: MIT
// Covers sockets under explore, over the simulated network: closing, cancelling and selecting while
// others use them. Right programs pass every schedule.

#include "passes.hpp"

#include <system_error>

using namespace fixture;

namespace {

struct pair_of_streams {
    coir::tcp_listener listener = coir::tcp_listener::bind("127.0.0.1", 0);
    coir::tcp_stream client = coir::tcp_stream::connect(listener.local_endpoint());
    coir::tcp_stream server = listener.accept();
};

std::size_t read_to_end(coir::tcp_stream& from, std::error_code& error) {
    std::size_t size = 0;
    std::array<char, 7> buffer{};
    while (const std::size_t count = from.read(std::span{buffer}, error)) size += count;
    return size;
}

} // namespace

TEST_CASE("a close ends all that is under way, and what comes after it") {
    passes([] {
        pair_of_streams made;
        coir::wait_group users;
        for (int i = 0; i < 2; ++i) {
            users.go([&] {
                std::error_code error;
                require(read_to_end(made.server, error) == 0, "nothing was sent");
                require(error == std::errc::operation_canceled ||
                            error == std::errc::bad_file_descriptor,
                        "closed");
            });
        }
        users.go([&] {
            std::error_code error;
            made.server.write_all("x", error);
            require(!error || error == std::errc::bad_file_descriptor ||
                        error == std::errc::operation_canceled,
                    "written or closed");
        });
        made.server.close();
        require(!made.server.is_open(), "closed");
        users.wait();
    });
}

TEST_CASE("a cancelled read has read or has not, and the rest is there") {
    passes([] {
        pair_of_streams made;
        std::size_t first = 0;
        auto reader = coir::go([&] {
            char byte = 0;
            first += made.server.read(std::span{&byte, 1});
        });
        auto writer = coir::go([&] {
            made.client.write_all("abc");
            made.client.shutdown_write();
        });
        coir::sleep_for(120us); // about when it arrives
        reader.request_stop();
        try {
            reader.join();
            require(first == 1, "read");
        } catch (const coir::task_cancelled&) {}
        writer.join();
        std::error_code error;
        require(first + read_to_end(made.server, error) == 3, "nothing lost");
        require(!error, "no error");
    });
}

TEST_CASE("accepts that are cancelled, closed or raced for lose no connection") {
    passes([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        int accepted = 0;
        coir::task_group acceptors;
        for (int i = 0; i < 2; ++i) {
            acceptors.go([&] {
                coir::select(listener.on_accept([&](coir::tcp_stream) { ++accepted; }),
                             coir::on_timeout(150us));
            });
        }
        const auto client = coir::tcp_stream::connect(listener.local_endpoint());
        acceptors.wait();
        while (accepted == 0) {
            const auto stream = listener.accept();
            ++accepted;
        }
        require(accepted == 1, "once");
        auto waiting = coir::go([&] {
            std::error_code error;
            const auto none = listener.accept(error);
            require(error == std::errc::operation_canceled ||
                        error == std::errc::bad_file_descriptor,
                    "closed");
        });
        listener.close();
        waiting.join();
    });
}

TEST_CASE("a select at a socket and a channel takes one of both, and sees the close") {
    passes([] {
        pair_of_streams made;
        const coir::chan<int> values(1);
        auto writer = coir::go([&] {
            made.client.write_all("x");
            require(values.send(1), "sent");
        });
        int ready = 0;
        int received = 0;
        while (ready == 0 || received == 0) {
            coir::select(made.server.on_readable([&] {
                char byte = 0;
                if (ready == 0) ready += static_cast<int>(made.server.read(std::span{&byte, 1}));
            }),
                         values.on_recv([&](std::optional<int>) { ++received; }));
        }
        writer.join();
        auto closed = coir::go([&] {
            try {
                coir::select(made.server.on_readable(), values.on_recv());
                return false;
            } catch (const std::system_error& error) {
                return error.code() == std::errc::operation_canceled ||
                       error.code() == std::errc::bad_file_descriptor;
            }
        });
        made.server.close();
        require(closed.join(), "told of the close");
    });
}

TEST_CASE("whatever the network does, reads and writes end") {
    passes(
        [] {
            std::error_code error;
            auto listener = coir::tcp_listener::bind("127.0.0.1", 80);
            auto server = coir::go([&] {
                std::error_code ignored;
                auto stream = listener.accept(ignored);
                const std::size_t size = read_to_end(stream, ignored);
                if (!ignored) stream.write_all(std::to_string(size), ignored);
            });
            auto client = coir::tcp_stream::connect("localhost", 80, error);
            if (!error) client.write_all(std::string(50, 'x'), error);
            if (!error) client.shutdown_write(error);
            if (!error) {
                std::array<char, 2> answer{};
                client.read_exactly(std::span{answer}, error);
                require(error || (answer[0] == '5' && answer[1] == '0'), "all or an error");
            }
            listener.close();
            client.close();
            server.join();
        },
        {.buffer = 20,
         .split_probability = 0.5,
         .reset_probability = 0.05,
         .refuse_probability = 0.05});
}
