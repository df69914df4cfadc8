// SPDX-License-Identifier: MIT
#include "base/own_thread.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

namespace coir::detail {
namespace {

struct register_of_threads {
    std::mutex lock;
    std::vector<pid_t> threads;
};

register_of_threads& known_threads() {
    static auto* const kept = new register_of_threads; // threads may outlive static destructors
    return *kept;
}

} // namespace

own_thread::own_thread(const char* name) {
    ::pthread_setname_np(::pthread_self(), name);
    const std::lock_guard guard{known_threads().lock};
    known_threads().threads.push_back(::gettid());
}

own_thread::~own_thread() {
    const std::lock_guard guard{known_threads().lock};
    std::erase(known_threads().threads, ::gettid());
}

bool is_own_thread(pid_t thread) {
    const std::lock_guard guard{known_threads().lock};
    const auto& threads = known_threads().threads;
    return std::ranges::find(threads, thread) != threads.end();
}

std::vector<pid_t> own_threads() {
    const std::lock_guard guard{known_threads().lock};
    return known_threads().threads;
}

} // namespace coir::detail
