// SPDX-License-Identifier: MIT
// Not a test: what gdb_test.py prints from, at stop_here().

#include <coir/coir.hpp>

#include <mutex>

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

} // namespace

int main() {
    coir::run({.workers = 1}, [] {
        subject all;
        arrange(all);
    });
}
