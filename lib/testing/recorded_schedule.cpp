// SPDX-License-Identifier: MIT
#include "testing/recorded_schedule.hpp"

#include "testing/schedule.hpp"

#include <bit>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>

namespace coir::detail {
namespace {

constexpr unsigned payload_bits = 61;
constexpr std::uint64_t payload_mask = (std::uint64_t{1} << payload_bits) - 1;
constexpr std::uint64_t told_prefix = 0b110;
constexpr std::uint64_t remembered_prefix = 0b111;

constexpr unsigned distance_order_bits = 3;
constexpr unsigned choice_order_bits = 2;

class bit_writer {
public:
    void put(std::uint64_t value, unsigned count) noexcept {
        used_ += count;
        if (used_ >= payload_bits) return; // the marker needs one
        bits_ = bits_ << count | (value & ((std::uint64_t{1} << count) - 1));
    }
    /// Exponential Golomb of that order: the longer the larger.
    void put_number(std::uint64_t value, unsigned order) noexcept {
        const std::uint64_t upper = (value >> order) + 1;
        const auto width = static_cast<unsigned>(std::bit_width(upper));
        put(0, width - 1);
        put(upper, width);
        put(value, order);
    }
    [[nodiscard]] bool fits() const noexcept { return used_ < payload_bits; }
    [[nodiscard]] std::uint64_t marked() const noexcept {
        return std::uint64_t{1} << used_ | bits_;
    }

private:
    std::uint64_t bits_ = 0;
    unsigned used_ = 0;
};

/// Reads what a bit_writer wrote; behind the end there are only zeros.
class bit_reader {
public:
    explicit bit_reader(std::uint64_t marked) noexcept
        : bits_{marked},
          left_{marked != 0 ? static_cast<unsigned>(std::bit_width(marked)) - 1 : 0} {}
    std::uint64_t take(unsigned count) noexcept {
        std::uint64_t value = 0;
        for (; count != 0; --count) value = value << 1 | (left_ != 0 ? bits_ >> --left_ & 1 : 0);
        return value;
    }
    std::uint64_t take_number(unsigned order) noexcept {
        unsigned width = 0;
        while (left_ != 0 && (bits_ >> (left_ - 1) & 1) == 0) {
            --left_;
            ++width;
        }
        const std::uint64_t upper = take(width + 1);
        return ((upper != 0 ? upper - 1 : 0) << order) | take(order);
    }
    [[nodiscard]] bool at_end() const noexcept { return left_ == 0; }

private:
    std::uint64_t bits_;
    unsigned left_;
};

std::optional<std::uint64_t> encoded(const recorded_schedule& schedule, unsigned distance_order,
                                     unsigned choice_order) {
    bit_writer out;
    out.put(schedule.network, seed_network_bits);
    out.put(distance_order, distance_order_bits);
    out.put(choice_order, choice_order_bits);
    std::uint64_t next = 0;
    for (const deviation& one : schedule.deviations) {
        out.put_number(one.at - next, distance_order);
        out.put_number(one.choice, choice_order);
        next = one.at + 1;
        if (!out.fits()) return std::nullopt;
    }
    return told_prefix << payload_bits | out.marked();
}

struct memory {
    std::mutex lock;
    std::map<std::uint64_t, recorded_schedule> schedules;
};

memory& remembered() {
    static auto* const kept = new memory;
    return *kept;
}

} // namespace

bool is_recorded(std::uint64_t seed) noexcept {
    const std::uint64_t prefix = seed >> payload_bits;
    return prefix == told_prefix || prefix == remembered_prefix;
}

std::optional<std::uint64_t> seed_of(const recorded_schedule& schedule) {
    if (schedule.network >> seed_network_bits != 0) return std::nullopt;
    for (unsigned distance = 0; distance < 1U << distance_order_bits; ++distance) {
        for (unsigned choice = 0; choice < 1U << choice_order_bits; ++choice) {
            const std::optional<std::uint64_t> seed = encoded(schedule, distance, choice);
            if (seed) return seed;
        }
    }
    return std::nullopt;
}

std::uint64_t remembered_seed_of(const recorded_schedule& schedule) {
    if (const std::optional<std::uint64_t> told = seed_of(schedule)) return *told;
    std::uint64_t hash = mix(schedule.network);
    for (const deviation& one : schedule.deviations) hash = mix(mix(hash ^ one.at) ^ one.choice);
    const std::lock_guard guard{remembered().lock};
    for (;; ++hash) {
        const std::uint64_t seed = remembered_prefix << payload_bits | (hash & payload_mask);
        const auto [known, is_new] = remembered().schedules.emplace(seed, schedule);
        if (is_new || known->second == schedule) return seed;
    }
}

recorded_schedule recorded_of(std::uint64_t seed) {
    recorded_schedule schedule;
    if (seed >> payload_bits == remembered_prefix) {
        const std::lock_guard guard{remembered().lock};
        const auto known = remembered().schedules.find(seed);
        return known != remembered().schedules.end() ? known->second : schedule;
    }
    bit_reader in{seed & payload_mask};
    schedule.network = in.take(seed_network_bits);
    const auto distance_order = static_cast<unsigned>(in.take(distance_order_bits));
    const auto choice_order = static_cast<unsigned>(in.take(choice_order_bits));
    std::uint64_t next = 0;
    while (!in.at_end()) {
        const std::uint64_t at = next + in.take_number(distance_order);
        schedule.deviations.push_back({.at = at, .choice = in.take_number(choice_order)});
        next = at + 1;
    }
    return schedule;
}

std::string to_text(const recorded_schedule& schedule) {
    std::string text = std::to_string(schedule.network);
    for (const deviation& one : schedule.deviations) {
        text += " " + std::to_string(one.at) + ":" + std::to_string(one.choice);
    }
    return text;
}

recorded_schedule recorded_from(const std::string& text) {
    recorded_schedule schedule;
    std::istringstream in{text};
    bool good = static_cast<bool>(in >> schedule.network);
    while (good && !(in >> std::ws).eof()) {
        deviation one;
        char colon = 0;
        good = static_cast<bool>(in >> one.at >> colon >> one.choice) && colon == ':' &&
               (schedule.deviations.empty() || schedule.deviations.back().at < one.at);
        schedule.deviations.push_back(one);
    }
    if (!good) throw std::invalid_argument{"coir::testing: no choices of a schedule: " + text};
    return schedule;
}

} // namespace coir::detail
