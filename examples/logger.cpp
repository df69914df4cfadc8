// SPDX-License-Identifier: MIT
// The event log of a web server, whose workers must not wait for the disk. Three ways:
//
//   a mutex              each worker writes its event itself, and waits for its turn and the disk.
//   unbounded channels   a worker sends its event to the logger, which selects over all workers,
//                        and goes on. If events come too fast, the logger is overwhelmed.
//   bounded channels     as before, but a queue that is full holds its worker back.
//
//     logger [WORKERS [EVENTS]]     EVENTS of each worker

#include "command_line/numbers.hpp"

#include <coir/coir.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <mutex>
#include <numeric>
#include <optional>
#include <ranges>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct event {
    std::size_t worker = 0, number = 0;
};

/// What has been logged, as slowly as a disk takes it. One user at a time.
struct log_file {
    std::vector<std::size_t> written; ///< by each worker
    bool in_order = true;

    void write(const event& one) {
        coir::sleep_for(50us);
        in_order = in_order && one.number == written[one.worker];
        ++written[one.worker];
    }
};

struct server {
    std::size_t workers, events;

    /// Has each worker serve its requests and log them; returns the time that all lost by that.
    template <typename Log> coir::clock::duration serve(const Log& log) const {
        const auto lost = coir::map(std::views::iota(std::size_t{0}, workers), [&](auto worker) {
            coir::clock::duration waited{0};
            for (std::size_t number = 0; number < events; ++number) {
                coir::sleep_for(20us); // the request
                const auto start = coir::clock::now();
                log(event{worker, number});
                waited += coir::clock::now() - start;
            }
            return waited;
        });
        return std::accumulate(lost.begin(), lost.end(), coir::clock::duration{0});
    }

    void report(const char* way, coir::clock::duration lost, std::size_t longest_queue,
                const log_file& log) const {
        const std::chrono::duration<double, std::micro> each = lost / (workers * events);
        const bool complete = log.in_order && log.written == std::vector(workers, events);
        std::printf("%-18s lost per event %8.2f us, longest queue %zu, log %s\n", way, each.count(),
                    longest_queue, complete ? "complete" : "INCOMPLETE");
    }
};

void log_behind_mutex(const server& given) {
    log_file log{std::vector<std::size_t>(given.workers)};
    coir::mutex turn;
    const auto lost = given.serve([&](const event& one) {
        const std::scoped_lock guard{turn};
        log.write(one);
    });
    given.report("a mutex", lost, 0, log);
}

/// Writes what comes from any worker until all channels are closed; returns the longest queue seen.
std::size_t collect(const std::vector<coir::receiver<event>>& workers, log_file& log) {
    std::size_t longest = 0;
    std::optional<event> received;
    std::vector<coir::select_case> cases;
    for (const auto& worker : workers) cases.push_back(worker.on_recv(received));
    for (std::size_t open = workers.size(); open > 0;) {
        const std::size_t from = coir::select(cases);
        if (received) {
            longest = std::max(longest, workers[from].size() + 1);
            log.write(*received);
        } else {
            --open;
            cases[from] = coir::receiver<event>{}.on_recv(); // nil: never ready
        }
    }
    return longest;
}

template <typename Capacity>
void log_over_channels(const char* way, const server& given, Capacity capacity) {
    log_file log{std::vector<std::size_t>(given.workers)};
    std::vector<coir::chan<event>> queues;
    for (std::size_t i = 0; i < given.workers; ++i) queues.emplace_back(capacity);
    std::vector<coir::receiver<event>> ends(queues.begin(), queues.end());
    auto logger = coir::go(collect, std::move(ends), std::ref(log));
    const auto lost =
        given.serve([&](const event& one) { std::ignore = queues[one.worker].send(one); });
    queues.clear(); // the only senders: the channels close
    const std::size_t longest = logger.join();
    given.report(way, lost, longest, log);
}

} // namespace

int main(int argc, char** argv) {
    const auto [workers, events] = command_line::numbers<std::size_t>(
        argc, argv, "logger [WORKERS [EVENTS]]", {4, 100}, {.most = 100'000});
    coir::run([given = server{workers, events}] {
        log_behind_mutex(given);
        log_over_channels("unbounded channels", given, coir::unbounded);
        log_over_channels("bounded channels", given, 4);
    });
    return 0;
}
