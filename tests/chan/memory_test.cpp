// SPDX-License-Identifier: MIT
// Covers channels where memory ends: nothing is lost, out of order or stuck by it.

#include "fixture.hpp"

#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>

using namespace fixture;

namespace {

std::atomic<bool> no_memory{false};

/// While it lives there is no memory for buffers, which ask with their alignment.
struct shortage {
    shortage() { no_memory.store(true); }
    shortage(const shortage&) = delete;
    ~shortage() { no_memory.store(false); }
};

template <class T> int number_of(const T& value) {
    if constexpr (std::is_same_v<T, int>)
        return value;
    else
        return value.value();
}

// One, so that those who were started have parked when others have had their turns.
template <class Body> void with_one_worker(Body body) {
    const leak_check leaks;
    coir::run(with_workers(1), body);
}

void let_others_park() {
    for (int i = 0; i < 20; ++i) coir::yield();
}

} // namespace

void* operator new(std::size_t bytes, std::align_val_t alignment) {
    const auto step = static_cast<std::size_t>(alignment);
    void* const memory =
        no_memory.load() ? nullptr : std::aligned_alloc(step, (bytes + step - 1) / step * step);
    if (memory == nullptr) throw std::bad_alloc{};
    return memory;
}
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

TEST_CASE_TEMPLATE("a send that finds no memory throws, and nothing has changed", T, int,
                   move_only) {
    for_each_runtime([] {
        const coir::chan<T> ch(coir::unbounded);
        T value{1};
        {
            const shortage now;
            CHECK_THROWS_AS(static_cast<void>(ch.send(std::move(value))), std::bad_alloc);
            CHECK_THROWS_AS(static_cast<void>(ch.try_send(std::move(value))), std::bad_alloc);
            CHECK_THROWS_AS(coir::select(ch.on_send(std::move(value))), std::bad_alloc);
        }
        CHECK(number_of(value) == 1);
        CHECK(ch.size() == 0);
        CHECK(ch.send(std::move(value)));
        CHECK(number_of(*ch.recv()) == 1);
    });
}

TEST_CASE_TEMPLATE("a receiver that waits needs no memory of the sender", T, int, move_only) {
    with_one_worker([] {
        const coir::chan<T> ch(4);
        auto receiver = coir::go([ch] { return number_of(*ch.recv()); });
        let_others_park();
        {
            const shortage now;
            CHECK(ch.send(T{1}));
        }
        CHECK(receiver.join() == 1);
    });
}

TEST_CASE_TEMPLATE("a sender whose room cannot be had is served all the same, in turn", T, int,
                   move_only) {
    static constexpr int in_block = 4; // by which the buffer of so small a channel grows
    with_one_worker([] {
        const coir::chan<T> ch(in_block);
        for (int i = 0; i < in_block; ++i) CHECK(ch.send(T{i}));
        auto sender = coir::go([ch] { return ch.send(T{in_block}); });
        let_others_park();
        {
            const shortage now;
            CHECK(number_of(*ch.recv()) == 0);
            let_others_park();
            CHECK(!sender.done());
        }
        for (int i = 1; i <= in_block; ++i) CHECK(number_of(*ch.recv()) == i);
        CHECK(sender.join());
    });
}
