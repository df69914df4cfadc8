// SPDX-License-Identifier: MIT
#include "fiber/sanitizer_fiber.hpp"

#if COIR_VALGRIND
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <valgrind/valgrind.h>
#pragma GCC diagnostic pop
#endif
#if COIR_ASAN
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if COIR_TSAN
#include <sanitizer/tsan_interface.h>

#include <mutex>
#include <vector>
#endif

namespace coir::detail {

#if COIR_VALGRIND
const bool running_on_valgrind = [] { return RUNNING_ON_VALGRIND != 0; }();
#endif

namespace {

#if COIR_TSAN
// A process has about 8,000 fiber handles, and making one maps memory, so they are used again.
// A coroutine never returns from its first functions, hence every use leaves a few entries on the
// fiber's shadow call stack, which holds 65,536: a handle is retired before it fills up.
constexpr unsigned most_uses_of_a_fiber = 1024;

struct pooled_fiber {
    void* fiber;
    unsigned uses;
};

struct fiber_pool {
    std::mutex mutex;
    std::vector<pooled_fiber> idle;
};

fiber_pool& pool() {
    static fiber_pool& instance = *new fiber_pool; // never destroyed: threads may outlive main
    return instance;
}

pooled_fiber take_fiber() {
    {
        fiber_pool& fibers = pool();
        const std::lock_guard lock(fibers.mutex);
        if (!fibers.idle.empty()) {
            const pooled_fiber taken = fibers.idle.back();
            fibers.idle.pop_back();
            return {taken.fiber, taken.uses + 1};
        }
    }
    return {__tsan_create_fiber(0), 1};
}

void give_fiber_back(pooled_fiber returned) {
    if (returned.uses == 0) return;
    if (returned.uses >= most_uses_of_a_fiber) {
        __tsan_destroy_fiber(returned.fiber);
        return;
    }
    fiber_pool& fibers = pool();
    const std::lock_guard lock(fibers.mutex);
    fibers.idle.push_back(returned);
}
#endif

} // namespace

#if COIR_ASAN || COIR_TSAN || COIR_VALGRIND
void fiber_made_slow([[maybe_unused]] sanitizer_fiber& made, [[maybe_unused]] std::byte* bottom,
                     [[maybe_unused]] std::byte* top) noexcept {
#if COIR_ASAN
    made.fake_stack = nullptr;
    made.bottom = bottom;
    made.bytes = static_cast<std::size_t>(top - bottom);
#endif
#if COIR_TSAN
    const pooled_fiber taken = take_fiber();
    made.fiber = taken.fiber;
    made.uses = taken.uses;
#endif
#if COIR_VALGRIND
    if (made.stack_id != 0) VALGRIND_STACK_DEREGISTER(made.stack_id - 1);
    made.stack_id = VALGRIND_STACK_REGISTER(bottom, top) + 1;
    made.top_bits = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(top));
#endif
}

void fiber_discarded_slow([[maybe_unused]] sanitizer_fiber& discarded) noexcept {
#if COIR_ASAN
    // The last frames were left without unwinding, so their red zones are still poisoned.
    if (discarded.bytes != 0) __asan_unpoison_memory_region(discarded.bottom, discarded.bytes);
#endif
#if COIR_TSAN
    give_fiber_back({discarded.fiber, discarded.uses});
#endif
#if COIR_VALGRIND
    if (discarded.stack_id != 0) VALGRIND_STACK_DEREGISTER(discarded.stack_id - 1);
#endif
    discarded = {};
}
#endif

#if COIR_ASAN || COIR_TSAN
void fiber_adopted([[maybe_unused]] sanitizer_fiber& thread) noexcept {
#if COIR_ASAN
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void* bottom = nullptr;
        pthread_attr_getstack(&attributes, &bottom, &thread.bytes);
        thread.bottom = bottom;
        pthread_attr_destroy(&attributes);
    }
#endif
#if COIR_TSAN
    thread.fiber = __tsan_get_current_fiber();
    thread.uses = 0;
#endif
}

COIR_UNINSTRUMENTED void fiber_leaves([[maybe_unused]] sanitizer_fiber& from, sanitizer_fiber& to,
                                      [[maybe_unused]] bool ends) noexcept {
#if COIR_ASAN
    __sanitizer_start_switch_fiber(ends ? nullptr : &from.fake_stack, to.bottom, to.bytes);
#endif
#if COIR_TSAN
    __tsan_switch_to_fiber(to.fiber, 0);
#endif
}

COIR_UNINSTRUMENTED void fiber_arrives([[maybe_unused]] sanitizer_fiber* resumed) noexcept {
#if COIR_ASAN
    __sanitizer_finish_switch_fiber(resumed != nullptr ? resumed->fake_stack : nullptr, nullptr,
                                    nullptr);
#endif
}
#endif

} // namespace coir::detail
