// SPDX-License-Identifier: MIT
#pragma once
// Owns what the poller tests share: an operation that remembers its result, descriptors that close
// themselves, and the sweep over both backends.

#include "ring/poller.hpp"
#include "timer/clock.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace coir::detail::testing {

constexpr std::int64_t one_millisecond_ns = 1'000'000;
constexpr std::int64_t one_second_ns = 1'000'000'000;
// Nothing takes that long unless it is stuck.
constexpr std::int64_t patience_ns = 30 * one_second_ns;

/// An operation that notes how it ended.
struct operation : io_completion {
    operation() noexcept {
        completed = [](io_completion& self, int outcome, unsigned) noexcept {
            auto& me = static_cast<operation&>(self);
            me.result = outcome;
            ++me.completions;
        };
    }
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;
    [[nodiscard]] bool done() const noexcept { return completions != 0; }

    int result = 0;
    int completions = 0;
};

class descriptor {
public:
    explicit descriptor(int fd = -1) noexcept : fd_(fd) {}
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~descriptor() { close(); }
    void close() noexcept {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

struct descriptor_pair {
    descriptor first;
    descriptor second;
};

/// The reading and the writing end.
inline descriptor_pair make_pipe_with(int flags) {
    int ends[2] = {-1, -1};
    REQUIRE(::pipe2(ends, flags | O_CLOEXEC) == 0);
    return {descriptor(ends[0]), descriptor(ends[1])};
}
inline descriptor_pair make_pipe(const poller& poller) {
    return make_pipe_with(poller.prefers_nonblocking() ? O_NONBLOCK : 0);
}
inline descriptor_pair socket_pair(const poller& poller) {
    int ends[2] = {-1, -1};
    const int flags = SOCK_CLOEXEC | (poller.prefers_nonblocking() ? SOCK_NONBLOCK : 0);
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | flags, 0, ends) == 0);
    return {descriptor(ends[0]), descriptor(ends[1])};
}

template <typename Condition> void wait_until(poller& poller, Condition condition) {
    const std::int64_t limit_ns = monotonic_ns() + patience_ns;
    while (!condition()) {
        poller.wait(limit_ns);
        if (monotonic_ns() >= limit_ns) {
            FAIL("the poller is stuck");
        }
    }
}

/// Submits and waits; the result.
inline int complete(poller& poller, const io_request& request) {
    operation one;
    poller.submit(one, request);
    CHECK_MESSAGE(!one.done(), "completions are never delivered inside submit");
    wait_until(poller, [&] { return one.done(); });
    return one.result;
}

/// Runs the body once for each backend, each in a subcase of its own, and asserts
/// that nothing is left behind. COIR_TEST_IO=epoll leaves io_uring out, where it is forbidden.
template <typename Body> void on_both_backends(Body body, ring_options options = {}) {
    const auto run = [&](io_backend backend) {
        const auto made = make_poller(backend, options);
        body(*made);
        CHECK(made->in_flight() == 0);
    };
    const char* const only = std::getenv("COIR_TEST_IO");
    if (only == nullptr || only != std::string_view("epoll")) {
        SUBCASE("io_uring") { run(io_backend::uring); }
        SUBCASE("io_uring without the flags of younger kernels") {
            options.plain = true;
            run(io_backend::uring);
        }
    }
    SUBCASE("epoll") { run(io_backend::epoll); }
}

} // namespace coir::detail::testing
