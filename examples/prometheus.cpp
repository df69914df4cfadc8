// SPDX-License-Identifier: MIT
// Writes coir::metrics() in the text format that Prometheus collects. A service would answer a
// request for /metrics with it; this one measures itself for a moment and prints.

#include <coir/coir.hpp>

#include <cstdint>
#include <iostream>
#include <ostream>
#include <string>

namespace {

class exposition {
public:
    explicit exposition(std::ostream& out) : out_{out} {}

    void counter(const std::string& name, std::uint64_t value) { line(name, "counter", value); }
    void gauge(const std::string& name, std::uint64_t value) { line(name, "gauge", value); }
    void labelled(const std::string& name, const std::string& label, std::uint64_t value) {
        out_ << "coir_" << name << '{' << label << "} " << value << '\n';
    }
    void type(const std::string& name, const char* kind) {
        out_ << "# TYPE coir_" << name << ' ' << kind << '\n';
    }

private:
    void line(const std::string& name, const char* kind, std::uint64_t value) {
        type(name, kind);
        out_ << "coir_" << name << ' ' << value << '\n';
    }

    std::ostream& out_;
};

void write_parks(exposition& page, const coir::park_counts& parks) {
    page.type("parks_total", "counter");
    page.labelled("parks_total", "for=\"receive\"", parks.receive);
    page.labelled("parks_total", "for=\"send\"", parks.send);
    page.labelled("parks_total", "for=\"select\"", parks.select);
    page.labelled("parks_total", "for=\"join\"", parks.join);
    page.labelled("parks_total", "for=\"sleep\"", parks.sleep);
    page.labelled("parks_total", "for=\"io\"", parks.io);
    page.labelled("parks_total", "for=\"blocking\"", parks.blocking);
    page.labelled("parks_total", "for=\"lock\"", parks.lock);
    page.labelled("parks_total", "for=\"other\"", parks.other);
}

void write_metrics(std::ostream& out) {
    const coir::process_metrics now = coir::metrics();
    exposition page{out};
    page.counter("coroutines_started_total", now.coroutines_started);
    page.gauge("coroutines_alive", now.coroutines_alive);
    page.gauge("coroutines_peak", now.coroutines_peak);
    page.counter("switches_total", now.switches);
    page.counter("steals_total", now.steals);
    write_parks(page, now.parks);
    page.counter("wakeups_sent_total", now.wakeups_sent);
    page.counter("wakeups_spared_total", now.wakeups_spared);
    page.gauge("run_queue", now.run_queue);
    page.counter("io_submitted_total", now.io_submitted);
    page.counter("io_completed_total", now.io_completed);
    page.gauge("timers", now.timers);
    page.gauge("stacks_mapped", now.stacks_mapped);
    page.gauge("stacks_cached", now.stacks_cached);
    page.gauge("blocking_threads", now.blocking_threads);
    page.type("io_backend", "gauge");
    page.labelled("io_backend", "name=\"" + now.io_backend + "\"", 1);
}

} // namespace

int main() {
    coir::run([] {
        const coir::chan<int> numbers;
        coir::task_group group;
        for (int i = 0; i < 100; ++i) group.go([&numbers, i] { return numbers.send(i); });
        for (int i = 0; i < 100; ++i) static_cast<void>(numbers.recv());
        group.wait();
        write_metrics(std::cout);
    });
}
