// SPDX-License-Identifier: MIT
#include "fiber/exception_state.hpp"
#include "flow.hpp"

#include <doctest/doctest.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using coir::detail::exception_state;
using coir::detail::thread_exception_state;

namespace {

/// Suspends as the scheduler does: the flow keeps its own words, the resumer gets its own back.
void suspend_with_state(flow& self, exception_state& resumers) {
    exception_state& running = thread_exception_state();
    const exception_state mine = std::exchange(running, resumers);
    self.suspend();
    exception_state& running_now = thread_exception_state(); // perhaps another thread's
    resumers = std::exchange(running_now, mine);
}

struct suspends_when_destroyed {
    flow& self;
    exception_state& resumers;
    int& uncaught_after;
    ~suspends_when_destroyed() {
        suspend_with_state(self, resumers);
        uncaught_after = std::uncaught_exceptions();
    }
};

std::string current_message() {
    try {
        throw;
    } catch (const std::exception& error) {
        return error.what();
    }
}

} // namespace

TEST_CASE("a thread that handles nothing has zeroed words") {
    CHECK(thread_exception_state().caught == nullptr);
    CHECK(thread_exception_state().uncaught == 0);
}

TEST_CASE("a flow suspended inside catch keeps its exception while others throw and catch") {
    std::string message;
    exception_state outside;
    flow one([&](flow& self) {
        try {
            throw std::runtime_error("mine");
        } catch (const std::exception&) {
            suspend_with_state(self, outside);
            message = current_message();
        }
        CHECK(std::current_exception() == nullptr);
    });
    one.resume();
    CHECK(std::current_exception() == nullptr);
    try {
        throw std::logic_error("the resumer's");
    } catch (const std::exception&) {
        CHECK(current_message() == "the resumer's");
    }
    SUBCASE("resumed by the same thread") { one.resume(); }
    SUBCASE("resumed by another thread") {
        std::thread([&] { one.resume(); }).join();
    }
    CHECK(one.ended());
    CHECK(message == "mine");
    CHECK(thread_exception_state().caught == nullptr);
}

TEST_CASE("a flow suspended while its stack unwinds keeps its count of uncaught exceptions") {
    exception_state outside;
    int uncaught_after = -1;
    flow one([&](flow& self) {
        try {
            const suspends_when_destroyed parks{self, outside, uncaught_after};
            throw std::runtime_error("unwinds");
        } catch (const std::exception&) {}
    });
    one.resume();
    CHECK(std::uncaught_exceptions() == 0);
    std::thread([&] { one.resume(); }).join();
    CHECK(one.ended());
    CHECK(uncaught_after == 1);
    CHECK(thread_exception_state().uncaught == 0);
}
