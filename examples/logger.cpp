// SPDX-License-Identifier: MIT
// The event log of a web server, whose workers must not wait for the disk. Three ways:
//
//   a mutex              each worker writes its event itself. It waits for its turn at the log and
//                        then for the disk; the log can never be overwhelmed.
//   unbounded channels   a worker sends its event to the logger, which selects over all workers,
//   and
//                        goes on at once. If events come faster than they can be written, the
//                        queues grow without end: the logger is overwhelmed.
//   bounded channels     as before, but a queue that is full holds its worker back.
//
//     logger [WORKERS [EVENTS]]     EVENTS of each worker

#include <coir/coir.hpp>
#include <coir/group.hpp>
#include <coir/sync/mutex.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr auto time_to_serve = 20us;
constexpr auto time_to_write = 50us;

struct settings {
    std::size_t workers = 4;
    std::size_t events = 100;
};

struct event {
    std::size_t worker = 0;
    std::size_t number = 0;
};

/// Keeps what was logged, as slowly as a disk does. One user at a time.
class log_file {
public:
    explicit log_file(std::size_t workers) : logged_(workers) {}

    void write(const event& one) {
        coir::sleep_for(time_to_write);
        std::size_t& next = logged_[one.worker];
        if (one.number != next) in_order_ = false;
        ++next;
    }

    /// Whether it has all events, each worker's in order.
    [[nodiscard]] bool complete(std::size_t events) const {
        return in_order_ && std::all_of(logged_.begin(), logged_.end(),
                                        [=](std::size_t count) { return count == events; });
    }

private:
    std::vector<std::size_t> logged_;
    bool in_order_ = true;
};

struct outcome {
    coir::clock::duration lost{0}; ///< by all workers, inside the call that logs
    std::size_t longest_queue = 0;
    bool complete = false;
};

/// Serves requests and logs each; returns the time that logging took.
coir::clock::duration serve(std::size_t worker, std::size_t events,
                            const std::function<void(const event&)>& log) {
    coir::clock::duration lost{0};
    for (std::size_t number = 0; number < events; ++number) {
        coir::sleep_for(time_to_serve);
        const auto start = coir::clock::now();
        log({worker, number});
        lost += coir::clock::now() - start;
    }
    return lost;
}

std::vector<std::size_t> numbers_below(std::size_t count) {
    std::vector<std::size_t> numbers(count);
    for (std::size_t i = 0; i < count; ++i) numbers[i] = i;
    return numbers;
}

coir::clock::duration sum(const std::vector<coir::clock::duration>& times) {
    coir::clock::duration all{0};
    for (const auto one : times) all += one;
    return all;
}

outcome log_behind_mutex(const settings& given) {
    log_file log{given.workers};
    coir::mutex lock;
    const auto write = [&](const event& one) {
        const std::scoped_lock guard{lock};
        log.write(one);
    };
    const auto lost = coir::map(numbers_below(given.workers), [&](std::size_t worker) {
        return serve(worker, given.events, write);
    });
    return {sum(lost), 0, log.complete(given.events)};
}

/// Writes what comes from any worker until all have closed; returns the longest queue seen.
std::size_t collect(const std::vector<coir::chan<event>>& channels, log_file& log) {
    std::vector<coir::chan<event>> open = channels;
    std::size_t longest = 0;
    while (!open.empty()) {
        std::optional<event> received;
        std::vector<coir::select_case> cases;
        for (const auto& one : open) cases.push_back(one.on_recv(received));
        const std::size_t from = coir::select(cases);
        if (!received) {
            open.erase(open.begin() + static_cast<std::ptrdiff_t>(from));
            continue;
        }
        longest = std::max(longest, open[from].size() + 1);
        log.write(*received);
    }
    return longest;
}

outcome log_over_channels(const settings& given, const std::vector<coir::chan<event>>& channels) {
    log_file log{given.workers};
    auto logger = coir::go([&] { return collect(channels, log); });
    const auto lost = coir::map(numbers_below(given.workers), [&](std::size_t worker) {
        const auto& own = channels[worker];
        const auto time = serve(worker, given.events,
                                [&](const event& one) { static_cast<void>(own.send(one)); });
        own.close();
        return time;
    });
    const std::size_t longest = logger.join();
    return {sum(lost), longest, log.complete(given.events)};
}

void report(const char* way, const settings& given, const outcome& result) {
    const double lost_us = std::chrono::duration<double, std::micro>(result.lost).count();
    const auto events = static_cast<double>(given.workers * given.events);
    std::printf("%-18s lost per event %8.2f us, longest queue %zu, log %s\n", way, lost_us / events,
                result.longest_queue, result.complete ? "complete" : "INCOMPLETE");
}

std::optional<std::size_t> parse(const char* text) {
    std::size_t value = 0;
    const char* const end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    if (error != std::errc{} || stop != end || value == 0 || value > 100'000) return std::nullopt;
    return value;
}

} // namespace

int main(int argc, char** argv) {
    const auto workers = argc > 1 ? parse(argv[1]) : 4;
    const auto events = argc > 2 ? parse(argv[2]) : 100;
    if (argc > 3 || !workers || !events) {
        std::fputs("usage: logger [WORKERS [EVENTS]]\n", stderr);
        return 2;
    }
    return coir::run([given = settings{*workers, *events}] {
        report("a mutex", given, log_behind_mutex(given));
        std::vector<coir::chan<event>> unbounded;
        std::vector<coir::chan<event>> bounded;
        for (std::size_t i = 0; i < given.workers; ++i) {
            unbounded.emplace_back(coir::unbounded);
            bounded.emplace_back(4);
        }
        report("unbounded channels", given, log_over_channels(given, unbounded));
        report("bounded channels", given, log_over_channels(given, bounded));
        return 0;
    });
}
