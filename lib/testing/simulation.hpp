// SPDX-License-Identifier: MIT
#pragma once
// Owns a simulation: one runtime on the calling thread, and the runs made on it.
//
// The life of a run, as seen from the worker's loop:
//
//     running   the body has not ended. When nobody can run, time jumps to the next deadline; when
//               there is none, it is a deadlock.
//     draining  the body has returned. Those who can run go on, but time stands still. Whoever is
//               left then, parked, is a leak.
//     clearing  the run has failed. Those still alive are cancelled, the newest first and the body
//               last, each when nobody can run any more; then time may jump again.
//
// A due timer is a party like the coroutines: which of the two comes first is part of the schedule.
// Rejected: expiring all that is due at once. A timeout and the sleep of whoever would have been in
// time for it then always end in the same order.

#include "sched/runtime_core.hpp"
#include "sched/simulated_scheduler.hpp"
#include "testing/interleaving.hpp"
#include "testing/run_plan.hpp"
#include "testing/schedule.hpp"
#include "testing/simulated_network.hpp"

#include <coir/testing.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coir::detail {

class simulation final : public simulated_scheduler {
public:
    simulation(testing::detail::erased_body body, std::size_t max_steps,
               const testing::network_options& network);

    /// Makes the runs on the calling thread.
    void run(run_plan& plan);

    [[nodiscard]] simulated_network& network() noexcept { return *network_; }
    [[nodiscard]] std::unique_ptr<poller> make_poller(worker& here) override;
    [[nodiscard]] simulated_sockets& sockets() noexcept override { return *network_; }
    coroutine* choose(worker& here) noexcept override;
    void reach(worker& here, step next, const void* object) noexcept override;
    void prepare_draws(worker& here, std::size_t count) noexcept override;
    /// Keeps the choices of all runs.
    void keep_traces() noexcept { schedule_.keep_trace(); }

private:
    enum class phase : std::uint8_t { idle, running, draining, clearing };

    // Runs.
    bool begin_run();
    void end_run();
    void run_body();
    void fail(std::string what, std::exception_ptr cause = nullptr);
    void fail_with_waiters(std::string what);
    [[nodiscard]] std::string describe_waiters();

    // Choices.
    void collect(worker& here);
    void add_ready(coroutine& co);
    void remove_ready(std::size_t index);
    coroutine* take_ready(std::size_t index);
    coroutine* choose_ready(worker& here);
    [[nodiscard]] bool timer_due(worker& here) const;
    void fire_one(worker& here);
    bool jump_to_next_deadline(worker& here);
    void let_pollers_progress(worker& here);
    void count_step();
    [[nodiscard]] bool is_starving(step next);

    // Nobody can run, or the steps are used up: these return false when the run is over.
    bool go_on_without_anybody(worker& here);
    bool go_on_without_end();
    void prepare_clearing();
    bool cancel_newest();
    [[nodiscard]] bool anybody_alive() const;

    const testing::detail::erased_body body_;
    const std::uint64_t max_steps_;
    const testing::network_options network_options_;
    simulated_network* network_ = nullptr; ///< the worker's poller
    std::unique_ptr<runtime_core> core_;
    run_plan* plan_ = nullptr;

    phase phase_ = phase::idle;
    run_order order_;
    std::uint64_t steps_ = 0;
    std::uint64_t steps_left_ = 0; ///< in this phase; when clearing, before the next is cancelled
    std::uint64_t idle_steps_ = 0; ///< since anything but looking and yielding happened
    std::uint64_t steps_in_a_row_ = 0;
    std::uint64_t switches_ = 0;
    std::uint64_t last_party_ = 0;
    std::int64_t now_ns_ = 0;
    bool abandoned_ = false; ///< coroutines are left that cannot be ended
    seeded_schedule schedule_;
    interleaving interleaving_;
    std::vector<coroutine*> ready_;
    std::vector<std::uint64_t> parties_; ///< the ids of ready_
    coroutine* chosen_ = nullptr;        ///< by reach(), for the choose() behind the switch
    bool timer_chosen_ = false;
    std::vector<coroutine*> to_cancel_; ///< pinned; the newest is the last
    std::optional<run_failure> failure_;
};

} // namespace coir::detail
