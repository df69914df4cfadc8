// SPDX-License-Identifier: MIT
// Covers peers and helpers that say nothing: a resolver, a host that swallows packets, a connection
// whose other end has forgotten it.

#include "child_process.hpp"
#include "net_fixture.hpp"

#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>
#include <semaphore>
#include <thread>
#include <vector>

using namespace fixture;

namespace {

constexpr const char* silent_name = "never-answered.example";
constexpr const char* slow_name = "slowly-refused.example";
constexpr const char* answered_name = "answered.example"; // a fresh system may not know localhost
std::atomic<int> asked{0};
std::atomic<int> answered{0};
std::counting_semaphore<100> let_go{0};

// Ends the look-ups of the silent name, whether somebody waits for them or not. Those that come
// later find it silent again.
void refuse_all() {
    const int count = asked.exchange(0);
    let_go.release(count);
    while (answered.load() != count) std::this_thread::yield();
    answered.store(0);
}

} // namespace

// Stands before the C library's: asked for one name it is a resolver that does not answer, for
// another a slow one.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** found) {
    using function = decltype(&::getaddrinfo);
    static const auto real = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    const bool by_name = hints == nullptr || (hints->ai_flags & AI_NUMERICHOST) == 0;
    if (by_name && name != nullptr && std::strcmp(name, silent_name) == 0) {
        asked.fetch_add(1);
        let_go.acquire();
        answered.fetch_add(1);
        return EAI_AGAIN;
    }
    if (by_name && name != nullptr && std::strcmp(name, slow_name) == 0) {
        std::this_thread::sleep_for(300ms);
        return EAI_FAIL;
    }
    if (by_name && name != nullptr && std::strcmp(name, answered_name) == 0) name = "127.0.0.1";
    return real(name, service, hints, found);
}

TEST_CASE("a resolver that never answers holds up nobody but who asked, within his limit") {
    for_each_io([] {
        CHECK_THROWS_AS(coir::with_timeout(5ms, [] { return coir::resolve(silent_name, "80"); }),
                        coir::timed_out);
        CHECK_THROWS_AS(
            coir::with_timeout(5ms, [] { coir::tcp_stream::connect(silent_name, 80).close(); }),
            coir::timed_out);
        auto waiting = coir::go(
            [] { return error_of([] { coir::tcp_stream::connect(silent_name, 80).close(); }); });
        while (asked.load() < 3) coir::sleep_for(1ms); // all three are with the resolver
        CHECK(coir::metrics().blocking_threads >= 3);
        CHECK(!coir::resolve(answered_name, "80").empty());
        auto [client, server] = make_tcp_pair();
        client.write_all("x");
        CHECK(read_one(server) == 'x');
        refuse_all();
        CHECK(waiting.join() == std::error_code{EAI_AGAIN, coir::resolve_category()});
    });
}

TEST_CASE("the end of run waits for no look-up") {
    for (const int workers : {1, 2}) {
        coir::run(with_workers(workers), [] {
            coir::go([] { std::ignore = coir::resolve(silent_name, "80"); }); // is cancelled
            CHECK_THROWS_AS(
                coir::with_timeout(5ms, [] { return coir::resolve(silent_name, "80"); }),
                coir::timed_out);
            while (asked.load() < 2) coir::sleep_for(1ms);
        });
        refuse_all(); // they find nobody
    }
}

TEST_CASE("who waits for a slow resolver alone is not stuck") {
    for_each_io([] {
        const std::error_code refused{EAI_FAIL, coir::resolve_category()};
        CHECK(error_of([] { std::ignore = coir::resolve(slow_name, "80"); }) == refused);
    });
}

CHILD("is stuck while a look-up that was left behind goes on") {
    coir::run([] {
        CHECK_THROWS_AS(coir::with_timeout(5ms, [] { return coir::resolve(slow_name, "80"); }),
                        coir::timed_out);
        coir::select(); // waits for ever
    });
}

TEST_CASE("once a look-up that was left behind is over, who waits for ever is found out") {
    for (const char* workers : {"COIR_WORKERS=1", "COIR_WORKERS=2"}) {
        const outcome result =
            run_child("is stuck while a look-up that was left behind goes on", {workers});
        CHECK(result.status == 2);
        CHECK(result.says("coir: deadlock: "));
    }
}

TEST_CASE("a thread without a runtime can look names up") {
    CHECK(!coir::resolve(answered_name, "80").empty());
    CHECK(!coir::resolve("127.0.0.1", "80").empty());
}

TEST_CASE("a connect that nobody answers is ended by its limit, and leaves nothing") {
    for_each_io([] {
        // A listener whose queue is full drops what asks to connect, as a black hole would.
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0, {.backlog = 0});
        const coir::endpoint where = listener.local_endpoint();
        std::vector<coir::tcp_stream> queued;
        bool is_black_hole = false;
        while (!is_black_hole && queued.size() < 100) {
            try {
                coir::with_timeout(100ms,
                                   [&] { queued.push_back(coir::tcp_stream::connect(where)); });
            } catch (const coir::timed_out&) {
                is_black_hole = true;
            }
        }
        CHECK(is_black_hole);
        const long open = open_descriptors();
        for (int i = 0; i < 10; ++i) {
            CHECK_THROWS_AS(
                coir::with_timeout(1ms, [&] { coir::tcp_stream::connect(where).close(); }),
                coir::timed_out);
        }
        CHECK(open_descriptors() == open);
        CHECK(listener.accept().is_open()); // those who came before are there
    });
}

TEST_CASE("of a peer that has forgotten the connection a reader learns by its probes") {
    for_each_io([] {
        auto [client, server] = make_tcp_pair();
        // Closed in repair, a socket goes without a word. It takes the right to manage networks.
        const int on = 1;
        const int fd = server.native_handle();
        if (::setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) != 0) return;
        server.close();
        char byte = 0;
        CHECK_THROWS_AS(coir::with_timeout(20ms, [&] { client.read(std::span{&byte, 1}); }),
                        coir::timed_out);
        client.set_keep_alive({.idle = 1s, .interval = 1s, .count = 1});
        CHECK(error_of([&] { client.read(std::span{&byte, 1}); }) == std::errc::connection_reset);
    });
}
