// SPDX-License-Identifier: MIT
// Covers stopping, dropping and failing tasks: who learns of an exception.

#include "fixture.hpp"

#include <mutex>
#include <stdexcept>
#include <string>

using namespace fixture;

namespace {

/// Collects what on_unhandled_exception is told.
class witness {
public:
    coir::runtime_options options(int workers) {
        coir::runtime_options result = with_workers(workers);
        result.on_unhandled_exception = [this](std::exception_ptr error,
                                               const coir::task_info& info) {
            const std::lock_guard lock(mutex_);
            names_.emplace_back(info.name);
            ids_.push_back(info.id);
            try {
                std::rethrow_exception(error);
            } catch (const std::exception& e) {
                texts_.emplace_back(e.what());
            } catch (int) {
                texts_.emplace_back("an int");
            }
        };
        return result;
    }
    std::vector<std::string> texts() const {
        const std::lock_guard lock(mutex_);
        return texts_;
    }
    std::vector<std::string> names() const { return names_; }
    auto ids() const { return ids_; }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> texts_;
    std::vector<std::string> names_;
    std::vector<decltype(coir::task_info::id)> ids_;
};

template <class Body> void for_each_witnessed(Body body) {
    for (const int workers : worker_counts) {
        INFO("workers = ", workers);
        const leak_check leaks;
        witness seen;
        coir::run(seen.options(workers), [&] { body(seen); });
    }
}

} // namespace

TEST_CASE("dropping a task detaches it: it runs on") {
    for_each_runtime([] {
        const coir::chan<int> ch;
        {
            auto dropped = coir::go([ch] { CHECK(ch.send(1)); });
        }
        coir::go([ch] { CHECK(ch.send(1)); });
        CHECK(ch.recv() == 1);
        CHECK(ch.recv() == 1);
        auto overwritten = coir::go([ch] { CHECK(ch.send(2)); });
        overwritten = coir::go([] {});
        CHECK(ch.recv() == 2);
        overwritten.join();
    });
}

TEST_CASE("an exception of a task dropped before it threw is unhandled") {
    for_each_witnessed([](witness& seen) {
        const coir::chan<int> go_on;
        decltype(coir::this_task::id()) id{};
        {
            auto dropped = coir::go({.name = "doomed"}, [go_on] {
                CHECK(go_on.recv().has_value());
                throw std::runtime_error("too late");
            });
            id = dropped.id();
        }
        CHECK(go_on.send(1));
        while (seen.texts().empty()) coir::yield();
        CHECK(seen.texts() == std::vector<std::string>{"too late"});
        CHECK(seen.names() == std::vector<std::string>{"doomed"});
        CHECK(seen.ids().front() == id);
    });
}

TEST_CASE("an exception of a task dropped after it threw is unhandled") {
    for_each_witnessed([](witness& seen) {
        {
            auto dropped = coir::go([] { throw std::runtime_error("nobody asked"); });
            while (!dropped.done()) coir::yield();
            CHECK(seen.texts().empty());
        }
        while (seen.texts().empty()) coir::yield();
        CHECK(seen.texts() == std::vector<std::string>{"nobody asked"});
    });
}

TEST_CASE("an exception that join collected is not unhandled") {
    for_each_witnessed([](witness& seen) {
        for (int i = 0; i < 100; ++i) {
            auto t = coir::go([] { throw std::runtime_error("collected"); });
            CHECK_THROWS_AS(t.join(), std::runtime_error);
        }
        CHECK(seen.texts().empty());
    });
}

TEST_CASE("every unhandled exception is told exactly once, however the drop races with it") {
    for (const int workers : worker_counts) {
        INFO("workers = ", workers);
        const leak_check leaks;
        witness seen;
        const std::size_t count = static_cast<std::size_t>(scaled(1'000));
        coir::run(seen.options(workers), [&] {
            for (std::size_t i = 0; i < count; ++i) {
                auto t = coir::go([] { throw 1; });
                if (i % 3 == 0) coir::yield();
            }
            while (seen.texts().size() < count) coir::yield();
        });
        CHECK(seen.texts().size() == count);
    }
}

TEST_CASE("cancelled is no unhandled exception") {
    for_each_witnessed([](witness& seen) {
        for (int i = 0; i < 20; ++i) {
            auto t = coir::go([] { coir::sleep_for(1h); });
            coir::yield();
            t.request_stop();
        }
        for (int i = 0; i < 200; ++i) coir::yield();
        CHECK(seen.texts().empty());
    });
}

TEST_CASE("returning from on_unhandled_exception goes on") {
    for_each_witnessed([](witness& seen) {
        coir::go([] { throw 1; });
        coir::go([] { throw 2; });
        while (seen.texts().size() < 2) coir::yield();
        CHECK(coir::go([] { return 3; }).join() == 3);
    });
}

TEST_CASE("a stopped task makes join throw task_cancelled") {
    for_each_runtime([] {
        auto t = coir::go([] { coir::sleep_for(1h); });
        t.request_stop();
        CHECK_THROWS_AS(t.join(), coir::task_cancelled);
        auto with_result = coir::go([]() -> int {
            coir::sleep_for(1h);
            return 1;
        });
        coir::yield();
        with_result.request_stop();
        CHECK_THROWS_AS(with_result.join(), std::exception);
    });
}

TEST_CASE("a task stopped before its first instruction never runs") {
    const leak_check leaks;
    coir::run(with_workers(1), [] {
        bool ran = false;
        const long before = tracked::live.load();
        auto t = coir::go([&ran, own = tracked{1}] { ran = true; });
        CHECK(tracked::live.load() > before);
        t.request_stop();
        CHECK_THROWS_AS(t.join(), coir::task_cancelled);
        CHECK(!ran);
        CHECK(tracked::live.load() == before);
    });
}

TEST_CASE("a task stopped before or after its start runs whole to its first wait or not at all") {
    for_each_runtime([] {
        for (int i = 0; i < scaled(500); ++i) {
            std::atomic<int> steps{0};
            auto t = coir::go([&] {
                ++steps;
                ++steps;
                coir::sleep_for(1h);
                ++steps;
            });
            t.request_stop();
            CHECK_THROWS_AS(t.join(), coir::task_cancelled);
            CHECK((steps.load() == 0 || steps.load() == 2));
        }
    });
}

TEST_CASE("request_stop may come from another coroutine, often, and after the end") {
    for_each_runtime([] {
        auto t = coir::go([] { coir::sleep_for(1h); });
        std::vector<coir::task<void>> stoppers;
        for (int i = 0; i < 8; ++i) stoppers.push_back(coir::go([&t] { t.request_stop(); }));
        CHECK_THROWS_AS(t.join(), coir::task_cancelled);
        for (auto& stopper : stoppers) stopper.join();
    });
}

TEST_CASE("an exception thrown while being cancelled is the task's exception") {
    for_each_runtime([] {
        const coir::chan<int> started;
        auto t = coir::go([&] {
            CHECK(started.send(1));
            try {
                coir::sleep_for(1h);
            } catch (const coir::cancelled&) {
                throw std::runtime_error("instead");
            }
        });
        CHECK(started.recv().has_value());
        t.request_stop();
        CHECK_THROWS_AS(t.join(), std::runtime_error);
    });
}
