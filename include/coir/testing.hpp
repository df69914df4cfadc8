// SPDX-License-Identifier: MIT
#pragma once
// Owns simulate and explore: running concurrent code under schedules that can be had again.
//
// A simulation runs a body, and all coroutines that it starts, on the calling thread. At the start
// of each operation of coir it chooses who goes on, by a seed; the same seed makes the same
// choices. Time is virtual: coir::clock stands still while anybody can run, and jumps to the next
// deadline when all are parked. It is the real engine with another scheduler: channels, select,
// locks, timers and cancellation are the code that runs in production.
//
// What a simulation cannot control makes runs differ: other threads, std::chrono clocks, addresses
// as hash keys, random devices. TCP works over a simulated network; operations on other sockets,
// pipes and files are refused with std::errc::operation_not_supported; `blocking` calls its
// function in the caller's place. A lock of the standard library must not be held across an
// operation of coir.

#include <coir/detail/scheduling_point.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

namespace coir::testing {

/// Thrown when a run fails. what() says how, how to have the run again, and who did what before.
class COIR_API failure final : public std::runtime_error {
public:
    /// Made by `simulate` and `explore`.
    failure(const std::string& text, std::uint64_t seed, std::exception_ptr cause);
    failure(const failure&) noexcept;
    failure& operator=(const failure&) noexcept;
    ~failure() override;

    /// The seed with which `simulate` has this run again.
    [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
    /// The exception that made the run fail; null after a deadlock or a leak.
    [[nodiscard]] const std::exception_ptr& cause() const noexcept { return cause_; }

private:
    std::uint64_t seed_;
    std::exception_ptr cause_;
};

/// What a simulated network does to those who use it. All is decided by the seed. By default
/// nothing goes wrong, and connections may overtake each other.
struct network_options {
    /// How long a segment takes from one end of a connection to the other.
    std::chrono::nanoseconds latency = std::chrono::microseconds{100};
    /// Up to how much longer, drawn for each segment. Within a connection the order stays.
    std::chrono::nanoseconds jitter = std::chrono::microseconds{20};
    /// How many bytes of one direction may be under way and unread; then writers wait.
    std::size_t buffer = std::size_t{256} * 1024;
    /// The chance of a write to arrive in two parts (a large one is several).
    double split_probability = 0;
    /// The chance of a segment to get lost with its connection: both ends find it reset.
    double reset_probability = 0;
    /// The chance of a connection to be refused where it would not be.
    double refuse_probability = 0;
    /// The chance of a segment to meet a partition that begins between the hosts of its connection,
    /// and that lasts up to `partition_duration`.
    double partition_probability = 0;
    std::chrono::nanoseconds partition_duration = std::chrono::seconds{10};

    [[nodiscard]] friend bool operator==(const network_options&, const network_options&) = default;
};

/// Settings of `simulate`.
struct simulate_options {
    /// Names the schedule. Small numbers choose uniformly at random among all that can run.
    std::uint64_t seed = 0;
    /// A run with more operations than this fails: it is taken for one that never ends.
    std::size_t max_steps = 10'000'000;
    network_options network{};
    /// Where a report gives it: the schedule, of which then the seed is only the name.
    std::string choices{};
};

/// How `explore` chooses its schedules.
enum class strategy : std::uint8_t {
    mixed,      ///< half at random, half by PCT: for programs of any size
    exhaustive, ///< all with a bounded number of preemptions: for small ones
};

/// Settings of `explore`.
struct explore_options {
    /// How many runs; by default 1,000, or all there are if the strategy is exhaustive.
    std::optional<std::size_t> schedules{};
    /// Where the sequence of seeds begins; equal ones explore equally.
    std::uint64_t seed = 0;
    /// PCT finds a bug that needs `depth` ordered events; runs use 1 to `depth`, 15 at most.
    unsigned depth = 3;
    testing::strategy strategy = testing::strategy::mixed;
    /// How often an exhaustive search interrupts a coroutine that could go on. Changes of hands
    /// where somebody waits or ends are free, and all of them are tried.
    unsigned preemptions = 2;
    std::size_t max_steps = 10'000'000;
    network_options network{};
    /// How many runs may be spent on making the schedule of a failure shorter.
    std::size_t shortening_runs = 1'000;
};

/// What `explore` has done, when no schedule failed.
struct explore_result {
    /// How many schedules there were; an exhaustive search counts each once.
    std::size_t schedules = 0;
    /// Whether an exhaustive search has come to its end: no schedule with at most as many
    /// preemptions is left. What the simulated network draws stays the same in all of them, and of
    /// a select with more than four cases only the first that it tries is varied.
    bool covered = false;
};

namespace detail {

struct erased_body {
    void (*call)(void* body);
    void* body;
};

/// Wraps in a closure of one reference, so that plain functions can be erased as well.
template <typename Closure> [[nodiscard]] erased_body erase(Closure& closure) noexcept {
    return {[](void* erased) { (*static_cast<Closure*>(erased))(); }, &closure};
}

/// While it lives the calling coroutine is on a host.
class COIR_API place {
public:
    explicit place(const std::string& host);
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place();

private:
    std::size_t before_;
};

COIR_API void simulate(const simulate_options& options, erased_body body);
COIR_API explore_result explore(const explore_options& options, erased_body body);

} // namespace detail

/// Runs `body` as a coroutine under the schedule that the seed names; when it has ended, all that
/// can still run goes on until it ends or parks.
///
/// What a seed does depends on the options of the network as well: to have a run again, give both.
///
/// Throws `failure` if an exception leaves the body or a coroutine whose exceptions nobody
/// collects, if all are parked with no deadline to come (a deadlock), or if a coroutine is left
/// over. Those still alive are then cancelled one after the other, the newest first, the body last.
/// Throws std::logic_error inside a coroutine.
///
///     coir::testing::simulate({.seed = 42}, [] { ... });
template <typename Body>
    requires std::invocable<Body&>
void simulate(const simulate_options& options, Body&& body) {
    auto call = [&body] { static_cast<void>(std::invoke(body)); };
    detail::simulate(options, detail::erase(call));
}
template <typename Body>
    requires std::invocable<Body&>
void simulate(Body&& body) {
    testing::simulate(simulate_options{}, body);
}

/// Runs `body` under many schedules, one after the other, and throws the first `failure`, made
/// shorter where that is possible. Half of them are random, half are PCT's (Burckhardt et al.,
/// ASPLOS 2010: priorities, lowered at a few random points); or they are all those with a bounded
/// number of preemptions, fewest first (Musuvathi and Qadeer, PLDI 2007). State that outlives the
/// body must be the same at the start of each run.
///
///     coir::testing::explore({.schedules = 10'000}, [] { ... });
///     coir::testing::explore({.strategy = coir::testing::strategy::exhaustive}, [] { ... });
template <typename Body>
    requires std::invocable<Body&>
explore_result explore(const explore_options& options, Body&& body) {
    auto call = [&body] { static_cast<void>(std::invoke(body)); };
    return detail::explore(options, detail::erase(call));
}
template <typename Body>
    requires std::invocable<Body&>
explore_result explore(Body&& body) {
    return testing::explore(explore_options{}, body);
}

/// Lets others run inside a simulation, as every operation of coir does; does nothing elsewhere.
/// For the places between which the tested code shares data by means of its own.
inline void maybe_preempt() noexcept {
    coir::detail::scheduling_point(coir::detail::step::preempt);
}

/// Runs `body` on the simulated host of that name, as are the coroutines that are started inside.
/// Hosts have each their own ports and loopback addresses, and find each other by name. What does
/// not say where it runs is on "localhost"; a listener that binds there to another name or address
/// makes that a host of its own. Throws std::logic_error outside of a simulation, as do the
/// functions below.
///
///     coir::testing::on_host("server", [] { coir::go(serve); });
template <typename Body>
    requires std::invocable<Body&>
decltype(auto) on_host(const std::string& host, Body&& body) {
    const detail::place there{host};
    return std::invoke(body);
}

/// Changes what the network does from now on.
COIR_API void set_network(const network_options& options);

/// Cuts everybody off from everybody; one host from all others; or two hosts from each other. What
/// is under way stays so until `heal`, if nobody gives up before: who connects after 127 seconds,
/// who has sent after 15 minutes, both with std::errc::timed_out, as Linux does.
COIR_API void partition();
COIR_API void partition(const std::string& host);
COIR_API void partition(const std::string& one, const std::string& other);

/// Ends partitions: all, those of one host, or one.
COIR_API void heal();
COIR_API void heal(const std::string& host);
COIR_API void heal(const std::string& one, const std::string& other);

/// Resets all connections there are, or those of one host: both ends get
/// std::errc::connection_reset.
COIR_API void reset_connections();
COIR_API void reset_connections(const std::string& host);

} // namespace coir::testing
