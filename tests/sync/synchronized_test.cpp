// SPDX-License-Identifier: MIT
// Covers synchronized<T> and its poison.

#include "fixture.hpp"

#include <coir/sync/latch.hpp>
#include <coir/synchronized.hpp>

#include <unistd.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

using namespace fixture;

namespace {

using numbers = coir::synchronized<std::vector<int>>;

static_assert(!std::is_copy_constructible_v<numbers::guard>);
static_assert(std::is_nothrow_move_constructible_v<numbers::guard>);
static_assert(
    std::is_same_v<decltype(*std::declval<const numbers&>().lock()), const std::vector<int>&>);
static_assert(std::is_base_of_v<std::exception, coir::poisoned>);

void leave_by_exception(numbers& data) {
    const auto guard = data.lock();
    guard->push_back(1);
    throw std::runtime_error{"half done"};
}

} // namespace

TEST_CASE("a guard gives access to the data, one at a time") {
    for_each_crew([](crew& members) {
        numbers data;
        for (int p = 0; p < 4; ++p)
            members.start([&, p] {
                for (int i = 0; i < 100; ++i) {
                    auto guard = data.lock();
                    guard->push_back(p);
                    if (i % 8 == 0) members.pause();
                    (*guard).push_back(p);
                }
            });
        members.join();
        const auto guard = std::as_const(data).lock();
        CHECK(guard->size() == 800);
        for (std::size_t i = 0; i < guard->size(); i += 2) CHECK((*guard)[i] == (*guard)[i + 1]);
    });
}

TEST_CASE("the value is made from the constructor's arguments") {
    coir::synchronized<std::vector<int>> filled(std::size_t{3}, 7);
    CHECK(filled.lock()->size() == 3);
    coir::synchronized<std::unique_ptr<int>> owner(std::make_unique<int>(5));
    CHECK(**owner.lock() == 5);
    coir::synchronized number{std::string{"deduced"}};
    CHECK(*number.lock() == "deduced");
    coir::synchronized<int> zero;
    CHECK(*zero.lock() == 0);
}

TEST_CASE("try_lock gives a guard only if nobody has one") {
    numbers data;
    {
        const auto guard = data.try_lock();
        CHECK(guard.has_value());
        CHECK(!data.try_lock().has_value());
        CHECK(!std::as_const(data).try_lock().has_value());
    }
    CHECK(data.try_lock().has_value());
}

TEST_CASE("an exception that leaves the guard's scope poisons the data") {
    for_each_crew([](crew& members) {
        numbers data;
        members.start([&] {
            CHECK(!data.is_poisoned());
            CHECK_THROWS_AS(leave_by_exception(data), std::runtime_error);
            CHECK(data.is_poisoned());
            CHECK_THROWS_AS(static_cast<void>(data.lock()), coir::poisoned);
            CHECK_THROWS_AS(static_cast<void>(std::as_const(data).lock()), coir::poisoned);
            CHECK_THROWS_AS(static_cast<void>(data.try_lock()), coir::poisoned);
            CHECK_THROWS_AS(static_cast<void>(data.lock()), coir::poisoned); // unlocked again
            {
                auto guard = data.lock_poisoned();
                CHECK(guard->size() == 1);
                guard->clear();
                data.clear_poison();
            }
            CHECK(!data.is_poisoned());
            CHECK(data.lock()->empty());
            CHECK(data.try_lock().has_value());
        });
        members.join();
    });
}

TEST_CASE("the waiters behind a poisoned guard are told") {
    for_each_crew([](crew& members) {
        numbers data;
        coir::latch locked{1};
        members.start([&] {
            try {
                const auto guard = data.lock();
                locked.count_down();
                members.settle();
                throw std::runtime_error{"half done"};
            } catch (const std::runtime_error&) {}
        });
        for (int i = 0; i < 3; ++i)
            members.start([&] {
                locked.wait();
                CHECK_THROWS_AS(static_cast<void>(data.lock()), coir::poisoned);
            });
        members.join();
    });
}

TEST_CASE("an exception that is caught inside the scope does not poison") {
    numbers data;
    {
        const auto guard = data.lock();
        try {
            throw std::runtime_error{"inside"};
        } catch (const std::runtime_error&) {}
    }
    try {
        throw std::runtime_error{"around"};
    } catch (const std::runtime_error&) {
        data.lock()->push_back(1); // inside a handler nothing is in flight
    }
    CHECK(!data.is_poisoned());
}

TEST_CASE(
    "a guard that is made and ends while a stack unwinds does not poison, one it unwinds does") {
    numbers data;
    struct logging {
        numbers& data;
        ~logging() { data.lock()->push_back(2); }
    };
    try {
        const logging last{data};
        throw std::runtime_error{"unwinding"};
    } catch (const std::runtime_error&) {}
    CHECK(!data.is_poisoned());
    struct failing {
        numbers& data;
        ~failing() {
            try {
                leave_by_exception(data);
            } catch (const std::runtime_error&) {}
        }
    };
    try {
        const failing last{data};
        throw std::runtime_error{"unwinding"};
    } catch (const std::runtime_error&) {}
    CHECK(data.is_poisoned());
}

TEST_CASE("a moved guard keeps its duty") {
    numbers data;
    {
        auto first = data.lock();
        auto second = std::move(first);
        second->push_back(1);
        auto other = numbers{};
        auto third = other.lock();
        third = std::move(second); // unlocks the other
        CHECK(other.try_lock().has_value());
        CHECK(!data.try_lock().has_value());
    }
    CHECK(data.try_lock().has_value());
}

TEST_CASE("cancelled poisons, too") {
    for_each_runtime([] {
        numbers data;
        coir::latch locked{1};
        auto task = coir::go([&] {
            const auto guard = data.lock();
            locked.count_down();
            coir::sleep_for(1h);
        });
        locked.wait();
        task.request_stop();
        CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        CHECK(data.is_poisoned());
    });
}

TEST_CASE("a lock that was cancelled while it waited poisons nothing") {
    for_each_runtime([] {
        numbers data;
        {
            const auto guard = data.lock();
            auto task = coir::go([&] { static_cast<void>(data.lock()); });
            for (int i = 0; i < 20; ++i) coir::yield();
            task.request_stop();
            CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        }
        CHECK(!data.is_poisoned());
    });
}

TEST_CASE("exceptions of other coroutines do not poison, on whatever thread the guard ends") {
    for_each_runtime([] {
        std::atomic<bool> stop{false};
        std::vector<coir::task<void>> throwers;
        for (int i = 0; i < 4; ++i)
            throwers.push_back(coir::go([&] {
                struct slow {
                    ~slow() {
                        for (int n = 0; n < 5; ++n) coir::yield(); // stays in flight meanwhile
                    }
                };
                while (!stop.load()) {
                    try {
                        const slow unwinding;
                        throw std::runtime_error{"elsewhere"};
                    } catch (const std::runtime_error&) {
                        coir::yield();
                    }
                }
            }));
        std::vector<coir::task<void>> tasks;
        for (int p = 0; p < 8; ++p)
            tasks.push_back(coir::go([&] {
                numbers data;
                for (int i = 0; i < scaled(200); ++i) {
                    {
                        const auto guard = data.lock();
                        for (int n = 0; n < i % 7; ++n) coir::yield();
                    }
                    CHECK(!data.is_poisoned());
                    try {
                        const auto guard = data.lock();
                        for (int n = 0; n < i % 5; ++n) coir::yield();
                        throw std::runtime_error{"ours"};
                    } catch (const std::runtime_error&) {}
                    CHECK(data.is_poisoned());
                    data.clear_poison();
                }
            }));
        for (auto& task : tasks) task.join();
        stop.store(true);
        for (auto& task : throwers) task.join();
    });
}

TEST_CASE("a guard poisons or not also after its coroutine has moved to another thread") {
    if (workers_are_imposed()) return; // it takes several
    coir::run(with_workers(4), [] {
        for (int i = 0; i < 20; ++i) {
            numbers data;
            const bool fail = i % 2 == 0;
            auto task = coir::go([&] {
                const auto guard = data.lock();
                CHECK(move_to_another_thread());
                if (fail) throw std::runtime_error{"moved"};
            });
            try {
                task.join();
            } catch (const std::runtime_error&) {}
            CHECK(data.is_poisoned() == fail);
        }
    });
}
