// SPDX-License-Identifier: MIT
// Owns how a simulation comes to whom to run next: it asks the schedule at every step, and sees to
// it that those who only look and yield do not keep the others, or time, from going on.

#include "testing/simulation.hpp"

#include <utility>

namespace coir::detail {
namespace {

constexpr std::int64_t idle_advance_ns = 1'000'000;
constexpr std::uint64_t most_idle_steps = 1'000;
constexpr std::uint64_t most_steps_in_a_row = 1'000;

} // namespace

void simulation::add_ready(coroutine& co) {
    ready_.push_back(&co);
    parties_.push_back(co.id);
}

void simulation::remove_ready(std::size_t index) {
    ready_[index] = ready_.back();
    parties_[index] = parties_.back();
    ready_.pop_back();
    parties_.pop_back();
}

coroutine* simulation::take_ready(std::size_t index) {
    coroutine* const co = ready_[index];
    remove_ready(index);
    return co;
}

void simulation::collect(worker& here) {
    while (coroutine* const co = here.collect_one()) add_ready(*co);
}

bool simulation::timer_due(worker& here) const { return here.timers().earliest_ns() <= now_ns_; }

void simulation::fire_one(worker& here) { here.timers().expire(now_ns_, 1); }

void simulation::count_step() {
    ++steps_;
    if (steps_left_ != 0) --steps_left_;
}

// Whether the running coroutine has gone on for so long that others must get a turn.
bool simulation::is_starving(step next) {
    const bool looks = next == step::yield || next == step::inspect;
    idle_steps_ = looks ? idle_steps_ + 1 : 0;
    return ++steps_in_a_row_ % most_steps_in_a_row == 0;
}

void simulation::reach(worker& here, step next, const void* object) noexcept {
    coroutine& self = *here.current();
    interleaving_.add(self.id, self.name, next, object, now_ns_);
    if (std::exchange(last_party_, self.id) != self.id) ++switches_;
    count_step();
    const bool gives_way = is_starving(next) || next == step::yield;
    collect(here);
    if (idle_steps_ > most_idle_steps * (ready_.size() + 1)) let_pollers_progress(here);
    if (ready_.empty() && !timer_due(here) && steps_left_ != 0) return;
    // With an unfinished failure or no steps left the loop decides.
    add_ready(self);
    if (timer_due(here)) parties_.push_back(0);
    const std::size_t own = ready_.size() - 1;
    const std::size_t choice = schedule_.choose(parties_, own, gives_way);
    parties_.resize(ready_.size());
    remove_ready(own);
    if (choice == own && steps_left_ != 0) return;
    timer_chosen_ = choice > own;
    chosen_ = choice < own ? take_ready(choice) : nullptr;
    here.give_way();
}

// A select draws which of its cases to try first, and then perhaps which of the others that are
// ready to take. The generator is set so that the draws come out as chosen: the second one among
// so many parts that each number of others has all outcomes; where there are many cases only the
// first one is chosen.
void simulation::prepare_draws(worker& here, std::size_t count) noexcept {
    constexpr std::uint32_t few = 4;
    if (count < 2) return;
    const auto cases = static_cast<std::uint32_t>(count);
    std::uint32_t parts = 1;
    for (std::uint32_t others = 2; cases <= few && others < cases; ++others) parts *= others;
    const std::uint32_t variant = schedule_.choose_variant(cases * parts);
    for (std::uint64_t seed = schedule_.draw();; ++seed) {
        fast_random tried{mix(seed)};
        if (tried.below(cases) != variant % cases || tried.below(parts) != variant / cases)
            continue;
        here.random() = fast_random{mix(seed)};
        return;
    }
}

// All who can run do nothing but yield and look: as in a real program, time passes meanwhile.
void simulation::let_pollers_progress(worker& here) {
    idle_steps_ = 0;
    if (phase_ == phase::draining || jump_to_next_deadline(here)) return;
    now_ns_ += idle_advance_ns; // only somebody who polls the clock can notice
}

// On the loop: the next coroutine, or null when nobody can run.
coroutine* simulation::choose_ready(worker& here) {
    for (;;) {
        collect(here);
        if (std::exchange(timer_chosen_, false)) {
            fire_one(here);
            continue;
        }
        if (chosen_ != nullptr) return std::exchange(chosen_, nullptr);
        const bool due = timer_due(here);
        if (ready_.empty() && !due) return nullptr;
        if (due) parties_.push_back(0);
        const std::size_t choice = schedule_.choose(parties_, seeded_schedule::none, false);
        parties_.resize(ready_.size());
        if (choice < ready_.size()) return take_ready(choice);
        fire_one(here);
    }
}

coroutine* simulation::choose(worker& here) noexcept {
    steps_in_a_row_ = 0;
    for (;;) {
        if (phase_ == phase::idle && !begin_run()) return nullptr;
        const bool out_of_steps = steps_left_ == 0 && !go_on_without_end();
        if (!out_of_steps) {
            if (coroutine* const next = choose_ready(here)) return next;
        }
        if (out_of_steps || !go_on_without_anybody(here)) end_run();
    }
}

} // namespace coir::detail
