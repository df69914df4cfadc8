// SPDX-License-Identifier: MIT
#include "ring/simulated_sockets.hpp"

#include <mutex>
#include <set>

namespace coir::detail {
namespace {

struct kept_numbers {
    std::mutex lock;
    std::set<int> numbers;
};

kept_numbers& kept() {
    static auto* const all = new kept_numbers; // static objects may hold sockets
    return *all;
}

} // namespace

void keep_number(int fd) {
    const std::lock_guard guard{kept().lock};
    kept().numbers.insert(fd);
}

void give_number_back(int fd) noexcept {
    const std::lock_guard guard{kept().lock};
    kept().numbers.erase(fd);
}

bool is_number_kept(int fd) noexcept {
    const std::lock_guard guard{kept().lock};
    return kept().numbers.contains(fd);
}

} // namespace coir::detail
