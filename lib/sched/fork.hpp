// SPDX-License-Identifier: MIT
#pragma once
// Owns what a forked child may know of its parent's runtimes: that they are not there.

#include <array>
#include <cstddef>
#include <new>
#include <thread>
#include <utility>

namespace coir::detail {

inline constexpr const char* used_after_fork =
    "this process was forked from one with a coir runtime and must not use its parent's runtime: "
    "call exec, or make a runtime of its own outside of the parent's coroutines";

/// Counts the forks between the first process and this one.
[[nodiscard]] unsigned process_generation() noexcept;

/// Installs the handler that counts, once; returns the current generation.
unsigned watch_for_fork() noexcept;

/// Whether this process was forked by a coroutine, which therefore goes on without a worker.
[[nodiscard]] bool forked_inside_coroutine() noexcept;

/// In a forked child: the thread is its parent's, so it can be neither joined nor detached here.
inline void let_go_of_parents(std::thread& thread) noexcept {
    alignas(std::thread) std::array<std::byte, sizeof(std::thread)> never_destroyed;
    new (never_destroyed.data()) std::thread{std::move(thread)};
}

} // namespace coir::detail
