// SPDX-License-Identifier: MIT
#include "fixture.hpp"
#include "sched/biased_lock.hpp"
#include "sched/worker.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

using fixture::scaled;
using fixture::with_workers;

namespace {

using coir::detail::biased_lock;
using coir::detail::owner_gate;

struct guarded {
    biased_lock lock;
    long count = 0;

    void add(int times) {
        for (int i = 0; i < times; ++i) {
            const std::lock_guard guard{lock};
            ++count; // not atomic: two that are inside at once lose one
        }
    }
};

constexpr int times = 300;

/// Other threads that wait for each round and come at some moment of it.
class others {
public:
    explicit others(int count) {
        for (int i = 0; i < count; ++i) threads_.emplace_back([this, i] { serve(i); });
    }
    ~others() {
        round_.store(-1);
        round_.notify_all();
        for (auto& one : threads_) one.join();
    }
    void begin(guarded& what) {
        what_ = &what;
        done_.store(0);
        round_.fetch_add(1);
        round_.notify_all();
    }
    void finish() {
        while (done_.load() != static_cast<int>(threads_.size())) {}
    }

private:
    void serve(int delay) {
        for (int seen = 0;;) {
            round_.wait(seen);
            seen = round_.load();
            if (seen < 0) return;
            for (std::atomic<int> i = 0; i < (seen % 64 + delay) * 20; ++i) {}
            what_->add(times);
            done_.fetch_add(1);
        }
    }

    std::atomic<int> round_{0};
    std::atomic<int> done_{0};
    guarded* what_ = nullptr;
    std::vector<std::thread> threads_;
};

} // namespace

TEST_CASE("the only worker owns a gate that it comes to first, until another thread comes") {
    coir::run(with_workers(1), [] {
        owner_gate gate;
        CHECK(gate.is_virgin());
        const bool entered = gate.enter();
        CHECK(entered == (COIR_TSAN == 0)); // there gates are open: see owner_gate.hpp
        if (entered) gate.leave();
        CHECK(gate.is_open() == !entered);
        std::thread([&] { CHECK_FALSE(gate.enter()); }).join();
        CHECK(gate.is_open());
        CHECK_FALSE(gate.enter());
    });
}

TEST_CASE("one of several workers owns no gate, nor does a thread that is none") {
    owner_gate gate;
    CHECK_FALSE(gate.enter());
    CHECK(gate.is_open());
    if (fixture::workers_are_imposed()) return;
    coir::run(with_workers(2), [] {
        owner_gate another;
        CHECK_FALSE(another.enter());
        CHECK(another.is_open());
    });
}

TEST_CASE("a lock that is held by its owner is not taken twice") {
    coir::run(with_workers(1), [] {
        biased_lock lock;
        CHECK(lock.try_lock());
        CHECK_FALSE(lock.try_lock());
        std::thread([&] { CHECK_FALSE(lock.try_lock()); }).join();
        lock.unlock();
        lock.lock();
        lock.unlock();
    });
}

TEST_CASE("nobody is inside with the owner, whenever the others come") {
    const int rounds = scaled(10'000);
    others two{2};
    coir::run(with_workers(1), [&] {
        for (int round = 0; round < rounds; ++round) {
            const auto what = std::make_unique<guarded>();
            what->add(1); // so that it is ours
            two.begin(*what);
            what->add(times);
            two.finish();
            if (what->count != 3 * times + 1) {
                CHECK(what->count == 3 * times + 1);
                return;
            }
        }
    });
}
