// SPDX-License-Identifier: MIT
// Covers shared_mutex.

#include "fixture.hpp"

#include <coir/sync/latch.hpp>
#include <coir/sync/shared_mutex.hpp>

#include <mutex>
#include <shared_mutex>

using namespace fixture;

TEST_CASE("a writer is alone, readers are together") {
    for_each_crew([](crew& members) {
        coir::shared_mutex m;
        std::atomic<int> readers{0};
        std::atomic<int> writers{0};
        int value = 0; // no atomic
        const int rounds = scaled(200);
        for (int p = 0; p < 3; ++p)
            members.start([&] {
                for (int i = 0; i < rounds; ++i) {
                    const std::scoped_lock writing{m};
                    CHECK(writers.fetch_add(1) == 0);
                    CHECK(readers.load() == 0);
                    ++value;
                    if (i % 4 == 0) members.pause();
                    writers.fetch_sub(1);
                }
            });
        for (int p = 0; p < 5; ++p)
            members.start([&] {
                int last = 0;
                for (int i = 0; i < rounds; ++i) {
                    const std::shared_lock reading{m};
                    readers.fetch_add(1);
                    CHECK(writers.load() == 0);
                    CHECK(value >= last);
                    last = value;
                    if (i % 4 == 0) members.pause();
                    readers.fetch_sub(1);
                }
            });
        members.join();
        CHECK(value == 3 * rounds);
        CHECK(m.try_lock());
        m.unlock();
    });
}

TEST_CASE("readers really share it") {
    for_each_crew([](crew& members) {
        coir::shared_mutex m;
        coir::latch all_inside{4};
        for (int p = 0; p < 4; ++p)
            members.start([&] {
                const std::shared_lock reading{m};
                all_inside.arrive_and_wait(); // would never end if they came one by one
            });
        members.join();
    });
}

TEST_CASE("a writer gets its turn among readers that never pause together") {
    for_each_crew([](crew& members) {
        coir::shared_mutex m;
        std::atomic<bool> written{false};
        for (int p = 0; p < 3; ++p)
            members.start([&] {
                while (!written.load()) { // with one reader always inside, if they could
                    const std::shared_lock reading{m};
                    members.pause();
                }
            });
        members.start([&] {
            const std::scoped_lock writing{m};
            written.store(true);
        });
        members.join();
    });
}

TEST_CASE("readers get their turn among writers") {
    for_each_crew([](crew& members) {
        coir::shared_mutex m;
        std::atomic<bool> read{false};
        for (int p = 0; p < 3; ++p)
            members.start([&] {
                while (!read.load()) {
                    const std::scoped_lock writing{m};
                    members.pause();
                }
            });
        members.start([&] {
            const std::shared_lock reading{m};
            read.store(true);
        });
        members.join();
    });
}

TEST_CASE("the try functions take what is free and nothing else") {
    coir::shared_mutex m;
    CHECK(m.try_lock_shared());
    CHECK(m.try_lock_shared());
    CHECK(!m.try_lock());
    m.unlock_shared();
    CHECK(!m.try_lock());
    m.unlock_shared();
    CHECK(m.try_lock());
    CHECK(!m.try_lock());
    CHECK(!m.try_lock_shared());
    m.unlock();
    CHECK(m.try_lock_shared());
    m.unlock_shared();
}

TEST_CASE("a writer that gives up lets the readers behind it in") {
    for_each_runtime([] {
        coir::shared_mutex m;
        m.lock_shared();
        auto writer = coir::go([&] { m.lock(); });
        for (int i = 0; i < 20; ++i) coir::yield();
        auto reader = coir::go([&] {
            m.lock_shared();
            m.unlock_shared();
        });
        for (int i = 0; i < 20; ++i) coir::yield();
        writer.request_stop();
        CHECK_THROWS_AS(writer.join(), coir::task_cancelled);
        reader.join(); // while we are still reading
        m.unlock_shared();
        CHECK(m.try_lock());
        m.unlock();
    });
}

TEST_CASE("cancelled waits leave no trace") {
    for_each_runtime([] {
        coir::shared_mutex m;
        m.lock();
        std::vector<coir::task<void>> tasks;
        for (int i = 0; i < 50; ++i) {
            tasks.push_back(coir::go([&] { m.lock(); }));
            tasks.push_back(coir::go([&] { m.lock_shared(); }));
        }
        for (int i = 0; i < 20; ++i) coir::yield();
        for (auto& task : tasks) task.request_stop();
        for (auto& task : tasks) CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        m.unlock();
        CHECK(m.try_lock());
        m.unlock();
        CHECK(m.try_lock_shared());
        m.unlock_shared();
    });
}
