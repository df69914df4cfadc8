// SPDX-License-Identifier: MIT
#include "testing/interleaving.hpp"

#include <algorithm>
#include <cstdio>

namespace coir::detail {
namespace {

// What somebody is about to do, and to what kind of thing; null where no thing is named.
struct phrase {
    const char* verb;
    const char* object = nullptr;
};

phrase phrase_for(step what) noexcept {
    switch (what) {
    case step::yield: return {"yields"};
    case step::preempt: return {"may be preempted"};
    case step::start: return {"has started a coroutine"};
    case step::send: return {"sends to", "channel"};
    case step::receive: return {"receives from", "channel"};
    case step::close: return {"closes", "channel"};
    case step::drop: return {"drops the last handle of an end of", "channel"};
    case step::inspect: return {"looks at", "object"};
    case step::select: return {"selects"};
    case step::join: return {"joins", "task"};
    case step::stop: return {"stops", "task"};
    case step::lock: return {"locks", "mutex"};
    case step::unlock: return {"unlocks", "mutex"};
    case step::wait: return {"waits at", "object"};
    case step::notify: return {"notifies", "object"};
    case step::acquire: return {"acquires", "object"};
    case step::release: return {"releases", "object"};
    case step::arrive: return {"counts at", "object"};
    case step::once: return {"calls once", "object"};
    case step::sleep: return {"sleeps"};
    case step::timer: return {"sets the timer of", "channel"};
    case step::limit: return {"sets a time limit"};
    case step::blocking: return {"makes a blocking call"};
    case step::listen: return {"listens"};
    case step::accept: return {"accepts from", "socket"};
    case step::connect: return {"connects"};
    case step::read: return {"reads from", "socket"};
    case step::write: return {"writes to", "socket"};
    case step::shutdown: return {"ends its stream to", "socket"};
    case step::hang_up: return {"closes", "socket"};
    case step::fault_reset: return {"loses a segment and its connection"};
    case step::fault_refusal: return {"refuses a connection"};
    case step::fault_cut: return {"cuts two hosts off from each other"};
    case step::fault_heal: return {"heals a cut"};
    }
    return {"?"};
}

} // namespace

void interleaving::begin(std::int64_t start_ns) {
    start_ns_ = start_ns;
    count_ = 0;
    events_.clear();
    names_.clear();
    numbers_.clear();
}

void interleaving::name_party(std::uint64_t party, std::string_view name) {
    if (names_.size() <= party) names_.resize(party + 1);
    if (names_[party].empty()) names_[party] = name;
}

void interleaving::add(std::uint64_t party, std::string_view name, step what, const void* object,
                       std::int64_t now_ns) {
    if (!name.empty()) name_party(party, name);
    const event added{object, now_ns, party, what};
    if (events_.size() < capacity) {
        events_.push_back(added);
    } else {
        events_[count_ % capacity] = added;
    }
    ++count_;
}

std::string interleaving::party_text(std::uint64_t party) const {
    std::string text = std::to_string(party);
    if (party < names_.size() && !names_[party].empty()) text += " \"" + names_[party] + "\"";
    return text;
}

std::string interleaving::number_of(const void* object) const {
    return "#" + std::to_string(numbers_.emplace(object, numbers_.size() + 1).first->second);
}

std::string interleaving::wait_text(wait_kind kind, const void* object) const {
    std::string text = detail::to_text(kind);
    if (object != nullptr) text += " " + number_of(object);
    return text;
}

std::string interleaving::to_text(std::size_t most) const {
    const auto shown = std::min<std::uint64_t>({most, events_.size(), count_});
    std::string text;
    for (std::uint64_t i = count_ - shown; i < count_; ++i) {
        const event& one = events_[i % capacity];
        const phrase words = phrase_for(one.what);
        char head[64];
        std::snprintf(head, sizeof head, "  %10.6f s  ",
                      static_cast<double>(one.now_ns - start_ns_) * 1e-9);
        text += head + party_text(one.party) + " " + words.verb;
        if (words.object != nullptr && one.object != nullptr) {
            text += std::string{" "} + words.object + " " + number_of(one.object);
        }
        text += "\n";
    }
    return text;
}

} // namespace coir::detail
