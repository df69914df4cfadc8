// SPDX-License-Identifier: MIT
#pragma once
// Owns one simulated TCP connection: what is under way between its two ends, and what each end
// knows.
//
// Invariants
//   In each direction segments arrive in the order in which they were sent; what one direction
//   delays does not delay the other, nor other connections.
//   An end knows only what has arrived. That the peer reset the connection, or closed, is a segment
//   like others; a cut holds segments back until it is healed.
// Errors are Linux's: what had arrived before a reset can still be read; the reset is reported once
// (ECONNRESET, or EPIPE where the peer had ended its stream before), after it reads end and writes
// fail with EPIPE.

#include "base/random.hpp"
#include "testing/event_queue.hpp"
#include "testing/topology.hpp"

#include <coir/detail/scheduling_point.hpp>
#include <coir/net/endpoint.hpp>
#include <coir/testing.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace coir::detail {

class simulated_connection;

/// What all connections of a run share.
struct network_state {
    explicit network_state(timer_heap& timers) noexcept : events{timers} {}

    event_queue events;
    topology hosts;
    testing::network_options options;
    fast_random random{0};
    /// Told of what goes wrong by the seed, for the report.
    std::function<void(step)> tell = [](step) {};

    [[nodiscard]] bool chance(double probability) noexcept;
    /// Draws how long a segment takes.
    [[nodiscard]] std::int64_t draw_delay_ns() noexcept;
    /// May begin a cut between the two, which heals by itself.
    void consider_cut(topology::host one, topology::host other);
    /// Has what the cuts have held back, and no longer do, go on.
    void resume_stalled();

    std::vector<std::weak_ptr<simulated_connection>> stalled;
};

/// Told when an operation that could not go on may now.
class end_user {
public:
    virtual void end_changed() = 0;

protected:
    ~end_user() = default;
};

class simulated_connection : public std::enable_shared_from_this<simulated_connection> {
public:
    struct end {
        topology::host host = 0;
        endpoint address;
        end_user* user = nullptr; ///< null once closed, or not yet accepted
    };
    /// Of the two ends, 0 has asked for the connection.
    simulated_connection(network_state& network, end asking, end answering);

    // Each is about one end, by its index. Results as of the system calls; -EAGAIN to wait.
    int receive(std::size_t at, char* into, std::size_t size);
    int send(std::size_t at, const char* data, std::size_t size);
    int shutdown_write(std::size_t at);
    [[nodiscard]] short readiness(std::size_t at) const;
    void set_reset_on_close(std::size_t at, bool on) { sides_[at].reset_on_close = on; }
    void close(std::size_t at);
    [[nodiscard]] end& end_at(std::size_t at) { return sides_[at].is; }

    /// Has `action` happen at the peer of `at`, after all that was sent before.
    void send_action(std::size_t at, std::function<void()> action);
    /// The connection breaks for the end, at once.
    void break_end(std::size_t at, int error);
    /// The way may be open again.
    void resume();
    /// Both ends are reset, as if something between them had.
    void reset();

private:
    enum class segment_kind : std::uint8_t { data, fin, reset, lost, action };
    struct segment {
        segment_kind kind;
        std::string data;
        std::function<void()> action;
        std::int64_t at_ns = 0;
    };
    struct side {
        end is;
        std::string received; ///< and not read
        std::size_t read = 0; ///< of `received`
        int error = 0;        ///< to be told once
        bool fin_received = false;
        bool fin_sent = false;
        bool broken = false;
        bool closed = false;
        bool reset_on_close = false;
        // Towards the peer:
        std::deque<segment> under_way;
        std::size_t bytes_under_way = 0;
        std::int64_t arrival_ns = 0; ///< of the last
        bool stalled = false;
        event_queue::key next{}; ///< the arrival of the first, or giving up when stalled
    };

    void push(std::size_t at, segment_kind kind, std::string data = {},
              std::function<void()> action = {});
    void expect_first(std::size_t at);
    void arrive(std::size_t from);
    void deliver(std::size_t from, segment& one);
    void stall(std::size_t at);
    void forget_under_way(std::size_t at);
    void changed(std::size_t at);
    [[nodiscard]] std::size_t room(std::size_t at) const;

    network_state& network_;
    std::array<side, 2> sides_;
};

} // namespace coir::detail
