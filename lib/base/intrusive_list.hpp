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
    [[nodiscard]] static T* after(T& element) noexcept { return links(element).next; }

    void push_back(T& element) noexcept {
        links(element) = {last_, nullptr, true};
        (last_ != nullptr ? links(*last_).next : first_) = &element;
        last_ = &element;
    }

    void remove(T& element) noexcept {
        list_links<T>& own = links(element);
        (own.previous != nullptr ? links(*own.previous).next : first_) = own.next;
        (own.next != nullptr ? links(*own.next).previous : last_) = own.previous;
        own.linked = false;
    }

    T* pop_front() noexcept {
        T* const element = first_;
        if (element == nullptr) return nullptr;
        first_ = links(*element).next;
        (first_ != nullptr ? links(*first_).previous : last_) = nullptr;
        links(*element).linked = false;
        return element;
    }

private:
    // An element may have links of several kinds: these are the ones for lists of T.
    static list_links<T>& links(T& element) noexcept { return element; }

    T* first_ = nullptr;
    T* last_ = nullptr;
};

} // namespace coir::detail
