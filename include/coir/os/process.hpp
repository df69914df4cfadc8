// SPDX-License-Identifier: MIT
#pragma once
// Owns child processes: starting them, talking to them, waiting for their end.

#include <coir/detail/config.hpp>
#include <coir/detail/io_case.hpp>
#include <coir/io/path.hpp>
#include <coir/os/pipe.hpp>

#include <sys/types.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace coir {

// GCC up to 12 takes the scoped enumerator for a second coir::inherit.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

/// Where a stream of a child leads.
enum class stdio : std::uint8_t {
    inherit, ///< where the parent's does
    piped,   ///< to a pipe whose other end the `process` has
    null,    ///< to /dev/null
};

#pragma GCC diagnostic pop

/// Settings of `process::spawn`.
struct process_options {
    /// Where the child's three streams lead.
    stdio standard_input = stdio::inherit;
    stdio standard_output = stdio::inherit;
    stdio standard_error = stdio::inherit;
    /// Where the child starts; empty: where the parent is.
    io::path working_directory = {};
    /// "NAME=VALUE", added to the parent's variables or replacing them.
    std::vector<std::string> environment = {};
    /// The child gets the variables above only.
    bool clear_environment = false;
    /// The child leads a process group of its own, whose number is its pid: a terminal's Ctrl-C
    /// does not reach it, and kill(2) of -pid reaches its children too.
    bool new_process_group = false;
};

/// How a process has ended.
class exit_status {
public:
    exit_status() noexcept = default;
    /// From what wait(2) reports.
    [[nodiscard]] static exit_status from_wait(int status) noexcept { return exit_status{status}; }

    /// Whether it ended by itself; then `code` says with what.
    [[nodiscard]] bool exited() const noexcept { return (status_ & 0x7f) == 0; }
    [[nodiscard]] int code() const noexcept { return exited() ? status_ >> 8 & 0xff : -1; }
    /// Whether a signal ended it, and which; 0 if none did.
    [[nodiscard]] bool signaled() const noexcept { return !exited(); }
    [[nodiscard]] int signal() const noexcept { return status_ & 0x7f; }
    /// Exited with 0.
    [[nodiscard]] bool success() const noexcept { return status_ == 0; }

    friend bool operator==(const exit_status&, const exit_status&) = default;

private:
    explicit exit_status(int status) noexcept : status_{status} {}
    int status_ = 0;
};

namespace detail {

class child;
struct child_deleter {
    COIR_API void operator()(child* dropped) const noexcept;
};

/// The descriptor that is readable once the child has ended; null of null.
[[nodiscard]] COIR_API descriptor* exit_descriptor(child* waited_for) noexcept;
/// Takes the status without waiting: 0, or -EAGAIN if the child lives, or another -errno.
[[nodiscard]] COIR_API int take_status(child& ended, exit_status& status) noexcept;

/// What happens when a child has ended: it is reaped, the handler gets its status.
template <typename... Handler> struct exit_operation {
    static_assert(sizeof...(Handler) <= 1, "coir: a select case takes at most one handler");
    child* waited_for;
    std::tuple<Handler...> handler;
    exit_status status = {};

    int attempt(int) noexcept { return take_status(*waited_for, status); }
    void complete(int result) {
        throw_if_failed(result, "on_exit");
        if constexpr (sizeof...(Handler) == 1) call(std::get<0>(handler));
    }

private:
    template <typename Callable> void call(Callable& callable) {
        static_assert(std::invocable<Callable&, exit_status> || std::invocable<Callable&>,
                      "coir: the handler of on_exit takes an exit_status or nothing");
        if constexpr (std::invocable<Callable&, exit_status>) {
            static_cast<void>(callable(status));
        } else if constexpr (std::invocable<Callable&>) {
            static_cast<void>(callable());
        }
    }
};

} // namespace detail

/// A child process. Move-only; a default-made one is none. One that is dropped goes on, and is
/// reaped when it ends: no zombie stays. Children get the signal mask that the program had when its
/// runtime was made, SIGPIPE as it is by default, and no descriptor but their three streams (and
/// those that the program itself has opened to be inherited).
///
///     auto child = coir::process::spawn({"sort", "-u"}, {.standard_input = coir::stdio::piped,
///                                                        .standard_output = coir::stdio::piped});
///     child.standard_input().write_all("b\na\n");
///     child.standard_input().close();
///     child.standard_output().read(buffer);
///     if (!child.wait().success()) ...
class COIR_API process {
public:
    process() noexcept = default;

    /// Starts `argv[0]`, found by PATH unless it has a slash, with `argv`. Returns when the new
    /// program has taken over; that it could not (there is none, it may not be executed, no such
    /// working directory) is thrown here.
    [[nodiscard]] static process spawn(const std::vector<std::string>& argv,
                                       const process_options& options = {});
    [[nodiscard]] static process spawn(const std::vector<std::string>& argv,
                                       const process_options& options, std::error_code& error);

    /// The ends of the child's piped streams; those that are not piped are closed handles.
    [[nodiscard]] pipe_writer& standard_input() noexcept { return input_; }
    [[nodiscard]] pipe_reader& standard_output() noexcept { return output_; }
    [[nodiscard]] pipe_reader& standard_error() noexcept { return error_; }

    /// Its number, also after its end, when another process may have it; -1 for none.
    [[nodiscard]] pid_t pid() const noexcept;

    /// Sends a signal to the child, and never to another process that has got its number:
    /// std::errc::no_such_process once its end has been waited for.
    void kill(int signal);
    void kill(int signal, std::error_code& error);

    /// Waits until it ends; returns the same each time. Any number of coroutines may wait. Close
    /// standard_input() before, where the child reads it to its end; and read what it writes, or
    /// the full pipe holds it up.
    exit_status wait();
    exit_status wait(std::error_code& error);

    /// A select case: the child has ended. The handler takes its exit_status, or nothing. Ready
    /// again each time. The process must outlive the case.
    template <typename... Handler> [[nodiscard]] auto on_exit(Handler&&... handler) const {
        using operation = detail::exit_operation<std::decay_t<Handler>...>;
        return detail::io_case<operation>{
            detail::exit_descriptor(child_.get()), detail::io_direction::read,
            operation{child_.get(), {std::forward<Handler>(handler)...}}};
    }

private:
    std::unique_ptr<detail::child, detail::child_deleter> child_;
    pipe_writer input_;
    pipe_reader output_;
    pipe_reader error_;
};

} // namespace coir
