// SPDX-License-Identifier: MIT
#include "child_process.hpp"
#include "flow.hpp"

#include <doctest/doctest.h>
#include <unwind.h>

#include <array>
#include <cfenv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace coir::detail;

namespace {

struct relay {
    context main;
    context other;
};

void add_one_for_ever(void* argument) {
    // The first argument says where the contexts are; later ones are numbers.
    auto& contexts = *static_cast<relay*>(argument);
    void* received = context_switch(contexts.other, contexts.main, nullptr);
    while (received != nullptr) {
        auto* const number = static_cast<int*>(received);
        ++*number;
        received = context_switch(contexts.other, contexts.main, number);
    }
    context_exit(contexts.other, contexts.main, nullptr);
}

// Opaque to the optimiser: a value it cannot compute again after the switch.
template <typename T> T opaque(T value) {
    asm volatile("" : "+m"(value));
    return value;
}

// More values than there are callee-saved registers, all live across the suspension.
[[gnu::noinline]] bool values_survive(flow& self, std::uint64_t seed) {
    const auto a = opaque(seed + 1), b = opaque(seed + 2), c = opaque(seed + 3);
    const auto d = opaque(seed + 4), e = opaque(seed + 5), f = opaque(seed + 6);
    const auto g = opaque(seed + 7), h = opaque(seed + 8);
    const auto x = opaque(static_cast<double>(seed) + 0.5), y = opaque(x * 2), z = opaque(x * 3);
    const auto precise = opaque(static_cast<long double>(seed) + 0.25L);
    self.suspend();
    return a == seed + 1 && b == seed + 2 && c == seed + 3 && d == seed + 4 && e == seed + 5 &&
           f == seed + 6 && g == seed + 7 && h == seed + 8 &&
           x == static_cast<double>(seed) + 0.5 && y == x * 2 && z == x * 3 &&
           precise == static_cast<long double>(seed) + 0.25L;
}

[[gnu::noinline]] void throw_from_depth(int depth) {
    if (depth == 0) throw std::runtime_error("from the bottom");
    throw_from_depth(depth - 1);
    asm volatile(""); // no tail call
}

_Unwind_Reason_Code count_frame(_Unwind_Context*, void* counter) {
    return ++*static_cast<int*>(counter) == 1000 ? _URC_NORMAL_STOP : _URC_NO_REASON;
}

} // namespace

TEST_CASE("a switch carries its argument to either side") {
    relay contexts;
    const stack used = stack_depot::instance().acquire(64 * 1024);
    context_adopt_thread(contexts.main);
    context_make(contexts.other, used.bottom, used.top, add_one_for_ever);
    CHECK(context_switch(contexts.main, contexts.other, &contexts) == nullptr);
    int number = 41;
    CHECK(context_switch(contexts.main, contexts.other, &number) == &number);
    CHECK(number == 42);
    CHECK(context_switch(contexts.main, contexts.other, &number) == &number);
    CHECK(number == 43);
    CHECK(context_switch(contexts.main, contexts.other, nullptr) == nullptr);
    context_discard(contexts.other);
    stack_depot::instance().release(used);
}

TEST_CASE("live values survive a suspension") {
    std::array<bool, 2> survived{};
    flow one([&](flow& self) { survived[0] = values_survive(self, 1000); });
    flow two([&](flow& self) { survived[1] = values_survive(self, 77); });
    one.resume();
    two.resume();
    one.resume();
    two.resume();
    CHECK(survived[0]);
    CHECK(survived[1]);
    CHECK(one.ended());
    CHECK(two.ended());
}

TEST_CASE("the stack of a fresh flow is aligned for calls and vectors") {
    bool aligned = false;
    flow one([&](flow&) {
        alignas(16) std::array<float, 4> local{};
        asm volatile("" : : "r"(local.data()) : "memory");
        aligned = reinterpret_cast<std::uintptr_t>(local.data()) % 16 == 0 &&
                  reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) % 8 == 0;
    });
    one.resume();
    CHECK(aligned);
}

TEST_CASE("the rounding mode belongs to the flow") {
    std::array<int, 3> inside{};
    flow one([&](flow& self) {
        inside[0] = std::fegetround();
        std::fesetround(FE_UPWARD);
        self.suspend();
        inside[1] = std::fegetround();
        self.suspend();
        inside[2] = std::fegetround();
    });
    REQUIRE(std::fegetround() == FE_TONEAREST);
    one.resume();
    CHECK(std::fegetround() == FE_TONEAREST);
    std::fesetround(FE_DOWNWARD);
    one.resume();
    CHECK(std::fegetround() == FE_DOWNWARD);
    std::fesetround(FE_TONEAREST);
    one.resume();
    CHECK(std::fegetround() == FE_TONEAREST);
    CHECK(inside == std::array{FE_TONEAREST, FE_UPWARD, FE_UPWARD});
}

TEST_CASE("a fresh flow inherits its maker's rounding mode") {
    int inside = -1;
    std::fesetround(FE_TOWARDZERO);
    flow one([&](flow&) { inside = std::fegetround(); });
    std::fesetround(FE_TONEAREST);
    one.resume();
    CHECK(inside == FE_TOWARDZERO);
    CHECK(std::fegetround() == FE_TONEAREST);
}

#if COIR_SWITCH_NATIVE
TEST_CASE("sticky floating-point flags stay with the thread, also when control bits differ") {
    for (const int mode : {FE_TONEAREST, FE_UPWARD}) {
        CAPTURE(mode);
        int seen_inside = 0;
        std::feclearexcept(FE_ALL_EXCEPT);
        flow one([&](flow& self) {
            std::fesetround(mode);
            self.suspend();
            seen_inside = std::fetestexcept(FE_ALL_EXCEPT);
            std::feraiseexcept(FE_INEXACT);
        });
        one.resume();
        CHECK(std::fetestexcept(FE_ALL_EXCEPT) == 0);
        std::feraiseexcept(FE_DIVBYZERO);
        one.resume();
        CHECK((seen_inside & FE_DIVBYZERO) != 0);
        CHECK((std::fetestexcept(FE_ALL_EXCEPT) & FE_INEXACT) != 0);
        std::feclearexcept(FE_ALL_EXCEPT);
    }
}
#endif

TEST_CASE("exceptions are thrown and caught inside a flow, before and after a suspension") {
    int caught = 0;
    flow one([&](flow& self) {
        for (int i = 0; i < 3; ++i) {
            try {
                throw_from_depth(20);
            } catch (const std::runtime_error&) {
                ++caught;
            }
            self.suspend();
        }
    });
    while (!one.ended()) one.resume();
    CHECK(caught == 3);
}

TEST_CASE("unwinding ends at the first frame of a flow") {
    int frames = 0;
    _Unwind_Reason_Code reason = _URC_NO_REASON;
    flow one([&](flow& self) {
        self.suspend();
        reason = _Unwind_Backtrace(count_frame, &frames);
    });
    one.resume();
    one.resume();
    CHECK(reason == _URC_END_OF_STACK);
    CHECK(frames >= 3); // the lambda, the functions that called it, the entry
    CHECK(frames < 30);
}

TEST_CASE("an exception that leaves the entry ends the process by terminate") {
    const child_end end = run_in_child([] {
        std::set_terminate([] { ::_exit(std::current_exception() != nullptr ? 42 : 43); });
        flow one([](flow&) { throw std::runtime_error("nobody catches this"); });
        one.resume();
    });
    CHECK(end.exited_with(42));
}

TEST_CASE("an entry that returns ends the process with a sentence") {
    const child_end end = run_in_child([] {
        std::signal(SIGABRT, SIG_DFL);
        relay contexts;
        const stack used = stack_depot::instance().acquire(64 * 1024);
        context_adopt_thread(contexts.main);
        context_make(contexts.other, used.bottom, used.top, [](void*) {});
        context_switch(contexts.main, contexts.other, nullptr);
    });
    CHECK(end.killed_by(SIGABRT));
    CHECK(end.errors.find("entry returned") != std::string::npos);
}

TEST_CASE("a flow suspended on one thread continues on another") {
    std::vector<std::thread::id> seen;
    flow one([&](flow& self) {
        for (int i = 0; i < 3; ++i) {
            seen.push_back(std::this_thread::get_id());
            self.suspend();
        }
    });
    std::vector<std::thread::id> resumers;
    while (!one.ended()) {
        std::thread resumer([&] {
            resumers.push_back(std::this_thread::get_id());
            one.resume();
        });
        resumer.join();
    }
    REQUIRE(resumers.size() == 4);
    resumers.pop_back();
    CHECK(seen == resumers);
}

TEST_CASE("flows switch straight to each other") {
    constexpr std::size_t count = 10;
    std::array<context, count + 1> contexts; // the last one is the thread's
    std::array<stack, count> stacks;
    struct step {
        std::array<context, count + 1>* contexts;
        std::size_t at;
        std::size_t visited;
    } token{&contexts, 0, 0};
    context_adopt_thread(contexts[count]);
    for (std::size_t i = 0; i < count; ++i) {
        stacks[i] = stack_depot::instance().acquire(64 * 1024);
        context_make(contexts[i], stacks[i].bottom, stacks[i].top, [](void* argument) {
            auto& passed = *static_cast<step*>(argument);
            const std::size_t own = passed.at++;
            ++passed.visited;
            context_switch((*passed.contexts)[own], (*passed.contexts)[passed.at], argument);
            passed.visited += 100;
            ++passed.at;
            context_exit((*passed.contexts)[own], (*passed.contexts)[passed.at], argument);
        });
    }
    CHECK(context_switch(contexts[count], contexts[0], &token) == &token);
    CHECK(token.visited == count);
    token.at = 0;
    CHECK(context_switch(contexts[count], contexts[0], &token) == &token);
    CHECK(token.visited == 101 * count);
    for (std::size_t i = 0; i < count; ++i) {
        context_discard(contexts[i]);
        stack_depot::instance().release(stacks[i]);
    }
}

TEST_CASE("a context and its stack are used again many times") {
    // More rounds than a sanitizer has handles or entries on a shadow stack.
    constexpr int rounds = 100'000;
    relay contexts;
    const stack used = stack_depot::instance().acquire(64 * 1024);
    context_adopt_thread(contexts.main);
    int ran = 0;
    std::pair<relay*, int*> argument{&contexts, &ran};
    for (int i = 0; i < rounds; ++i) {
        context_make(contexts.other, used.bottom, used.top, [](void* passed) {
            auto& [both, count] = *static_cast<std::pair<relay*, int*>*>(passed);
            std::array<volatile char, 100> frame{}; // gets red zones under AddressSanitizer
            frame[static_cast<std::size_t>(*count % 100)] = 1;
            ++*count;
            context_exit(both->other, both->main, nullptr);
        });
        context_switch(contexts.main, contexts.other, &argument);
        context_discard(contexts.other);
    }
    CHECK(ran == rounds);
    // Nothing stays poisoned: the whole stack may be written by its next owner.
    for (std::byte* byte = used.top - 4096; byte != used.top; ++byte) *byte = std::byte{1};
    stack_depot::instance().release(used);
}

TEST_CASE("a flow that was never started is discarded") {
    relay contexts;
    const stack used = stack_depot::instance().acquire(64 * 1024);
    for (int i = 0; i < 20'000; ++i) {
        context_make(contexts.other, used.bottom, used.top, [](void*) { std::abort(); });
        context_discard(contexts.other);
    }
    stack_depot::instance().release(used);
}
