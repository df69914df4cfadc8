// SPDX-License-Identifier: MIT
// Covers that the report of deadlocked coroutines names nobody who can still be woken.

#include "finding.hpp"

#include <unistd.h>

#include <memory>
#include <thread>
#include <vector>

using namespace fixture;

namespace {

// Until all that were started have got to where they wait.
void settle() {
    for (int i = 0; i < 100; ++i) coir::yield();
    coir::sleep_for(2ms);
}

coir::chan<int> known_to_all{nullptr};

struct service {
    coir::chan<int> orders;
};

// Each begins something that waits and can be woken, by a way that is not to be overlooked; the
// result is kept while somebody looks.
using keepsake = std::shared_ptr<void>;

keepsake keep_in_a_closure() {
    const coir::chan<int> ch;
    coir::go([ch] { std::ignore = ch.recv(); });
    coir::go([ch] {
        coir::sleep_for(1h);
        std::ignore = ch.send(1);
    });
    return {};
}

// The handle lies on a stack that waits itself; somebody alive has a reference.
keepsake keep_by_reference() {
    coir::go([] {
        const coir::chan<int> ch;
        coir::task_group group;
        group.go([&] { std::ignore = ch.recv(); });
        group.go([&] {
            coir::sleep_for(1h);
            std::ignore = ch.send(1);
        });
        group.wait();
    });
    return {};
}

keepsake keep_on_the_heap() {
    auto shared = std::make_shared<service>();
    coir::go([orders = coir::receiver(shared->orders)] { std::ignore = orders.recv(); });
    return shared;
}

keepsake keep_in_a_global() {
    known_to_all = coir::chan<int>();
    coir::go([] { std::ignore = known_to_all.recv(); });
    return {};
}

// On its way: it lies in a buffer until somebody takes it.
keepsake keep_in_a_buffer() {
    const coir::chan<coir::chan<int>> post(1);
    const coir::chan<int> ch;
    CHECK(post.send(ch));
    coir::go([out = coir::receiver(ch)] { std::ignore = out.recv(); });
    return std::make_shared<coir::chan<coir::chan<int>>>(post);
}

// The result of a task that has ended and was not joined.
keepsake keep_in_a_result() {
    auto task = std::make_shared<coir::task<coir::chan<int>>>(coir::go([] {
        const coir::chan<int> ch;
        coir::go([out = coir::receiver(ch)] { std::ignore = out.recv(); });
        return ch;
    }));
    return task;
}

keepsake limit_the_time() {
    coir::go([] {
        const coir::chan<int> never;
        coir::with_timeout(1h, [&] { std::ignore = never.recv(); });
    });
    coir::go([] {
        const coir::chan<int> never;
        int value = 0;
        std::ignore = never.recv_for(1h, value);
    });
    return {};
}

keepsake wait_for_time() {
    coir::go([] { std::ignore = coir::after(1h).recv(); });
    coir::go([] {
        coir::ticker every(1h);
        std::ignore = every.channel().recv();
    });
    return {};
}

keepsake wait_for_a_sleeper() {
    coir::go([] { join_until_cancelled(coir::go([] { coir::sleep_for(1h); })); });
    coir::go([] {
        coir::mutex lock;
        coir::condition_variable change;
        coir::task_group group;
        group.go([&] {
            const std::lock_guard held{lock};
            coir::sleep_for(1h);
            change.notify_all();
        });
        group.go([&] {
            std::unique_lock held{lock};
            change.wait(held);
        });
        group.wait();
    });
    return {};
}

keepsake wait_for_ever_on_purpose() {
    coir::go([] { coir::select(); });
    return {};
}

// By a thread that sleeps in the kernel, with nothing but registers and its own stack.
keepsake wait_for_a_thread() {
    struct sleeper {
        int ends[2]{};
        std::thread thread;
        ~sleeper() {
            ::close(ends[1]);
            thread.join();
            ::close(ends[0]);
        }
    };
    auto kept = std::make_shared<sleeper>();
    REQUIRE(::pipe(kept->ends) == 0);
    coir::chan<int> ch;
    coir::go([ch] { std::ignore = ch.recv(); });
    kept->thread = std::thread{[mine = std::move(ch), end = kept->ends[0]] {
        char byte = 0;
        while (::read(end, &byte, 1) < 0) {}
        mine.close();
    }};
    return kept;
}

} // namespace

TEST_CASE("who can still be woken is not named" * doctest::skip(has_hidden_memory)) {
    const std::vector<keepsake (*)()> begins{
        keep_in_a_closure,  keep_by_reference, keep_on_the_heap,         keep_in_a_global,
        keep_in_a_buffer,   keep_in_a_result,  limit_the_time,           wait_for_time,
        wait_for_a_sleeper, wait_for_a_thread, wait_for_ever_on_purpose,
    };
    for (const int workers : worker_counts) {
        for (const auto begin : begins) {
            coir::run(with_workers(workers), [&] {
                const keepsake kept = begin();
                settle();
                const finding found = find_deadlocked();
                CHECK(found.count == 0);
                CHECK(found.text.empty());
                if (found.count != 0) MESSAGE(found.text);
                known_to_all = nullptr;
            });
        }
    }
}

// Handles are on the move through channels, registers and frames at every moment at which the
// threads are halted.
TEST_CASE("nobody is named while channels are passed around at full speed" *
          doctest::skip(has_hidden_memory)) {
    for (const int workers : worker_counts) {
        coir::run(with_workers(workers), [&] {
            std::atomic<bool> stop{false};
            coir::task_group group;
            const coir::chan<coir::sender<int>> requests;
            for (int i = 0; i < 4; ++i) {
                group.go([&stop, requests] {
                    while (!stop) {
                        const coir::chan<int> reply;
                        if (!requests.send(coir::sender(reply))) break;
                        std::ignore = reply.recv();
                    }
                });
                group.go([requests] {
                    for (const coir::sender<int>& reply : requests) {
                        coir::go([reply] { std::ignore = reply.send(1); });
                    }
                });
            }
            for (int i = 0; i < scaled(100); ++i) {
                const finding found = find_deadlocked();
                CHECK(found.count == 0);
                if (found.count != 0) MESSAGE(found.text);
                coir::yield();
            }
            stop = true;
            coir::sleep_for(1ms);
            requests.close();
            group.wait();
        });
    }
}

TEST_CASE("many that wait for somebody alive are gone through quickly" *
          doctest::skip(has_hidden_memory)) {
    coir::run(with_workers(2), [] {
        const coir::chan<int> ch;
        for (int i = 0; i < scaled(100'000); ++i) coir::go([ch] { std::ignore = ch.recv(); });
        settle();
        const auto begin = std::chrono::steady_clock::now();
        CHECK(find_deadlocked().count == 0);
        CHECK(std::chrono::steady_clock::now() - begin < 2s);
        ch.close();
    });
}
