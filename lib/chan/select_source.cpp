// SPDX-License-Identifier: MIT
#include "chan/select_source.hpp"

#include <cerrno>

namespace coir::detail {
namespace {

bool is_source(const select_entry& entry) noexcept { return entry.kind == select_kind::source; }

source_outcome& outcome_of(const select_entry& entry) noexcept {
    return *static_cast<source_outcome*>(entry.value);
}

} // namespace

entered_sources::entered_sources(std::span<select_entry* const> entries) noexcept
    : entries_{entries} {
    for (select_entry* const entry : entries_) {
        if (!is_source(*entry)) continue;
        entry->entered = entry->source != nullptr && entry->source->enter();
    }
}

entered_sources::~entered_sources() {
    for (select_entry* const entry : entries_) {
        if (is_source(*entry) && entry->entered) entry->source->leave();
    }
}

void look_at_sources(std::span<select_entry* const> entries) noexcept {
    for (select_entry* const entry : entries) {
        if (is_source(*entry)) entry->ready = !entry->entered || entry->source->look();
    }
}

bool is_source_ready(const select_entry& entry) noexcept {
    return entry.ready || entry.source->closing();
}

bool commit_source(select_entry& entry) noexcept {
    source_outcome& outcome = outcome_of(entry);
    if (!entry.entered || entry.source->closing()) {
        outcome.result = entry.entered ? -ECANCELED : -EBADF;
        return true;
    }
    if (outcome.attempt == nullptr) {
        outcome.result = 0;
        return true;
    }
    outcome.result = outcome.attempt(entry.source->polled().fd, outcome.argument);
    return outcome.result != -EAGAIN;
}

std::vector<pollfd> polled_by(thread_waiter& self, std::span<select_entry* const> entries) {
    std::vector<pollfd> polled;
    for (const select_entry* const entry : entries) {
        if (is_source(*entry) && entry->entered) polled.push_back(entry->source->polled());
    }
    self.open_wake_descriptor();
    polled.push_back({self.wake_descriptor, POLLIN, 0});
    return polled;
}

} // namespace coir::detail
