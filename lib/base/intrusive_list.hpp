// SPDX-License-Identifier: MIT
#pragma once
// Owns the doubly linked list whose links live in its elements: O(1) removal, no allocation.

namespace coir::detail {

/// Derive from this to be an element of `intrusive_list<T>`; an element is in one list at a time.
template <typename T> struct list_links {
    T* previous = nullptr;
    T* next = nullptr;
    bool linked = false;
};

template <typename T> class intrusive_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] T* front() const noexcept { return first_; }

    void push_back(T& element) noexcept {
        element.previous = last_;
        element.next = nullptr;
        element.linked = true;
        (last_ != nullptr ? last_->next : first_) = &element;
        last_ = &element;
    }

    void remove(T& element) noexcept {
        (element.previous != nullptr ? element.previous->next : first_) = element.next;
        (element.next != nullptr ? element.next->previous : last_) = element.previous;
        element.linked = false;
    }

    T* pop_front() noexcept {
        T* const element = first_;
        if (element != nullptr) remove(*element);
        return element;
    }

private:
    T* first_ = nullptr;
    T* last_ = nullptr;
};

} // namespace coir::detail
