// SPDX-License-Identifier: MIT
// Feeds the lines of standard input to several copies of a command that answers each line with a
// line, as a server feeds requests to workers that may crash: `seq 100 | worker_processes --workers
// 4 -- python3 -uc 'for line in iter(input, ""): print(int(line) ** 2)'`. Answers are printed in
// the order of the input. A worker that dies is replaced and its line tried again.

#include <coir/coir.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
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

struct job {
    std::string line;
    coir::sender<std::string> answer; ///< closed without one: all tries have failed
};

/// One worker process, started when it is first needed and again after its death.
class worker {
public:
    explicit worker(const options& how) : how_(how) {}
    worker(const worker&) = delete;
    ~worker() { end(); }

    /// Has the line answered; nothing if no process could.
    std::optional<std::string> ask(const std::string& line) {
        for (int i = 0; i < how_.tries; ++i) {
            try {
                if (!process_) start();
                return exchange(line);
            } catch (const std::system_error& error) {
                report(error);
                end();
            }
        }
        return std::nullopt;
    }

private:
    void start() {
        process_ = coir::process::spawn(how_.command, {.standard_input = coir::stdio::piped,
                                                       .standard_output = coir::stdio::piped});
        answers_.emplace(process_->standard_output());
    }

    std::string exchange(const std::string& line) {
        const std::chrono::duration<double> limit{how_.limit_s};
        return coir::with_timeout(std::chrono::duration_cast<std::chrono::nanoseconds>(limit), [&] {
            process_->standard_input().write_all(line + "\n");
            auto answer = answers_->read_line();
            if (!answer) throw std::system_error{coir::errc::end_of_stream, "the worker"};
            return std::move(*answer);
        });
    }

    void report(const std::system_error& error) const {
        std::string how = error.what();
        const auto describe = [&](coir::exit_status status) {
            how = status.signaled() ? fmt::format("killed by signal {}", status.signal())
                                    : fmt::format("exited with {}", status.code());
        };
        if (process_ && error.code() == coir::errc::end_of_stream)
            coir::select(process_->on_exit(describe), coir::on_timeout(1s));
        fmt::print(stderr, "worker_processes: {}\n", how);
    }

    /// The end of its input asks it to end; one that does not hear is killed. Runs while the
    /// program is being cancelled, too: destructors may wait.
    void end() {
        answers_.reset();
        if (!process_) return;
        process_->standard_input().close();
        process_->standard_output().close();
        if (coir::select(process_->on_exit(), coir::on_timeout(1s)) == 1) {
            std::error_code ended_meanwhile;
            process_->kill(SIGKILL, ended_meanwhile);
            process_->wait();
        }
        process_.reset();
    }

    const options& how_;
    std::optional<coir::process> process_;
    std::optional<coir::buffered_reader<coir::pipe_reader>> answers_;
};

void serve_jobs(const options& how, const coir::receiver<job>& jobs) {
    worker own(how);
    for (job& one : jobs) {
        if (auto answer = own.ask(one.line)) std::ignore = one.answer.send(std::move(*answer));
        one.answer = nullptr;
    }
}

/// Prints the answers in the order of their jobs; returns whether all have come.
bool print_answers(const coir::receiver<coir::receiver<std::string>>& in_order) {
    auto output = coir::standard_output();
    bool all = true;
    for (const coir::receiver<std::string>& answer : in_order) {
        const auto line = answer.recv();
        output.write_all((line ? *line : "?") + "\n");
        all = all && line;
    }
    return all;
}

int work(const options& how) {
    auto [jobs_in, jobs] = coir::channel<job>();
    auto [order_in, order] = coir::channel<coir::receiver<std::string>>(4 * how.workers);
    coir::task_group workers;
    for (std::size_t i = 0; i < how.workers; ++i)
        workers.go([&, in = jobs] { serve_jobs(how, in); });
    auto printer = coir::go([in = std::move(order)] { return print_answers(in); });
    auto stdin_stream = coir::standard_input();
    coir::buffered_reader lines{stdin_stream};
    while (auto line = lines.read_line()) {
        auto [answer_in, answer] = coir::channel<std::string>(1);
        if (!order_in.send(std::move(answer))) break;
        if (!jobs_in.send({std::move(*line), std::move(answer_in)})) break;
    }
    jobs_in = nullptr;
    order_in = nullptr;
    workers.wait();
    return printer.join() ? EXIT_SUCCESS : EXIT_FAILURE;
}

/// Works until the input ends or somebody asks to stop; the workers are ended in either case.
int run_workers(const options& how) {
    auto stop = coir::signals({SIGINT, SIGTERM});
    auto working = coir::go([&] { return work(how); });
    int signal = 0;
    const auto interrupt = [&](std::optional<int> got) {
        signal = got.value_or(0);
        working.request_stop();
    };
    coir::select(working.on_done(), stop.on_recv(interrupt));
    try {
        return working.join();
    } catch (const coir::task_cancelled&) {
        return 128 + signal;
    }
}

} // namespace

int main(int argc, char** argv) try {
    CLI::App app{"Feeds lines to several copies of a command that answers line by line."};
    options how;
    app.add_option("--workers", how.workers, "How many copies")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    app.add_option("--tries", how.tries, "How often a line is tried")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
    app.add_option("--limit", how.limit_s, "Seconds that an answer may take")
        ->check(CLI::Range(0.001, 1e6))
        ->capture_default_str();
    app.add_option("command", how.command, "The command and its arguments, after --")->required();
    CLI11_PARSE(app, argc, argv);
    return coir::run([&] { return run_workers(how); });
} catch (const std::exception& error) {
    fmt::print(stderr, "worker_processes: {}\n", error.what());
    return EXIT_FAILURE;
}
