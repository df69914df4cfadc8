// SPDX-License-Identifier: MIT
// A chat room over TCP: the first line of a guest is the name, every further one goes to all the
// others. One coroutine, the keeper, owns all that is known of the guests, and hears of them
// through one channel; so nothing needs a lock. Who does not read is dropped, and delays nobody.
//
//     $ chat_server --port 7000 & sleep 1; nc localhost 7000

#include "service/server_loop.hpp"

#include <coir/coir.hpp>

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace {

using namespace std::chrono_literals;

using guest_id = std::uint64_t;
using text = std::shared_ptr<const std::string>; // one for all who get it

constexpr std::size_t longest_line = 4'096;
constexpr std::size_t most_news = 256; // lines that a guest may lag behind

/// What the keeper hears of a guest.
struct word {
    guest_id who;
    std::optional<std::string> said; ///< nothing: the guest has gone
    coir::sender<text> news;         ///< comes with the first word, the name
};

/// Tells the keeper all that a guest says.
void listen_to(coir::tcp_stream& guest, const coir::sender<word>& room, coir::sender<text> news) {
    const guest_id who = coir::this_task::id();
    coir::buffered_reader in{guest};
    std::optional<std::string> said;
    do {
        std::error_code error; // gone, or a line too long: the guest leaves either way
        said = in.read_line(longest_line, error);
    } while (room.send({who, said, std::move(news)}) && said);
}

/// Serves one connection. Without news there is nothing more to say, so it also ends the listening.
void converse(coir::tcp_stream guest, const coir::sender<word>& room) {
    auto [keeper, news] = coir::channel<text>(most_news);
    coir::task_group listening; // joined before the stream goes, whatever happens
    listening.go(listen_to, std::ref(guest), std::cref(room), std::move(keeper));
    std::error_code error;
    for (const text& one : news)
        if (guest.write_all(*one, error); error) break;
    guest.shutdown_write(error);
    guest.close();
    listening.wait();
}

/// The keeper: stays until the room is closed, and then lets go of everybody.
void keep(const coir::receiver<word>& room) {
    struct guest {
        std::string name;
        coir::sender<text> news;
    };
    std::map<guest_id, guest> guests;
    const auto tell_all = [&](const std::string& what, guest_id except = 0) {
        const text news = std::make_shared<std::string>(what + "\n");
        std::erase_if(guests, [&](const auto& one) { // whoever lags too far behind has to go
            return one.first != except &&
                   one.second.news.try_send(news) != coir::channel_status::success;
        });
    };
    for (word& one : room) {
        const bool is_new = one.news && one.said;
        if (is_new)
            guests[one.who] = {one.said->empty() ? "nobody" : *one.said, std::move(one.news)};
        const auto from = guests.find(one.who);
        if (from == guests.end()) continue; // has had to go
        const std::string name = from->second.name;
        if (is_new) {
            tell_all("* " + name + " joined");
        } else if (one.said) {
            tell_all(name + ": " + *one.said, one.who);
        } else {
            guests.erase(from);
            tell_all("* " + name + " left");
        }
    }
    tell_all("* the server is closing");
}

int serve(const std::string& host, std::uint16_t port) {
    const auto stop = coir::signals({SIGINT, SIGTERM});
    auto listener = service::listen(host, port);
    auto [room, words] = coir::channel<word>();
    auto keeper = coir::go({.name = "keeper"}, keep, std::move(words));
    coir::task_group connections;
    const auto let_in = [&to = room](coir::tcp_stream guest) { converse(std::move(guest), to); };
    service::accept_until(listener, stop, connections, let_in);
    listener.close();
    room.close(); // the keeper says goodbye, and lets go of everybody
    keeper.join();
    service::drain(connections, stop, 5s);
    return 0;
}

} // namespace

int main(int argc, char** argv) try {
    CLI::App app{"A chat room over TCP."};
    std::string host = "127.0.0.1";
    std::uint16_t port = 7000;
    app.add_option("--host", host, "the address to listen on")->capture_default_str();
    app.add_option("--port", port, "the port; 0: any")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    return coir::run([&] { return serve(host, port); });
} catch (const std::exception& error) {
    std::fprintf(stderr, "chat_server: %s\n", error.what());
    return 1;
}
