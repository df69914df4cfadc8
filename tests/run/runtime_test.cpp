// SPDX-License-Identifier: MIT
// Covers runtime as an object: embedding, use from any thread, and several at once.

#include "fixture.hpp"

#include <memory>
#include <optional>
#include <stdexcept>

using namespace fixture;

TEST_CASE("a runtime object runs callables and starts tasks from any thread") {
    for (const int workers : worker_counts) {
        INFO("workers = ", workers);
        const leak_check leaks;
        coir::runtime rt{with_workers(workers)};
        CHECK(rt.run([] { return 1; }) == 1);
        coir::task<int> t = rt.go([] { return 2; });
        CHECK(t.join() == 2);
        int from_thread = 0;
        std::thread([&] {
            from_thread = rt.run([] { return 3; }) + rt.go([] { return 4; }).join();
        }).join();
        CHECK(from_thread == 7);
        CHECK(rt.go({.name = "named"}, [](int x) { return x; }, 5).join() == 5);
    }
}

TEST_CASE("a default-made runtime works") {
    const leak_check leaks;
    coir::runtime rt;
    CHECK(rt.run([] { return coir::go([] { return 1; }).join(); }) == 1);
}

TEST_CASE("run of a runtime rethrows") {
    coir::runtime rt{{.workers = 2}};
    CHECK_THROWS_AS(rt.run([] { throw std::runtime_error("mine"); }), std::runtime_error);
    CHECK(rt.run([] { return 1; }) == 1);
}

TEST_CASE("many threads use one runtime at once") {
    for (const int workers : worker_counts) {
        const leak_check leaks;
        coir::runtime rt{with_workers(workers)};
        std::atomic<int> sum{0};
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 100; ++i) {
                    sum += rt.go([] { return 1; }).join();
                    if (i % 10 == 0) sum += rt.run([] { return 1; });
                }
            });
        for (std::thread& thread : threads) thread.join();
        CHECK(sum.load() == 440);
    }
}

TEST_CASE("several runtimes coexist and talk over channels") {
    const leak_check leaks;
    const coir::chan<int> there;
    const coir::chan<int> back;
    coir::runtime first{{.workers = 1}};
    coir::runtime second{{.workers = 2}};
    auto echo = second.go([=] {
        for (int value : there) CHECK(back.send(value + 1));
    });
    first.run([=] {
        for (int i = 0; i < 1'000; ++i) {
            CHECK(there.send(i));
            CHECK(back.recv() == i + 1);
        }
        there.close();
    });
    echo.join();
}

TEST_CASE("a coroutine of one runtime may start one in another and join it") {
    const leak_check leaks;
    coir::runtime first{{.workers = 1}};
    coir::runtime second{{.workers = 1}};
    const int result = first.run(
        [&] { return second.go([] { return coir::go([] { return 5; }).join(); }).join(); });
    CHECK(result == 5);
}

TEST_CASE("a coroutine of one runtime selects on what another serves") {
    const leak_check leaks;
    coir::runtime first{{.workers = 2}};
    coir::runtime second{{.workers = 2}};
    const coir::chan<int> a;
    const coir::chan<int> b;
    auto sender = second.go([=] {
        for (int i = 0; i < 500; ++i) coir::select(a.on_send(i), b.on_send(i));
    });
    first.run([=] {
        for (int i = 0; i < 500; ++i) {
            std::optional<int> value;
            coir::select(b.on_recv(value), a.on_recv(value), coir::on_timeout(1h));
            CHECK(value == i);
        }
    });
    sender.join();
}

TEST_CASE("run of a runtime inside a coroutine throws logic_error, its go does not") {
    coir::runtime outer{{.workers = 1}};
    coir::runtime other{{.workers = 1}};
    outer.run([&] {
        CHECK_THROWS_AS(outer.run([] {}), std::logic_error);
        CHECK_THROWS_AS(other.run([] {}), std::logic_error);
        CHECK(outer.go([] { return 1; }).join() == 1);
    });
}

TEST_CASE("the destructor stops and joins") {
    for (const int workers : worker_counts) {
        const leak_check leaks;
        std::atomic<int> cut{0};
        std::atomic<int> started{0};
        const coir::chan<int> ch;
        coir::task<void> kept;
        {
            coir::runtime rt{with_workers(workers)};
            for (int i = 0; i < 20; ++i)
                kept = rt.go([&, ch, own = tracked{i}] {
                    ++started;
                    try {
                        static_cast<void>(ch.recv());
                    } catch (const coir::cancelled&) {
                        ++cut;
                        throw;
                    }
                });
            while (started.load() < 20) std::this_thread::yield();
        }
        CHECK(cut.load() == 20);
        // A task outlives its runtime, and tells how it ended.
        CHECK(kept.done());
        CHECK_THROWS_AS(kept.join(), coir::task_cancelled);
    }
}

TEST_CASE("a task that outlives its runtime keeps its result") {
    const leak_check leaks;
    coir::task<tracked> kept;
    {
        coir::runtime rt{{.workers = 2}};
        kept = rt.go([] { return tracked{9}; });
        while (!kept.done()) std::this_thread::yield();
    }
    CHECK(kept.join() == 9);
}

TEST_CASE("a runtime that is made and dropped unused costs nothing") {
    const leak_check leaks;
    for (int i = 0; i < 20; ++i) const coir::runtime rt{with_workers(i % 4 + 1)};
}

TEST_CASE("coroutines and OS threads exchange values through one channel") {
    for (const int workers : worker_counts) {
        const leak_check leaks;
        const coir::chan<int> to_thread;
        const coir::chan<int> to_coroutine(1);
        std::thread partner([=] {
            for (int value : to_thread) CHECK(to_coroutine.send(value * 2));
            to_coroutine.close();
        });
        coir::run(with_workers(workers), [=] {
            for (int i = 0; i < 500; ++i) {
                CHECK(to_thread.send(i));
                CHECK(to_coroutine.recv() == 2 * i);
            }
            to_thread.close();
            CHECK(!to_coroutine.recv());
        });
        partner.join();
    }
}

TEST_CASE("an OS thread stops and joins a task") {
    const leak_check leaks;
    coir::runtime rt{{.workers = 2}};
    auto t = rt.go([] { coir::sleep_for(1h); });
    t.request_stop();
    CHECK_THROWS_AS(t.join(), coir::task_cancelled);
    auto finishing = rt.go([] { coir::sleep_for(1ms); });
    CHECK(coir::select(finishing.on_done(), coir::on_timeout(1h)) == 0);
    finishing.join();
}
