// SPDX-License-Identifier: MIT
#include "base/check.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace coir::detail {
namespace {

// write(2) and nothing else: these run in signal handlers and on overrun stacks.
void say(const char* text) noexcept {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, std::strlen(text));
}

} // namespace

void fatal(const char* sentence) noexcept {
    say("coir: ");
    say(sentence);
    say("\n");
    std::abort();
}

void check_failed(const char* file, int line, const char* condition,
                  const char* invariant) noexcept {
    char number[16] = {};
    std::to_chars(number, number + sizeof number - 1, line);
    say("coir: invariant broken: ");
    say(invariant);
    say(" (");
    say(condition);
    say(") at ");
    say(file);
    say(":");
    say(number);
    say("\n");
    std::abort();
}

} // namespace coir::detail
