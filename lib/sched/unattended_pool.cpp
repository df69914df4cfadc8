// SPDX-License-Identifier: MIT
#include "sched/unattended_pool.hpp"

#include "sched/per_process.hpp"

namespace coir::detail {
namespace {

constexpr std::size_t most_threads = 256; // as many as a runtime's pool has unless told otherwise

struct pool_of_process : blocking_pool {
    pool_of_process() noexcept : blocking_pool{most_threads} {}
};

} // namespace

blocking_pool& unattended_pool() { return per_process<pool_of_process>::get(); }

bool unattended_calls_pending() noexcept {
    pool_of_process* const known = per_process<pool_of_process>::find();
    return known != nullptr && known->busy();
}

std::size_t unattended_threads() noexcept {
    pool_of_process* const known = per_process<pool_of_process>::find();
    return known != nullptr ? known->threads() : 0;
}

} // namespace coir::detail
