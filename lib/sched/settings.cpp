// SPDX-License-Identifier: MIT
#include "sched/settings.hpp"

#include "sched/held_locks.hpp"
#include "sched/reports.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace coir::detail {
namespace {

constexpr std::size_t most_workers = 1024;
constexpr std::size_t most_stack = std::size_t{1} << 40;

[[noreturn]] void reject(const char* name, const char* value, const char* wanted) {
    std::fprintf(stderr, "coir: %s=%s: %s\n", name, value, wanted);
    std::exit(2);
}

// An empty variable counts as unset.
const char* variable(const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
}

std::optional<std::size_t> parse_number(std::string_view text) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<std::size_t> parse_bytes(std::string_view text) {
    std::size_t unit = 1;
    if (text.ends_with('K') || text.ends_with('k')) unit = std::size_t{1} << 10;
    if (text.ends_with('M') || text.ends_with('m')) unit = std::size_t{1} << 20;
    if (unit != 1) text.remove_suffix(1);
    const std::optional<std::size_t> number = parse_number(text);
    if (!number || *number > most_stack / unit) return std::nullopt;
    return *number * unit;
}

void read_workers(runtime_options& options) {
    const char* const value = variable("COIR_WORKERS");
    if (value == nullptr) return;
    const std::optional<std::size_t> number = parse_number(value);
    if (!number || *number > most_workers) {
        reject("COIR_WORKERS", value, "expected a number from 0 (automatic) to 1024");
    }
    options.workers = *number;
}

void read_stack_size(runtime_options& options) {
    const char* const value = variable("COIR_STACK_SIZE");
    if (value == nullptr) return;
    const std::optional<std::size_t> bytes = parse_bytes(value);
    if (!bytes || *bytes < least_stack_bytes || *bytes > most_stack) {
        reject("COIR_STACK_SIZE", value, "expected bytes, or with K or M, from 16K on");
    }
    options.stack_size = *bytes;
}

template <typename Value, std::size_t Count>
void read_choice(const char* name, const char* wanted, Value& into,
                 const std::array<std::pair<std::string_view, Value>, Count>& choices) {
    const char* const value = variable(name);
    if (value == nullptr) return;
    for (const auto& [word, meaning] : choices) {
        if (word == value) {
            into = meaning;
            return;
        }
    }
    reject(name, value, wanted);
}

void read_busy_limit(runtime_options& options) {
    const char* const value = variable("COIR_BUSY_LIMIT");
    if (value == nullptr) return;
    const std::optional<std::size_t> number = parse_number(value);
    constexpr std::size_t day_ms = 86'400'000;
    if (!number || *number > day_ms) {
        reject("COIR_BUSY_LIMIT", value, "expected milliseconds, 0 for none");
    }
    options.busy_limit = std::chrono::milliseconds{*number};
}

void read_trace() {
    const char* const value = variable("COIR_TRACE");
    if (value == nullptr) return;
    if (const int error = open_trace_file(value)) {
        reject("COIR_TRACE", value, std::strerror(error));
    }
}

void refuse_unusable(const runtime_options& options) {
    if (options.workers > most_workers) {
        throw std::invalid_argument{"coir::runtime_options: workers must be at most 1024"};
    }
    if (options.stack_size < least_stack_bytes || options.stack_size > most_stack) {
        throw std::invalid_argument{"coir::runtime_options: stack_size must be at least 16 KiB"};
    }
    if (options.busy_limit.count() < 0) {
        throw std::invalid_argument{"coir::runtime_options: busy_limit must not be negative"};
    }
    if (options.max_blocking_threads == 0) {
        throw std::invalid_argument{"coir::runtime_options: max_blocking_threads must not be 0"};
    }
}

} // namespace

runtime_options resolve_settings(runtime_options options) {
    using namespace std::string_view_literals;
    refuse_unusable(options);
    read_trace();
    read_workers(options);
    read_stack_size(options);
    read_choice("COIR_IO", "expected automatic, uring or epoll", options.io,
                std::array{std::pair{"automatic"sv, io_backend::automatic},
                           std::pair{"uring"sv, io_backend::uring},
                           std::pair{"epoll"sv, io_backend::epoll}});
    read_choice("COIR_DEADLOCK", "expected exit, abort, report or off", options.on_deadlock,
                std::array{std::pair{"exit"sv, deadlock_action::exit},
                           std::pair{"abort"sv, deadlock_action::abort},
                           std::pair{"report"sv, deadlock_action::report},
                           std::pair{"off"sv, deadlock_action::off}});
    read_choice("COIR_LEAKS", "expected report or off", options.report_leaks,
                std::array{std::pair{"report"sv, true}, std::pair{"off"sv, false}});
    read_choice("COIR_CHECK", "expected locks or off", options.check_locks,
                std::array{std::pair{"locks"sv, true}, std::pair{"off"sv, false}});
    read_choice("COIR_SIGQUIT", "expected dump or off", options.dump_on_sigquit,
                std::array{std::pair{"dump"sv, true}, std::pair{"off"sv, false}});
    read_busy_limit(options);
    if (options.workers == 0) options.workers = std::min(usable_cpus(), most_workers);
    if (options.check_locks) check_locks();
    return options;
}

} // namespace coir::detail
