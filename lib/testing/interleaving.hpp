// SPDX-License-Identifier: MIT
#pragma once
// Owns the record of a run's last steps, and its words.

#include "sched/waiter.hpp"

#include <coir/detail/scheduling_point.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace coir::detail {

class interleaving {
public:
    /// Forgets everything; `start_ns` is the virtual time at which the run begins.
    void begin(std::int64_t start_ns);

    void add(std::uint64_t party, std::string_view name, step what, const void* object,
             std::int64_t now_ns);

    /// The last `most` steps, one a line.
    [[nodiscard]] std::string to_text(std::size_t most) const;
    /// "3 \"name\"", or "3".
    [[nodiscard]] std::string party_text(std::uint64_t party) const;
    /// What is waited on, numbered as in the steps: "mutex #2".
    [[nodiscard]] std::string wait_text(wait_kind kind, const void* object) const;

private:
    static constexpr std::size_t capacity = std::size_t{1} << 14;

    struct event {
        const void* object;
        std::int64_t now_ns;
        std::uint64_t party;
        step what;
    };
    void name_party(std::uint64_t party, std::string_view name);
    /// Numbers the objects in the order in which they are met.
    [[nodiscard]] std::string number_of(const void* object) const;

    std::int64_t start_ns_ = 0;
    std::uint64_t count_ = 0;
    std::vector<event> events_;      ///< a ring once it is full
    std::vector<std::string> names_; ///< by party
    mutable std::unordered_map<const void*, std::size_t> numbers_;
};

} // namespace coir::detail
