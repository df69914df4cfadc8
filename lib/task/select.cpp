// SPDX-License-Identifier: MIT
#include <coir/select.hpp>

namespace coir::detail {

std::size_t select_of_many(bool biased, std::span<select_case> cases) {
    std::vector<select_entry*> entries;
    entries.reserve(cases.size());
    for (select_case& one : cases) {
        one.prepare();
        entries.push_back(&one.entry());
    }
    const std::size_t chosen = select_entries(entries, biased);
    cases[chosen].complete();
    return chosen;
}

} // namespace coir::detail
