// SPDX-License-Identifier: MIT
#pragma once
// Owns what AddressSanitizer, ThreadSanitizer and Valgrind must be told about stacks and switches.
// Without them every function here is empty.

#include <coir/detail/config.hpp>

#include <cstddef>
#include <cstdint>

#ifndef COIR_VALGRIND
#if __has_include(<valgrind/valgrind.h>) && !COIR_ASAN && !COIR_TSAN
#define COIR_VALGRIND 1
#else
#define COIR_VALGRIND 0
#endif
#endif

// A function that changes the stack under itself must be left alone: its instrumented entry would
// be booked on one fiber and its exit on another.
#if COIR_TSAN && defined(__clang__)
#define COIR_UNINSTRUMENTED                                                                        \
    __attribute__((noinline, no_sanitize_thread, disable_sanitizer_instrumentation))
#elif COIR_TSAN
#define COIR_UNINSTRUMENTED __attribute__((noinline, no_sanitize_thread))
#elif COIR_ASAN
#define COIR_UNINSTRUMENTED __attribute__((noinline))
#else
#define COIR_UNINSTRUMENTED
#endif

namespace coir::detail {

/// What the tools know one flow by.
struct sanitizer_fiber {
#if COIR_ASAN
    void* fake_stack = nullptr; // of a suspended flow
    const void* bottom = nullptr;
    std::size_t bytes = 0;
#endif
#if COIR_TSAN
    void* fiber = nullptr;
    unsigned uses = 0; // 0: the thread's own, not ours to give back
#endif
#if COIR_VALGRIND
    unsigned stack_id = 0; // id + 1; 0: not registered
    unsigned top_bits = 0; // of its top, the low ones
#endif
};

#if COIR_ASAN || COIR_TSAN || COIR_VALGRIND
void fiber_made_slow(sanitizer_fiber& made, std::byte* bottom, std::byte* top) noexcept;
void fiber_discarded_slow(sanitizer_fiber& discarded) noexcept;
#endif

#if COIR_ASAN || COIR_TSAN
void fiber_adopted(sanitizer_fiber& thread) noexcept;
/// Call right before the switch; `ends`: the flow that leaves will never be resumed.
void fiber_leaves(sanitizer_fiber& from, sanitizer_fiber& to, bool ends) noexcept;
/// Call first after the switch; `resumed` is null on a fresh stack.
void fiber_arrives(sanitizer_fiber* resumed) noexcept;
#else
inline void fiber_adopted(sanitizer_fiber&) noexcept {}
inline void fiber_leaves(sanitizer_fiber&, sanitizer_fiber&, bool) noexcept {}
inline void fiber_arrives(sanitizer_fiber*) noexcept {}
#endif

#if COIR_VALGRIND
extern const bool running_on_valgrind; // looked up once: the request costs more than this load
#else
inline constexpr bool running_on_valgrind = false;
#endif

/// Whether Valgrind is yet to be told of a flow that is being made.
[[nodiscard]] inline bool is_unknown_to_valgrind([[maybe_unused]] const sanitizer_fiber& made,
                                                 [[maybe_unused]] const std::byte* top) noexcept {
#if COIR_VALGRIND
    return running_on_valgrind &&
           (made.stack_id == 0 ||
            made.top_bits != static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(top)));
#else
    return false;
#endif
}

inline void fiber_made([[maybe_unused]] sanitizer_fiber& made, [[maybe_unused]] std::byte* bottom,
                       [[maybe_unused]] std::byte* top) noexcept {
#if COIR_ASAN || COIR_TSAN
    fiber_made_slow(made, bottom, top);
#elif COIR_VALGRIND
    if (is_unknown_to_valgrind(made, top)) [[unlikely]]
        fiber_made_slow(made, bottom, top);
#endif
}

/// As fiber_discarded, for one that is to be made again on the same stack, if at all: Valgrind goes
/// on knowing it. (Where the pages are given back meanwhile, it is told anew of one that it knows.)
inline void fiber_ended([[maybe_unused]] sanitizer_fiber& ended) noexcept {
#if COIR_ASAN || COIR_TSAN
    fiber_discarded_slow(ended);
#endif
}

inline void fiber_discarded([[maybe_unused]] sanitizer_fiber& discarded) noexcept {
#if COIR_ASAN || COIR_TSAN
    fiber_discarded_slow(discarded);
#elif COIR_VALGRIND
    if (running_on_valgrind) [[unlikely]]
        fiber_discarded_slow(discarded);
#endif
}

} // namespace coir::detail
