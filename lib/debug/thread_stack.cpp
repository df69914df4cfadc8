// SPDX-License-Identifier: MIT
// Protocol: one request at a time.
//   idle -- the asker --> asked -- the handler --> copying --> done -- the asker --> idle
//   asked -- the asker gives up --> idle
// A handler that comes late finds nothing asked of its thread and does nothing.

#include "debug/thread_stack.hpp"

#include "base/futex.hpp"
#include "debug/request_signal.hpp"
#include "timer/clock.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>

namespace coir::detail {
namespace {

constexpr std::int64_t patience_ns = 200'000'000;

struct stack_request {
    enum : std::uint32_t { idle, asked, copying, done };
    std::atomic<std::uint32_t> state{idle}; // a futex
    std::atomic<pid_t> thread{0};
    stack_bounds bounds;
    stack_copy* into = nullptr;
    bool within = false;
};

stack_request current_request;

void copy_own_stack(stack_request& request, const void* machine_state) noexcept {
    request.within = false;
    stack_copy& copy = *request.into;
    copy.at = registers_at_signal(machine_state);
    const auto* const sp = reinterpret_cast<const std::byte*>(copy.at.sp());
    if (sp < request.bounds.bottom || sp >= request.bounds.top) return;
    // With the red zone: at the end of a function the tables find its caller's registers there.
    const std::byte* const low = std::max(request.bounds.bottom, sp - red_zone_bytes);
    // The asker has made the room: nothing is allocated here.
    const auto live = static_cast<std::size_t>(request.bounds.top - low);
    const std::size_t count = std::min(live, copy.bytes.size());
    copy_racily(copy.bytes.data(), low, count);
    copy.base = reinterpret_cast<std::uintptr_t>(low);
    request.within = true;
}

// Whether the handler is through; after that it touches nothing of the request.
bool await_answer() noexcept {
    stack_request& request = current_request;
    const std::int64_t give_up_ns = monotonic_ns() + patience_ns;
    for (;;) {
        // acquire: pairs with the handler's release; the copy is complete.
        const std::uint32_t state = request.state.load(std::memory_order_acquire);
        if (state == stack_request::done) return true;
        if (monotonic_ns() < give_up_ns) {
            futex_wait(request.state, state, give_up_ns);
            continue;
        }
        std::uint32_t expected = stack_request::asked;
        if (request.state.compare_exchange_strong(expected, stack_request::idle,
                                                  std::memory_order_relaxed)) {
            return false;
        }
        futex_wait(request.state, stack_request::copying, monotonic_ns() + patience_ns);
    }
}

} // namespace

void answer_copy(const void* machine_state) noexcept {
    stack_request& request = current_request;
    std::uint32_t expected = stack_request::asked;
    // acquire: pairs with the asker's release of the request.
    if (request.thread.load(std::memory_order_relaxed) != ::gettid() ||
        !request.state.compare_exchange_strong(expected, stack_request::copying,
                                               std::memory_order_acquire)) {
        return;
    }
    copy_own_stack(request, machine_state);
    request.state.store(stack_request::done, std::memory_order_release);
    futex_wake(request.state, 1);
}

bool copy_running_stack(pid_t thread, stack_bounds bounds, stack_copy& into) {
    static std::mutex one_at_a_time;
    const std::lock_guard guard{one_at_a_time};
    if (thread == 0 || !install_request_handler()) return false;
    constexpr std::size_t most_bytes = std::size_t{1} << 20;
    into.bytes.resize(std::min(static_cast<std::size_t>(bounds.top - bounds.bottom), most_bytes));
    stack_request& request = current_request;
    request.bounds = bounds;
    request.into = &into;
    request.thread.store(thread, std::memory_order_relaxed);
    request.state.store(stack_request::asked, std::memory_order_release);
    if (!send_request(thread)) {
        request.state.store(stack_request::idle, std::memory_order_relaxed);
        return false;
    }
    if (!await_answer()) return false;
    request.state.store(stack_request::idle, std::memory_order_relaxed);
    return request.within;
}

} // namespace coir::detail
