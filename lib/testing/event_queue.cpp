// SPDX-License-Identifier: MIT
#include "testing/event_queue.hpp"

#include <algorithm>

namespace coir::detail {

event_queue::event_queue(timer_heap& timers) noexcept : timers_{timers} {
    alarm_.fire = fire;
    alarm_.of = this;
}

event_queue::key event_queue::add(std::int64_t at_ns, kind what, std::function<void()> action) {
    const key when{at_ns, ++count_};
    events_.emplace(when, event{what, std::move(action)});
    set_alarm();
    return when;
}

void event_queue::cancel(const key& when) {
    if (events_.erase(when) != 0) set_alarm();
}

void event_queue::clear() {
    events_.clear();
    set_alarm();
}

bool event_queue::deliver_early() {
    const auto found = std::ranges::find_if(
        events_, [](const auto& entry) { return entry.second.what == kind::delivery; });
    if (found == events_.end()) return false;
    run(found);
    return true;
}

void event_queue::fire(timer_entry& entry) noexcept {
    event_queue& self = *static_cast<alarm&>(entry).of;
    self.alarm_set_ = false;
    if (!self.events_.empty()) self.run(self.events_.begin());
}

void event_queue::run(std::map<key, event>::iterator which) {
    const auto taken = events_.extract(which); // the action may add and cancel
    taken.mapped().action();
    set_alarm();
}

void event_queue::set_alarm() {
    const bool wanted = !events_.empty();
    if (alarm_set_ && wanted && alarm_.deadline_ns == events_.begin()->first.first) return;
    if (std::exchange(alarm_set_, false)) static_cast<void>(timers_.remove(alarm_));
    if (!wanted) return;
    alarm_.deadline_ns = events_.begin()->first.first;
    timers_.insert(alarm_);
    alarm_set_ = true;
}

} // namespace coir::detail
