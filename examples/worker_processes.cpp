// SPDX-License-Identifier: MIT
// Feeds lines to several copies of a command that answers each with a line, and prints the answers
// in order: `seq 9 | worker_processes -- sed -u 's/$/ bottles/'`. A worker that dies is replaced
// and its line tried again. The pool is a channel: who needs a worker receives one, and sends it
// back. So is the order: a bounded channel of tasks, joined one after the other, which also bounds
// what is under way.

#include <coir/coir.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct options {
    std::size_t workers = 2;
    int tries = 3;
    double limit_s = 60;
    std::vector<std::string> command;
};

/// One copy of the command, from its start to its end.
class worker {
public:
    explicit worker(const options& how)
        : process_{coir::process::spawn(how.command, {.standard_input = coir::stdio::piped,
                                                      .standard_output = coir::stdio::piped})},
          limit_{how.limit_s} {}

    /// The end of its input asks it to end; one that does not hear is killed.
    ~worker() {
        coir::shield([&] { // a destructor may wait, but not throw that it was cancelled
            process_.standard_input().close();
            process_.standard_output().close();
            if (coir::select(process_.on_exit(), coir::on_timeout(1s)) == 0) return;
            std::error_code ended_meanwhile;
            process_.kill(SIGKILL, ended_meanwhile);
            process_.wait();
        });
    }

    /// Has the line answered. Throws if it dies of that or takes too long.
    std::string ask(const std::string& line) {
        return coir::with_timeout(limit_, [&] {
            process_.standard_input().write_all(line + "\n");
            if (auto answer = answers_.read_line()) return std::move(*answer);
            const auto end = process_.wait();
            throw std::runtime_error{end.signaled()
                                         ? fmt::format("killed by signal {}", end.signal())
                                         : fmt::format("exited with {}", end.code())};
        });
    }

private:
    coir::process process_;
    coir::buffered_reader<coir::pipe_reader> answers_{process_.standard_output()};
    std::chrono::duration<double> limit_;
};

using pool = coir::chan<std::unique_ptr<worker>>; // null: a place whose worker is to be started
using answer = std::optional<std::string>;        // nothing: all tries have failed

answer find_answer(const std::string& line, const options& how, const pool& idle) {
    std::unique_ptr<worker> own = *idle.recv();
    answer found;
    for (int i = 0; i < how.tries && !found; ++i) {
        try {
            if (!own) own = std::make_unique<worker>(how);
            found = own->ask(line);
        } catch (const std::exception& error) { // `cancelled` is none, and goes through
            fmt::print(stderr, "worker_processes: {}\n", error.what());
            own = nullptr;
        }
    }
    std::ignore = idle.send(std::move(own)); // has room for all
    return found;
}

int work(const options& how) {
    const pool idle(how.workers);
    for (std::size_t i = 0; i < how.workers; ++i) std::ignore = idle.send(nullptr);
    auto [order_in, order] = coir::channel<coir::task<answer>>(4 * how.workers);
    auto printer = coir::go([in_order = std::move(order)] {
        int status = EXIT_SUCCESS;
        for (coir::task<answer>& under_way : in_order) {
            const answer found = under_way.join();
            if (!found) status = EXIT_FAILURE;
            coir::standard_output().write_all(found.value_or("?") + "\n");
        }
        return status;
    });
    coir::buffered_reader lines{coir::standard_input()};
    while (auto line = lines.read_line())
        if (!order_in.send(coir::go(find_answer, std::move(*line), std::cref(how), idle))) break;
    order_in = nullptr;
    return printer.join();
}

} // namespace

int main(int argc, char** argv) try {
    CLI::App app{"Feeds lines to several copies of a command that answers line by line."};
    app.option_defaults()->always_capture_default();
    options how;
    app.add_option("--workers", how.workers, "How many copies")->check(CLI::Range(1, 1024));
    app.add_option("--tries", how.tries, "How often a line is tried")->check(CLI::Range(1, 100));
    app.add_option("--limit", how.limit_s, "Seconds for an answer")->check(CLI::Range(0.001, 1e6));
    app.add_option("command", how.command, "The command and its arguments, after --")->required();
    CLI11_PARSE(app, argc, argv);
    return coir::run([&] {
        const auto stop = coir::signals({SIGINT, SIGTERM});
        auto working = coir::go(work, std::cref(how));
        std::optional<int> signal; // then run cancels the work, and waits until all have ended
        const auto first = coir::select(working.on_done(), stop.on_recv(signal));
        return first == 0 ? working.join() : 128 + *signal;
    });
} catch (const std::exception& error) {
    fmt::print(stderr, "worker_processes: {}\n", error.what());
    return EXIT_FAILURE;
}
