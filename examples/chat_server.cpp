// SPDX-License-Identifier: MIT
// A chat room over TCP: the first line of a client is its name, every further one goes to all the
// others. One coroutine, the room, owns all that is known of the clients, and selects over their
// channels; so nothing needs a lock. A client that does not read is dropped, and delays nobody.
//
//     $ chat_server --port 7000 & sleep 1; nc localhost 7000

#include "service/server_loop.hpp"

#include <coir/coir.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

using text = std::shared_ptr<const std::string>; // one for all its receivers

constexpr std::size_t longest_line = 4'096;
constexpr std::size_t backlog = 256; // lines that a client may lag behind

/// What the room holds of a client: both ends of its conversation.
struct client {
    coir::receiver<std::string> lines; ///< ends when the client has gone
    coir::sender<text> news;
    std::string name{};
};

void read_lines(coir::tcp_stream& stream, const coir::sender<std::string>& lines) {
    coir::buffered_reader in{stream};
    std::error_code error; // gone, or a line too long: that client's end either way
    while (auto line = in.read_line(longest_line, error)) {
        if (!lines.send(std::move(*line))) return;
    }
}

void write_news(coir::tcp_stream& stream, const coir::receiver<text>& news) {
    std::error_code error;
    for (const text& one : news) {
        stream.write_all(*one, error);
        if (error) return;
    }
    stream.shutdown_write(error);
}

/// Serves one connection. Without news there is nothing more to say, so it also ends the reading.
void converse(coir::tcp_stream stream, const coir::sender<client>& room) {
    auto [lines, lines_out] = coir::channel<std::string>();
    auto [news_in, news] = coir::channel<text>(backlog);
    if (!room.send(client{std::move(lines_out), std::move(news_in)})) return;
    coir::task_group reading; // joined before the stream goes, whatever happens
    reading.go([&stream, out = std::move(lines)] { read_lines(stream, out); });
    write_news(stream, news);
    stream.close();
    reading.wait();
}

class chat_room {
public:
    explicit chat_room(coir::receiver<client> arrivals) : arrivals_{std::move(arrivals)} {}

    /// Returns when nobody can come any more.
    void run() {
        while (open_) {
            std::vector<coir::select_case> cases;
            cases.reserve(clients_.size() + 1);
            cases.emplace_back(arrivals_.on_recv([this](std::optional<client> one) {
                if (one) clients_.push_back(std::move(*one));
                open_ = one.has_value();
            }));
            for (std::size_t i = 0; i < clients_.size(); ++i) {
                cases.emplace_back(clients_[i].lines.on_recv(
                    [this, i](std::optional<std::string> line) { heard(i, std::move(line)); }));
            }
            coir::select(cases);
            bury_the_gone();
        }
        tell_all(clients_.size(), "* the server is closing\n");
    }

private:
    void heard(std::size_t from, std::optional<std::string> line) {
        client& who = clients_[from];
        if (!line) {
            who.news = nullptr;
            if (!who.name.empty()) tell_all(from, "* " + who.name + " left\n");
        } else if (who.name.empty()) {
            who.name = line->empty() ? "nobody" : *line;
            tell_all(clients_.size(), "* " + who.name + " joined\n");
        } else {
            tell_all(from, who.name + ": " + *line + "\n");
        }
    }

    void tell_all(std::size_t except, std::string what) {
        const auto shared = std::make_shared<const std::string>(std::move(what));
        for (std::size_t i = 0; i < clients_.size(); ++i) {
            client& who = clients_[i];
            if (i == except || who.name.empty() || who.news == nullptr) continue;
            if (who.news.try_send(shared) != coir::channel_status::success) who.news = nullptr;
        }
    }

    // Whose news have been given up: converse() sees the channel end, and hangs up.
    void bury_the_gone() {
        std::erase_if(clients_, [](const client& who) { return who.news == nullptr; });
    }

    coir::receiver<client> arrivals_;
    std::vector<client> clients_;
    bool open_ = true;
};

struct settings {
    std::string host = "127.0.0.1";
    std::uint16_t port = 7000;
};

int serve(const settings& given) {
    const auto stop = coir::signals({SIGINT, SIGTERM});
    auto listener = coir::tcp_listener::bind(given.host, given.port);
    std::printf("listening on %s\n", listener.local_endpoint().to_string().c_str());
    std::fflush(stdout);
    auto [door, arrivals] = coir::channel<client>();
    auto room = coir::go({.name = "room"},
                         [in = std::move(arrivals)]() mutable { chat_room{std::move(in)}.run(); });
    coir::task_group connections;
    const auto enter = [&entrance = door](coir::tcp_stream stream) {
        converse(std::move(stream), entrance);
    };
    service::accept_until(listener, stop, connections, enter);
    listener.close();
    door.close(); // the room says goodbye, and lets go of everybody
    room.join();
    service::drain(connections, stop, 5s);
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    settings given;
    CLI::App app{"A chat room over TCP."};
    app.add_option("--host", given.host, "the address to listen on")->capture_default_str();
    app.add_option("--port", given.port, "the port; 0: any")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        return coir::run([&] { return serve(given); });
    } catch (const std::exception& error) {
        std::fprintf(stderr, "chat_server: %s\n", error.what());
        return 1;
    }
}
