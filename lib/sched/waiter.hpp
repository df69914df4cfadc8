// SPDX-License-Identifier: MIT
#pragma once
// Owns what coir knows of a party that can wait: the part shared by coroutines and OS threads.

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace coir::detail {

struct cancel_scope;
struct wait_node;

/// What a party waits for; the words for it are in `to_text`.
enum class wait_kind : std::uint8_t {
    none,
    receive,
    send,
    select,
    join,
    sleep,
    io,
    close,
    blocking,
    group,
    wait_group,
    mutex,
    shared_mutex,
    condition,
    semaphore,
    latch,
    barrier,
    once,
    for_ever,
};

[[nodiscard]] const char* to_text(wait_kind kind) noexcept;

/// Whether other parties end such a wait. The rest end by time, by a descriptor or by a call under
/// way, or are meant never to.
[[nodiscard]] bool is_ended_by_peers(wait_kind kind) noexcept;

/// The low three bits of `waiter::word`; the rest is the number of the wait (its epoch).
///
///     none ---- the party registers and publishes its wait ----> open | firm | hooked | sheltered
///     open ---- a peer, a timer or a cancellation: claim() -----> claimed
///     firm ---- as open, but a cancellation leaves it alone ----> claimed
///     hooked -- a cancellation, once; then `interrupt` runs ----> interrupted
///     sheltered: as hooked, but only a forced interruption (a close) reaches it
///     hooked | interrupted -- the completion: claim() ----------> claimed
///     claimed - the party runs again and begins its next wait --> none (epoch + 1)
enum class wait_state : std::uint64_t {
    none,
    open,
    firm,
    hooked,
    sheltered,
    interrupted,
    claimed,
};

/// How many low bits of `waiter::word` hold the state.
inline constexpr unsigned wait_state_bits = 3;

struct waiter {
    /// The one-shot claim of the current wait: see wait/claim.hpp.
    std::atomic<std::uint64_t> word{0};
    /// Which of its alternatives the wait ended with; written by the claimer before it wakes.
    std::size_t result = 0;
    /// The innermost cancellation scope; used by the party itself only.
    cancel_scope* scope = nullptr;
    /// Runs once when a hooked wait is cancelled; asks the operation to end early.
    void (*interrupt)(waiter&) noexcept = nullptr;
    void* interrupt_argument = nullptr;
    /// Above zero its waits are firm: coir runs user code that must not be interrupted.
    std::uint32_t firm_depth = 0;
    const bool is_thread;

    // For the reports; atomics because another thread reads them while the party goes on.
    std::atomic<wait_kind> kind{wait_kind::none};
    std::atomic<const void*> object{nullptr};
    std::atomic<std::int64_t> since_ns{0};
    /// Of a wait with a limit; meaningless while it has none.
    std::atomic<std::int64_t> deadline_ns{INT64_MAX};

protected:
    explicit waiter(bool thread) noexcept : is_thread{thread} {}
    ~waiter() = default;
};

/// The number of the party's current or last wait, its epoch.
[[nodiscard]] inline std::uint64_t wait_number(const waiter& party) noexcept {
    return party.word.load(std::memory_order_relaxed) >> wait_state_bits; // for reports
}

} // namespace coir::detail
