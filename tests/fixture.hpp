// SPDX-License-Identifier: MIT
#pragma once
// Owns what every contract test stands on: the sweep over worker counts and plain OS threads, the
// payloads that count their instances, and the check that nothing leaked.
//
// Inside coroutines only CHECK is used: INFO keeps its text in a thread-local, and a coroutine may
// go on in another thread; REQUIRE throws, which in a task is somebody else's exception. And CHECK
// swallows what its expression throws, `cancelled` too: where that may come, the operation stands
// outside.

#include <coir/coir.hpp>

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace fixture {

using namespace std::chrono_literals;

inline constexpr std::array worker_counts{1, 2, 4};

inline coir::runtime_options with_workers(int count) {
    coir::runtime_options options;
    options.workers = static_cast<decltype(options.workers)>(count);
    return options;
}

/// Whether the environment decides on the number of workers, as in the one-worker set-up of the
/// suite: what needs several at a time cannot be shown then.
inline bool workers_are_imposed() {
    const char* text = std::getenv("COIR_WORKERS");
    return text && *text;
}

/// The size of a stress test: COIR_STRESS_SCALE=10 is the wide check, 0.01 suits valgrind.
inline int scaled(int count) {
    static const double scale = [] {
        const char* text = std::getenv("COIR_STRESS_SCALE");
        return text && *text ? std::strtod(text, nullptr) : 1.0;
    }();
    return std::max(1, static_cast<int>(count * scale));
}

/// Goes on in another thread: leaves its worker to somebody who does not let go, and comes back by
/// the queue that all workers share. Returns whether that worked. (std::this_thread::get_id is
/// declared const: the compiler asks it once for the whole function.)
inline bool move_to_another_thread() {
    const auto before = ::gettid();
    for (int i = 0; i < 1000 && ::gettid() == before; ++i) {
        const auto back = std::make_shared<std::atomic<bool>>(false);
        coir::go([back] {
            while (!back->load()) {}
        }); // not joined: that would bring us back
        coir::blocking([] {});
        back->store(true);
    }
    return ::gettid() != before;
}

/// Counts its instances and knows whether it was moved from.
class tracked {
public:
    explicit tracked(int value = 0) noexcept : value_(value) { live.fetch_add(1, relaxed); }
    tracked(const tracked& other) noexcept : value_(other.value_) {
        live.fetch_add(1, relaxed);
        copies.fetch_add(1, relaxed);
    }
    tracked(tracked&& other) noexcept : value_(std::exchange(other.value_, moved_from)) {
        live.fetch_add(1, relaxed);
    }
    tracked& operator=(const tracked& other) noexcept {
        value_ = other.value_;
        copies.fetch_add(1, relaxed);
        return *this;
    }
    tracked& operator=(tracked&& other) noexcept {
        value_ = std::exchange(other.value_, moved_from);
        return *this;
    }
    ~tracked() { live.fetch_sub(1, relaxed); }

    int value() const noexcept { return value_; }
    friend bool operator==(const tracked&, const tracked&) = default;
    friend bool operator==(const tracked& left, int right) noexcept { return left.value_ == right; }

    static constexpr int moved_from = std::numeric_limits<int>::min();
    // Relaxed: the counts are read when every user of them has been joined.
    static constexpr auto relaxed = std::memory_order_relaxed;
    static inline std::atomic<long> live{0};
    static inline std::atomic<long> copies{0};

private:
    int value_;
};

/// A tracked value that cannot be copied.
class move_only {
public:
    explicit move_only(int value = 0) noexcept : value_(value) {}
    move_only(move_only&&) noexcept = default;
    move_only& operator=(move_only&&) noexcept = default;

    int value() const noexcept { return value_.value(); }
    friend bool operator==(const move_only& left, int right) noexcept {
        return left.value() == right;
    }

private:
    tracked value_;
};

inline long open_descriptors() {
    return static_cast<long>(
        std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

/// Asserts at the end of its scope that payloads and descriptors are as they were.
class leak_check {
public:
    leak_check() = default;
    leak_check(const leak_check&) = delete;
    ~leak_check() {
        CHECK(tracked::live.load(std::memory_order_relaxed) == live_);
        CHECK(open_descriptors() == descriptors_);
    }

private:
    long live_ = tracked::live.load(std::memory_order_relaxed);
    long descriptors_ = open_descriptors();
};

/// Runs the body, which may take the worker count, as the main coroutine of runtimes of every size.
template <class Body> void for_each_runtime(Body body) {
    for (const int workers : worker_counts) {
        INFO("workers = ", workers);
        const leak_check leaks;
        coir::run(with_workers(workers), [&] {
            if constexpr (std::is_invocable_v<Body&, int>)
                body(static_cast<int>(coir::metrics().workers.size())); // COIR_WORKERS may decide
            else
                body();
        });
    }
}

/// What a test starts its concurrent parts with: coroutines, or threads that coir knows nothing of.
class crew {
public:
    /// With no workers the members are OS threads.
    explicit crew(int workers) : workers_(workers) {}
    crew(const crew&) = delete;
    ~crew() {
        for (std::thread& thread : threads_) thread.join();
    }

    bool coroutines() const { return workers_ > 0; }
    /// Whether members run one at a time and only change over where they wait or yield.
    bool interleaved() const { return workers_ == 1; }

    template <class Body> void start(Body body) {
        if (coroutines())
            tasks_.push_back(coir::go(std::move(body)));
        else
            threads_.emplace_back(std::move(body));
    }

    void join() {
        for (auto& task : tasks_) task.join();
        for (std::thread& thread : threads_) thread.join();
        tasks_.clear();
        threads_.clear();
    }

    void pause() const {
        if (coroutines())
            coir::yield();
        else
            std::this_thread::yield();
    }

    /// Waits for a condition that another member will make true.
    template <class Condition> void wait_until(Condition condition) const {
        while (!condition()) pause();
    }

    /// Gives the others the time to park: with one worker they have, else they probably have. Makes
    /// the interesting interleaving likely; no test is right only because of it.
    void settle() const {
        for (int i = 0; i < 20; ++i) pause();
    }

private:
    int workers_;
    std::vector<coir::task<void>> tasks_;
    std::vector<std::thread> threads_;
};

/// Runs the body with crews of coroutines on every number of workers, and with one of OS threads
/// where no runtime exists.
template <class Body> void for_each_crew(Body body) {
    for_each_runtime([&](int workers) {
        crew members{workers};
        body(members);
        members.join();
    });
    INFO("OS threads");
    const leak_check leaks;
    crew members{0};
    body(members);
    members.join();
}

inline constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
/// One capacity of every kind of channel.
inline constexpr std::array<std::size_t, 5> capacities{0, 1, 2, 100, unlimited};
inline constexpr std::array<std::size_t, 4> buffered{1, 2, 100, unlimited};

template <class T> coir::chan<T> make_chan(std::size_t capacity) {
    return capacity == unlimited ? coir::chan<T>(coir::unbounded) : coir::chan<T>(capacity);
}

/// Runs the body with every crew and every kind of channel.
template <class T, class Body> void for_each_chan(Body body) {
    for (const std::size_t capacity : capacities) {
        INFO("capacity = ", capacity);
        for_each_crew([&](crew& members) { body(members, make_chan<T>(capacity)); });
    }
}

} // namespace fixture
