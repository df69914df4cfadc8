// SPDX-License-Identifier: MIT
#pragma once
// Owns the thread that notices a coroutine which holds its worker longer than the user allows.
//
// Not the watchdog: that one helps others along within a millisecond, silently, and sleeps while
// nobody is waiting behind. This one is for the programmer, runs only where asked, and only looks.

#include <atomic>
#include <cstdint>
#include <thread>

namespace coir::detail {

class runtime_core;

class busy_watch {
public:
    explicit busy_watch(runtime_core& runtime) noexcept : runtime_{runtime} {}
    busy_watch(const busy_watch&) = delete;
    busy_watch& operator=(const busy_watch&) = delete;

    void start();
    void stop() noexcept;
    void abandon() noexcept; ///< in a forked child: the thread is not there

private:
    void serve();

    runtime_core& runtime_;
    std::atomic<std::uint32_t> ended_{0}; // a futex
    std::thread thread_;
};

} // namespace coir::detail
