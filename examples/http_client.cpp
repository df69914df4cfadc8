// SPDX-License-Identifier: MIT
// Fetches many URLs at a time: a coroutine each for as many as -c says, one more that hands out the
// work and gathers the results. Try `http_client -c 64 -o pages - < urls.txt`.

#include "http/client_options.hpp"
#include "http/connection_pool.hpp"
#include "http/descriptors.hpp"
#include "http/fetch.hpp"
#include "http/report.hpp"

#include <coir/coir.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr int interrupted_status = 130; // as a shell reports SIGINT

/// Fetches the URLs whose numbers come in, until no more can come.
void fetch_jobs(const web::client_options& options, web::connection_pool& pool,
                const coir::receiver<std::size_t>& jobs,
                const coir::sender<web::outcome>& results) {
    web::fetcher fetcher(options.fetch, pool);
    for (const std::size_t job : jobs)
        if (!results.send(fetcher.fetch(options.urls[job]))) return;
}

/// Waits until the coroutine has ended. That it was cancelled is no failure: the report counts what
/// is missing.
void await_end(coir::task<void>& fetcher) try {
    fetcher.join();
} catch (const coir::task_cancelled&) {}

/// Fetches all URLs into the report; SIGINT or SIGTERM cancels what is under way, a second one ends
/// the program as it would any. Returns whether it came to the end.
bool fetch_all(const web::client_options& options, web::report& report) {
    auto interrupted = coir::signals({SIGINT, SIGTERM});
    web::connection_pool pool(options.concurrency, options.fetch.ca_file);
    auto [jobs, jobs_out] = coir::channel<std::size_t>();
    auto [results_in, results] = coir::channel<web::outcome>(coir::unbounded);
    std::vector<coir::task<void>> fetchers;
    for (std::size_t i = 0; i < std::min(options.concurrency, options.urls.size()); ++i)
        fetchers.push_back(coir::go({.name = "fetcher"}, [&, in = jobs_out, out = results_in] {
            fetch_jobs(options, pool, in, out);
        }));
    // From here on the fetchers alone hold these ends: when the last of them is done, results end.
    jobs_out = nullptr;
    results_in = nullptr;

    // A nil handle's case is never ready: that is how each source below falls silent in its time.
    std::size_t next = 0;
    if (options.urls.empty()) jobs = nullptr;
    const auto handed_out = [&](bool) {
        if (++next == options.urls.size()) jobs = nullptr; // the fetchers see: no more work
    };
    const auto fetched = [&](std::optional<web::outcome> result) {
        result ? report.add(*result) : void(results = nullptr);
    };
    const auto cancel_all = [&](auto) {
        interrupted = nullptr; // the last receiver: the signals do again what they did before
        jobs = nullptr;
        for (auto& fetcher : fetchers) fetcher.request_stop();
    };
    coir::ticker redraw(100ms);
    while (results)
        coir::select(jobs.on_send(next, handed_out), results.on_recv(fetched),
                     interrupted.on_recv(cancel_all),
                     redraw.on_recv([&](auto) { report.draw_progress(); }));
    for (auto& fetcher : fetchers) await_end(fetcher);
    return interrupted != nullptr;
}

int run_client(const web::client_options& options) {
    web::report report(options.urls.size(), options.json, isatty(STDERR_FILENO) == 1);
    const bool complete = fetch_all(options, report);
    report.finish();
    if (!complete) return interrupted_status;
    return report.all_succeeded() ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace

int main(int argc, char** argv) {
    const auto options = web::parse_client_options(argc, argv);
    web::raise_descriptor_limit();
    const std::size_t descriptors = web::open_descriptors();
    const int status = coir::run({.workers = options.workers}, [&] { return run_client(options); });
    if (std::getenv("HTTP_CLIENT_CHECK_LEAKS") && web::open_descriptors() != descriptors) {
        fmt::print(stderr, "http_client: {} descriptors at the start, {} at the end\n", descriptors,
                   web::open_descriptors());
        return 3;
    }
    return status;
}
