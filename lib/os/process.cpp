// SPDX-License-Identifier: MIT
#include "os/child.hpp"
#include "os/pipe_ends.hpp"
#include "os/spawn_request.hpp"
#include "sched/runtime_core.hpp"
#include "sched/signal_mask.hpp"

#include <coir/blocking.hpp>
#include <coir/os/process.hpp>

#include <algorithm>
#include <cerrno>

namespace coir {
namespace {

bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

bool is_variable(const std::string& text) {
    const std::size_t end_of_name = text.find('=');
    return end_of_name != std::string::npos && end_of_name != 0 && !has_nul(text);
}

bool is_usable(const std::vector<std::string>& argv, const process_options& options) {
    return !argv.empty() && !argv[0].empty() && std::ranges::none_of(argv, has_nul) &&
           std::ranges::all_of(options.environment, is_variable) &&
           !has_nul(options.working_directory.native());
}

// Workers block signals; a child must not inherit that.
sigset_t mask_for_children() {
    detail::worker* const here = detail::current_worker();
    return here != nullptr ? here->runtime().original_signal_mask() : detail::current_signal_mask();
}

detail::descriptor_pointer handle_of(detail::plain_descriptor& end) {
    if (end.get() < 0) return nullptr;
    return detail::descriptor_pointer{new detail::descriptor{end.release()}};
}

std::string describe_spawn(const std::vector<std::string>& argv, const process_options& options) {
    std::string text = "spawn " + (argv.empty() ? std::string{"nothing"} : argv[0]);
    if (!options.working_directory.empty()) text += " in " + options.working_directory.native();
    return text;
}

} // namespace

process process::spawn(const std::vector<std::string>& argv, const process_options& options,
                       std::error_code& error) {
    if (!is_usable(argv, options)) {
        error = std::make_error_code(std::errc::invalid_argument);
        return {};
    }
    const sigset_t mask = mask_for_children();
    detail::spawn_request request{argv, options, mask};
    int failure = request.prepare();
    // The fork and what comes before exec hold up the thread for about a millisecond.
    if (failure == 0) failure = blocking([&] { return request.start(); });
    error = {failure, std::system_category()};
    if (failure != 0) return {};
    process made;
    made.child_.reset(new detail::child{request.pid, request.pidfd.release()});
    made.input_ = pipe_access::make_writer(handle_of(request.ours[0]));
    made.output_ = pipe_access::make_reader(handle_of(request.ours[1]));
    made.error_ = pipe_access::make_reader(handle_of(request.ours[2]));
    return made;
}

process process::spawn(const std::vector<std::string>& argv, const process_options& options) {
    std::error_code error;
    process made = spawn(argv, options, error);
    if (error) throw std::system_error{error, describe_spawn(argv, options)};
    return made;
}

pid_t process::pid() const noexcept { return child_ != nullptr ? child_->pid() : -1; }

void process::kill(int signal, std::error_code& error) {
    error = std::make_error_code(std::errc::bad_file_descriptor);
    if (child_ != nullptr) child_->kill(signal, error);
}

void process::kill(int signal) {
    std::error_code error;
    kill(signal, error);
    if (error) throw std::system_error{error, "kill " + std::to_string(pid())};
}

exit_status process::wait(std::error_code& error) {
    error = std::make_error_code(std::errc::bad_file_descriptor);
    return child_ != nullptr ? child_->wait(error) : exit_status{};
}

exit_status process::wait() {
    std::error_code error;
    const exit_status status = wait(error);
    if (error) throw std::system_error{error, "wait for " + std::to_string(pid())};
    return status;
}

} // namespace coir
