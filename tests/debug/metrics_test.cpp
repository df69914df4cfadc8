// SPDX-License-Identifier: MIT
// Covers metrics(): that the figures are what has happened.

#include "fixture.hpp"

#include <string>

using namespace fixture;

TEST_CASE("coroutines, waits and switches are counted") {
    for (const int workers : worker_counts) {
        const coir::process_metrics before = coir::metrics();
        coir::run(with_workers(workers), [&before] {
            const coir::chan<int> ch;
            coir::task_group group;
            for (int i = 0; i < 10; ++i) group.go([ch] { static_cast<void>(ch.recv()); });
            while (coir::metrics().parks.receive != before.parks.receive + 10) coir::yield();
            const coir::process_metrics middle = coir::metrics();
            CHECK(middle.coroutines_alive == 11);
            CHECK(middle.coroutines_started == before.coroutines_started + 11);
            CHECK(middle.coroutines_peak >= 11);
            ch.close();
            group.wait();
            coir::sleep_for(1ms);
        });
        const coir::process_metrics after = coir::metrics();
        CHECK(after.coroutines_alive == 0);
        CHECK(after.coroutines_started == before.coroutines_started + 11);
        CHECK(after.parks.receive == before.parks.receive + 10);
        CHECK(after.parks.sleep == before.parks.sleep + 1);
        CHECK(after.switches >= before.switches + 21);
        CHECK(after.stacks_mapped >= 11);
        CHECK(after.workers.empty());
    }
}

TEST_CASE("what a live runtime has now is told, and what it does its I/O by") {
    coir::runtime rt{with_workers(2)};
    rt.run([] {
        coir::task_group group;
        group.go([] { coir::sleep_for(1h); });
        while (coir::metrics().timers != 1) coir::yield();
        const std::uint64_t completed = coir::metrics().io_completed;
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto client = coir::tcp_stream::connect("127.0.0.1", listener.local_endpoint().port());
        auto server = listener.accept();
        client.write_all(std::string_view{"x"});
        const coir::process_metrics now = coir::metrics();
        CHECK(now.io_submitted >= now.io_completed);
        CHECK(now.io_completed >= completed);
        CHECK((now.io_backend == "io_uring" || now.io_backend == "epoll"));
        CHECK(now.io_backend_reason.empty() == (now.io_backend == "io_uring"));
        coir::blocking([] {});
        CHECK(coir::metrics().blocking_threads >= 1);
        CHECK(coir::metrics().parks.blocking >= 1);
        group.request_stop();
    });
    CHECK(coir::metrics().workers.size() == rt.workers());
}
