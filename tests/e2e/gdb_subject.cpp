// SPDX-License-Identifier: MIT
// Not a test: what gdb_test.py looks at. Without an argument, things to print, at stop_here(); with
// one, coroutines that have gone from one thread to another.

#include <coir/coir.hpp>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>

struct subject {
    coir::chan<int> full{2};
    coir::chan<int> empty;
    coir::receiver<int> nil;
    coir::mutex held;
    coir::mutex free_one;
    coir::task<void> receives;
    coir::task<void> sends;
    coir::task<void> locks;
    coir::task<void> ended;
};

// Named without a namespace, so that gdb finds its frame.
void stop_here(subject& all);

[[gnu::noinline]] void stop_here(subject& all) { asm volatile("" : : "r"(&all) : "memory"); }

namespace {

void arrange(subject& all) {
    static_cast<void>(all.full.send(11));
    static_cast<void>(all.full.send(22));
    const std::scoped_lock guard{all.held};
    all.receives = coir::go([&all] { static_cast<void>(all.empty.recv()); });
    all.sends = coir::go([&all] { static_cast<void>(all.full.send(33)); });
    all.locks = coir::go([&all] { const std::scoped_lock other{all.held}; });
    all.ended = coir::go([] {});
    for (int i = 0; i < 10; ++i) coir::yield(); // one worker: then all have gone as far as they can
    stop_here(all);
}

// Leaves the worker to somebody who does not let go of it before we have come back.
void move_to_another_thread() {
    const auto before = ::gettid();
    while (::gettid() == before) {
        const auto back = std::make_shared<std::atomic<bool>>(false);
        coir::go([back] {
            while (!back->load()) {}
        });
        coir::blocking([] {});
        back->store(true);
    }
}

[[gnu::noinline]] void wander(int steps, const coir::chan<int>& never) {
    move_to_another_thread();
    if (steps == 1) {
        static_cast<void>(never.recv());
    } else {
        wander(steps - 1, never);
    }
    asm volatile("");
}

[[gnu::noinline]] void toil(std::atomic<bool>& toils) {
    move_to_another_thread();
    toils.store(true);
    for (;;) asm volatile("");
}

bool has_parked(const std::string& name) {
    std::ostringstream out;
    coir::dump_tasks(out);
    return out.str().find('"' + name + "\": waits on channel receive") != std::string::npos;
}

void migrate() {
    const coir::chan<int> never;
    std::atomic<bool> toils{false};
    coir::go({.name = "nomad"}, [never] { wander(4, never); });
    while (!has_parked("nomad")) coir::yield();
    coir::go({.name = "toiler"}, [&toils] { toil(toils); });
    while (!toils) coir::yield();
    std::puts("ready");
    std::fflush(stdout);
    coir::sleep_for(std::chrono::hours{1});
}

} // namespace

int main(int argc, char**) {
    if (argc > 1) {
        coir::run({.workers = 2}, migrate);
        return 0;
    }
    coir::run({.workers = 1}, [] {
        subject all;
        arrange(all);
    });
}
