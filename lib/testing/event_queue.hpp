// SPDX-License-Identifier: MIT
#pragma once
// Owns what a simulated network has yet to do, in the order of virtual time.
//
// One entry in the worker's heap stands for the earliest event. So the simulation sees the network
// as a timer that is due: whether it comes first, or somebody who can run, is part of the schedule.

#include "timer/timer_heap.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

namespace coir::detail {

class event_queue {
public:
    /// When, and which of those at that time.
    using key = std::pair<std::int64_t, std::uint64_t>;
    enum class kind : bool {
        delivery, ///< something arrives
        patience, ///< somebody gives up, or tries again
    };

    explicit event_queue(timer_heap& timers) noexcept;
    event_queue(const event_queue&) = delete;
    event_queue& operator=(const event_queue&) = delete;
    ~event_queue() { clear(); }

    key add(std::int64_t at_ns, kind what, std::function<void()> action);
    void cancel(const key& when);
    void clear();

    /// Has the next delivery happen now, whenever it is due; false if there is none.
    bool deliver_early();

private:
    struct event {
        kind what;
        std::function<void()> action;
    };
    struct alarm : timer_entry {
        event_queue* of = nullptr;
    };
    static void fire(timer_entry& entry) noexcept;
    void run(std::map<key, event>::iterator which);
    void set_alarm();

    timer_heap& timers_;
    alarm alarm_;
    bool alarm_set_ = false;
    std::uint64_t count_ = 0;
    std::map<key, event> events_;
};

} // namespace coir::detail
