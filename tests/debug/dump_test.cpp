// SPDX-License-Identifier: MIT
// Covers dump_tasks: what it says, from where it may be called, and that it harms nobody.

#include "fixture.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <sstream>
#include <string>

using namespace fixture;

namespace {

std::string dump() {
    std::ostringstream out;
    coir::dump_tasks(out);
    return out.str();
}

bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// The paragraph about the coroutine of that name.
std::string paragraph(const std::string& text, const std::string& name) {
    const std::size_t at = text.find("\"" + name + "\"");
    if (at == std::string::npos) return {};
    return text.substr(at, text.find("\n\n", at) - at);
}

// Dumps until that coroutine is in that state: who comes to it later than we look is not at fault.
std::string dump_when(const std::string& name, const std::string& state) {
    for (;;) {
        const std::string text = dump();
        if (says(paragraph(text, name), state)) return text;
        coir::yield();
    }
}

[[gnu::noinline]] void spin_until(const std::atomic<bool>& stop) {
    while (!stop.load()) {}
    asm volatile("");
}

[[gnu::noinline]] void descend(int depth, const coir::chan<int>& ch) {
    if (depth == 0) {
        static_cast<void>(ch.recv());
    } else {
        descend(depth - 1, ch);
    }
    asm volatile("");
}

} // namespace

TEST_CASE("a dump says of each coroutine what it waits on and in which functions") {
    for (const int workers : worker_counts) {
        std::string text;
        coir::run(with_workers(workers), [&text] {
            const coir::chan<int> ch(3);
            coir::mutex m;
            coir::task_group group;
            m.lock();
            auto [reader, writer] = coir::channel<int>();
            group.go({.name = "deep"}, [&] { descend(5, ch); });
            group.go({.name = "locker"}, [&] { const std::scoped_lock lock{m}; });
            group.go({.name = "sleeper"}, [] { coir::sleep_for(1h); });
            group.go({.name = "chooser"},
                     [&] { coir::select(ch.on_recv(), coir::on_timeout(1h)); });
            for (const char* name : {"deep", "locker", "sleeper", "chooser"}) {
                text = dump_when(name, "waits on");
            }
            group.request_stop();
            m.unlock();
        });
        INFO(text);
        const std::string deep = paragraph(text, "deep");
        CHECK(says(deep, "waits on channel receive 0x"));
        CHECK(says(deep, "(capacity 3) for "));
        std::size_t levels = 0;
        for (std::size_t at = 0; (at = deep.find("descend", at)) != std::string::npos; ++at)
            ++levels;
        CHECK(levels == 6);
        CHECK(says(deep, "dump_test.cpp:"));
        CHECK(says(deep, "started in "));
        CHECK(says(paragraph(text, "locker"), "waits on mutex 0x"));
        CHECK(says(paragraph(text, "locker"), ", locked by coroutine "));
        CHECK(says(paragraph(text, "sleeper"), "waits on sleep (35"));
        CHECK(says(paragraph(text, "chooser"), "waits on select of 2: receive 0x"));
        CHECK(says(paragraph(text, "chooser"), "timeout in 35"));
        CHECK(says(paragraph(text, "main"), "running on worker "));
#if !COIR_TSAN // which puts signals off to the next system call
        CHECK(says(paragraph(text, "main"), "coir::dump_tasks"));
#endif
    }
}

TEST_CASE("a coroutine that computes is interrupted and shown where it is") {
    if (workers_are_imposed()) return;
    coir::run(with_workers(2), [] {
        std::atomic<bool> stop{false};
        auto spinner = coir::go({.name = "spinner"}, [&] { spin_until(stop); });
        // Wherever in its loop it is met, also between two instructions of a prologue.
        for (int i = 0; i < scaled(20); ++i) {
            const std::string text = paragraph(dump_when("spinner", "running"), "spinner");
#if !COIR_TSAN // which puts signals off to the next system call
            CHECK(says(text, "spin_until"));
#endif
            CHECK(says(text, "started in "));
        }
        stop = true;
        spinner.join();
    });
}

TEST_CASE("a descriptor and the operation on it are named") {
    for (const int workers : worker_counts) {
        coir::run(with_workers(workers), [] {
            auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
            coir::task_group group;
            group.go({.name = "acceptor"}, [&] { static_cast<void>(listener.accept()); });
            const std::string text = paragraph(dump_when("acceptor", "waits on"), "acceptor");
            CHECK(says(text, "waits on I/O: accept, descriptor "));
            CHECK(says(text, "(socket:["));
            group.request_stop();
        });
    }
}

TEST_CASE("a dump from a plain thread sees every runtime") {
    coir::runtime one{with_workers(1)};
    coir::runtime two{with_workers(2)};
    const coir::chan<int> ch;
    auto first = one.go({.name = "of the first"}, [ch] { return ch.recv().has_value(); });
    auto second = two.go({.name = "of the second"}, [ch] { return ch.recv().has_value(); });
    std::string text;
    do {
        text = dump();
    } while (!says(text, "2 waiting"));
    CHECK(says(text, "coir: 2 coroutines in 2 runtimes"));
    CHECK(says(text, "of the first"));
    CHECK(says(text, "of the second"));
    ch.close();
    CHECK(!first.join());
    CHECK(!second.join());
    CHECK(says(dump(), "coir: 0 coroutines in 2 runtimes"));
}

TEST_CASE("a hundred thousand under load are dumped in groups and go on unharmed") {
#if COIR_TSAN // whose shadow of each stack is large
    const int count = scaled(1'000);
#else
    const int count = scaled(100'000);
#endif
    coir::run(with_workers(2), [count] {
        const coir::chan<int> gate;
        coir::wait_group parked;
        std::atomic<bool> stop{false};
        std::atomic<int> through{0};
        parked.add(count);
        coir::task_group group;
        for (int i = 0; i < count; ++i) {
            group.go([&] {
                parked.done();
                static_cast<void>(gate.recv());
                through.fetch_add(1);
            });
        }
        const coir::chan<int> ping;
        const coir::chan<int> pong;
        auto load = coir::go([=, &stop] {
            while (!stop && ping.send(1)) static_cast<void>(pong.recv());
            ping.close();
        });
        auto echo = coir::go([=] {
            for (const int n : ping)
                static_cast<void>(pong.try_send(n) == coir::channel_status::success ||
                                  pong.send(n));
        });
        parked.wait();
        auto fastest = std::chrono::steady_clock::duration::max();
        for (int i = 0; i < 5 && fastest >= 2s; ++i) { // other programs may be in the way
            const auto begin = std::chrono::steady_clock::now();
            const std::string text = dump();
            fastest = std::min(fastest, std::chrono::steady_clock::now() - begin);
            CHECK(says(text, " coroutines, "));
            CHECK(text.size() < 100'000);
        }
#if !COIR_TSAN && !COIR_ASAN
        CHECK(fastest < 2s);
#endif
        MESSAGE("took ", std::chrono::duration_cast<std::chrono::milliseconds>(fastest).count(),
                " ms");
        stop = true;
        load.join();
        echo.join();
        gate.close();
        group.wait();
        CHECK(through == count);
    });
}
