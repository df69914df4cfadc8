// SPDX-License-Identifier: MIT
#pragma once
// Owns things of which there is one in each process: a forked child gets one of its own.

#include <pthread.h>

#include <atomic>

namespace coir::detail {

/// One default-made T a process, made when it is first asked for. Never freed, since its threads
/// may outlive static destructors.
template <typename T> class per_process {
public:
    /// Throws what making it throws.
    [[nodiscard]] static T& get();
    /// Null if nobody has asked for it.
    [[nodiscard]] static T* find() noexcept {
        return only_.load(std::memory_order_acquire); // pairs with get(): publishes the members
    }

private:
    // What threads serve it do not exist in the child.
    static void forget_in_child() noexcept { only_.store(nullptr, std::memory_order_relaxed); }

    static inline std::atomic<T*> only_{nullptr};
};

template <typename T> T& per_process<T>::get() {
    static const int registered = ::pthread_atfork(nullptr, nullptr, forget_in_child);
    static_cast<void>(registered);
    T* known = find();
    if (known != nullptr) return *known;
    T* const made = new T;
    // release: as in find(); acquire: the same, of another thread's.
    if (only_.compare_exchange_strong(known, made, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return *made;
    }
    delete made;
    return *known;
}

} // namespace coir::detail
