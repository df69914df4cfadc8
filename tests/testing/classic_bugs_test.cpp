// SPDX-License-Identifier: MIT
// Covers explore: it finds the classic bugs, in programs that ordinary stress does not break, and
// each seed that it reports has the same failure again, every time.

#include "finds.hpp"

#include <array>
#include <atomic>

using namespace fixture;
using coir::testing::maybe_preempt;

namespace {

// A stack whose nodes are used again, with a compare-exchange that only compares the address.
class aba_stack {
public:
    static constexpr int nobody = -1;

    int pop() {
        for (;;) {
            const int top = head_;
            if (top == nobody) return nobody;
            maybe_preempt();
            const int below = next_[static_cast<std::size_t>(top)];
            maybe_preempt();
            if (head_ != top) continue; // compare ...
            head_ = below;              // ... and exchange, in one
            return top;
        }
    }
    void push(int node) {
        maybe_preempt();
        next_[static_cast<std::size_t>(node)] = head_;
        head_ = node;
    }

private:
    int head_ = 0;
    std::array<int, 3> next_{1, 2, nobody};
};

} // namespace

TEST_CASE("finds a lost update") {
    finds_what_stress_does_not("lost update", [] {
        coir::mutex guard;
        int balance = 0;
        coir::wait_group all;
        for (int i = 0; i < 2; ++i) {
            all.go([&] {
                int seen = 0;
                {
                    const std::scoped_lock reading{guard};
                    seen = balance;
                }
                const std::scoped_lock writing{guard}; // what was read may be old
                balance = seen + 1;
            });
        }
        all.wait();
        require(balance == 2, "lost update");
    });
}

TEST_CASE("finds a deadlock by lock order") {
    finds_what_stress_does_not("deadlock", [] {
        std::array<coir::mutex, 3> forks;
        coir::wait_group table;
        for (std::size_t i = 0; i < forks.size(); ++i) {
            table.go([&forks, i] {
                const std::scoped_lock left{forks[i]};
                const std::scoped_lock right{forks[(i + 1) % forks.size()]};
            });
        }
        table.wait();
    });
}

TEST_CASE("finds a missed notification") {
    finds_what_stress_does_not("deadlock", [] {
        coir::mutex guard;
        coir::condition_variable changed;
        std::atomic<bool> ready{false};
        auto waiter = coir::go([&] {
            if (ready.load()) return; // looked at outside of the lock
            std::unique_lock lock{guard};
            changed.wait(lock);
        });
        ready.store(true);
        changed.notify_one();
        waiter.join();
    });
}

TEST_CASE("finds an ABA") {
    finds_what_stress_does_not("two own one node", [] {
        aba_stack free_nodes;
        std::array<int, 3> owners{};
        const auto take = [&] {
            const int node = free_nodes.pop();
            if (node == aba_stack::nobody) return node;
            require(++owners[static_cast<std::size_t>(node)] == 1, "two own one node");
            return node;
        };
        const auto give = [&](int node) {
            if (node == aba_stack::nobody) return;
            --owners[static_cast<std::size_t>(node)];
            free_nodes.push(node);
        };
        auto first = coir::go([&] { take(); });
        auto second = coir::go([&] {
            const int a = take();
            take();
            give(a); // the old top is back, with another below it
            take();
        });
        first.join();
        second.join();
    });
}

TEST_CASE("finds a race of select with close") {
    finds_what_stress_does_not("send on a closed channel", [] {
        const coir::chan<int> work(1);
        auto worker = coir::go([work] {
            if (work.closed()) return;
            // Open a moment ago. A handler that takes a bool would be told.
            coir::select(work.on_send(1), coir::on_timeout(1s));
        });
        work.close();
        worker.join();
    });
}

TEST_CASE("finds a cancellation that loses a value") {
    finds_what_stress_does_not("a value was lost", [] {
        const coir::chan<int> in(1), out;
        int received = 0;
        auto consumer = coir::go([&, out] {
            while (out.recv()) ++received;
        });
        CHECK(out.send(1));
        CHECK(in.send(2));
        auto mover = coir::go([in, out] {
            if (const std::optional<int> value = in.recv()) {
                static_cast<void>(out.send(*value)); // cancelled in between: it is gone
            }
        });
        mover.request_stop();
        try {
            mover.join();
        } catch (const coir::task_cancelled&) {}
        int left = 0; // whoever takes over gets the rest
        if (in.try_recv(left) == coir::channel_status::success) ++received;
        out.close();
        consumer.join();
        require(received == 2, "a value was lost");
    });
}
