// SPDX-License-Identifier: MIT
// Shows the difference between sequential, concurrent and parallel. Four orders come in; each means
// a wait (for an answer) and then some work. Record a timeline and open it in ui.perfetto.dev:
//
//     COIR_TRACE=timeline.json ./timeline

#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>

namespace {

using namespace std::chrono_literals;

constexpr int orders = 4;

void wait_for_answer() {
    const coir::trace_span span("answer");
    coir::sleep_for(5ms);
}

void work() {
    const coir::trace_span span("work");
    const auto end = std::chrono::steady_clock::now() + 5ms;
    while (std::chrono::steady_clock::now() < end) {}
}

void handle_order() {
    wait_for_answer();
    work();
}

void measure(const char* name, void (*handle_all)()) {
    const coir::trace_span span(name);
    const auto begin = std::chrono::steady_clock::now();
    handle_all();
    const auto took = std::chrono::steady_clock::now() - begin;
    std::printf("%-10s %3lld ms\n", name,
                static_cast<long long>(
                    std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
}

void one_after_the_other() {
    for (int i = 0; i < orders; ++i) handle_order();
}

void all_at_once() {
    coir::task_group group;
    for (int i = 0; i < orders; ++i) {
        group.go({.name = "order " + std::to_string(i + 1)}, handle_order);
    }
    group.wait();
}

} // namespace

int main() {
    // Nothing overlaps.
    coir::run({.workers = 1}, [] { measure("sequential", one_after_the_other); });
    // One worker: the waits overlap, the work does not.
    coir::run({.workers = 1}, [] { measure("concurrent", all_at_once); });
    // Several: the work overlaps as well.
    coir::run([] { measure("parallel", all_at_once); });
}
