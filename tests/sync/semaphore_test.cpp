// SPDX-License-Identifier: MIT
// Covers counting_semaphore and binary_semaphore.

#include "fixture.hpp"

#include <coir/sync/latch.hpp>
#include <coir/sync/semaphore.hpp>

#include <stdexcept>

using namespace fixture;

static_assert(coir::binary_semaphore::max() == 1);
static_assert(coir::counting_semaphore<7>::max() == 7);
static_assert(coir::counting_semaphore<>::max() > 1'000'000'000);

TEST_CASE("as many parties are inside as there are permits") {
    for_each_crew([](crew& members) {
        coir::counting_semaphore<> slots{3};
        coir::latch all_inside{3};
        for (int p = 0; p < 3; ++p)
            members.start([&] {
                slots.acquire();
                all_inside.arrive_and_wait(); // returns only if the two others are inside as well
                slots.release();
            });
        members.join();
    });
}

TEST_CASE("no more parties are inside than there are permits") {
    for_each_crew([](crew& members) {
        coir::counting_semaphore<> slots{3};
        std::atomic<int> inside{0};
        for (int p = 0; p < 12; ++p)
            members.start([&] {
                for (int i = 0; i < scaled(100); ++i) {
                    slots.acquire();
                    CHECK(inside.fetch_add(1) < 3);
                    members.pause();
                    inside.fetch_sub(1);
                    slots.release();
                }
            });
        members.join();
        for (int i = 0; i < 3; ++i) CHECK(slots.try_acquire());
        CHECK(!slots.try_acquire());
    });
}

TEST_CASE("release wakes as many as it gives permits, in the order of their arrival") {
    for_each_runtime([](int workers) {
        coir::counting_semaphore<> permits{0};
        const coir::chan<int> served(10);
        std::vector<coir::task<void>> tasks;
        for (int i = 0; i < 5; ++i) {
            tasks.push_back(coir::go([&, i] {
                permits.acquire();
                CHECK(served.send(i));
            }));
            if (workers == 1) coir::yield();
        }
        for (int i = 0; i < 20; ++i) coir::yield();
        CHECK(served.size() == 0);
        permits.release(2);
        const int first = served.recv().value_or(-1);
        const int second = served.recv().value_or(-1);
        if (workers == 1) {
            CHECK(first == 0);
            CHECK(second == 1);
        }
        for (int i = 0; i < 20; ++i) coir::yield();
        CHECK(served.size() == 0);
        permits.release(5);
        for (auto& task : tasks) task.join();
        CHECK(permits.try_acquire());
        CHECK(permits.try_acquire());
        CHECK(!permits.try_acquire());
    });
}

TEST_CASE("what was done before a release is seen after the acquire") {
    for_each_crew([](crew& members) {
        coir::binary_semaphore full{0};
        coir::binary_semaphore empty{1};
        int box = 0; // no atomic
        members.start([&] {
            for (int i = 1; i <= 500; ++i) {
                empty.acquire();
                box = i;
                full.release();
            }
        });
        members.start([&] {
            for (int i = 1; i <= 500; ++i) {
                full.acquire();
                CHECK(box == i);
                empty.release();
            }
        });
        members.join();
    });
}

TEST_CASE("try_acquire_for and try_acquire_until give up in time, and not before") {
    for_each_crew([](crew& members) {
        members.start([] {
            coir::counting_semaphore<> none{0};
            const auto start = coir::clock::now();
            CHECK(!none.try_acquire_for(3ms));
            CHECK(coir::clock::now() - start >= 3ms);
            CHECK(!none.try_acquire_until(coir::clock::now() + 1ms));
            CHECK(!none.try_acquire_until(std::chrono::system_clock::now() + 1ms));
            CHECK(!none.try_acquire_for(0ms));
            none.release();
            CHECK(none.try_acquire_for(0ms));
            none.release();
            CHECK(none.try_acquire_until(coir::clock::time_point::min()));
        });
        members.join();
    });
}

TEST_CASE("a permit that comes in time ends a timed wait") {
    for_each_crew([](crew& members) {
        coir::counting_semaphore<> permits{0};
        members.start([&] { CHECK(permits.try_acquire_for(1h)); });
        members.start([&] {
            members.settle();
            permits.release();
        });
        members.join();
    });
}

TEST_CASE("numbers of permits that make no sense are refused") {
    CHECK_THROWS_AS(coir::binary_semaphore{2}, std::logic_error);
    CHECK_THROWS_AS(coir::counting_semaphore<>{-1}, std::logic_error);
    coir::counting_semaphore<3> three{3};
    CHECK_THROWS_AS(three.release(), std::logic_error);
    CHECK_THROWS_AS(three.release(-1), std::logic_error);
    three.acquire();
    three.release(0);
    three.release(1);
    CHECK_THROWS_AS(three.release(1), std::logic_error);
}

TEST_CASE("a cancelled acquire takes no permit, and acquires only what is there") {
    for_each_runtime([] {
        coir::counting_semaphore<> permits{1};
        bool took = false;
        CHECK_THROWS_AS(coir::with_timeout(0ms,
                                           [&] {
                                               permits.acquire();
                                               took = true;
                                               permits.acquire();
                                           }),
                        coir::timed_out);
        CHECK(took);
        auto task = coir::go([&] { permits.acquire(); });
        for (int i = 0; i < 20; ++i) coir::yield();
        task.request_stop();
        CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        permits.release();
        CHECK(permits.try_acquire());
        CHECK(!permits.try_acquire());
    });
}
