// SPDX-License-Identifier: MIT
// Follows the links of a web site and prints what is found: `crawler http://localhost:8080/`.
// Bounded: a few fetchers share one channel of work, and the main coroutine alone knows what was
// seen, so there is no lock. Polite: robots.txt is kept, and a pause lies between two requests.
// Cancellable: SIGINT cuts short what is under way, connections and waits for a turn alike.

#include "http/fetch.hpp"
#include "http/links.hpp"
#include "http/text.hpp"

#include <coir/coir.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

struct settings {
    std::string start;
    std::size_t concurrency = 4, limit = 1000;
    double pause_s = 0.1, timeout_s = 10;
};

struct page {
    web::url where;
    std::string outcome; // a status, or what went wrong
    std::vector<web::url> links;
};

auto get(web::fetcher& fetcher, const web::url& where, const settings& given) {
    const std::chrono::duration<double> limit{given.timeout_s};
    return coir::with_timeout(limit, [&] { return fetcher.get(where); });
}

page visit(web::fetcher& fetcher, const web::url& where, const settings& given) {
    page result{where, {}, {}};
    try {
        const auto answer = get(fetcher, where, given);
        result.outcome = std::to_string(answer.status);
        result.links = web::links_of(where, answer);
    } catch (const std::exception& error) { // `cancelled` is none, and goes through
        result.outcome = web::printable(error.what());
    }
    return result;
}

int crawl(const settings& given) {
    auto interrupted = coir::signals({SIGINT, SIGTERM});
    const web::url start = web::parse_url(given.start);
    const web::fetch_options options{};
    web::connection_pool pool(given.concurrency);

    web::url robots = start;
    robots.target = "/robots.txt";
    web::fetcher first(options, pool);
    const auto rules = get(first, robots, given);
    std::vector<std::string> kept;
    if (rules.status == 200) kept = web::read_robots(rules.body);

    auto [work, work_out] = coir::channel<web::url>();
    auto [pages_in, pages] = coir::channel<page>();
    const coir::ticker turns{std::chrono::duration<double>(given.pause_s)}; // a request takes one
    coir::task_group fetchers;
    for (std::size_t i = 0; i < given.concurrency; ++i)
        fetchers.go({.name = "fetcher"}, [&, in = work_out, out = pages_in] {
            web::fetcher fetcher(options, pool);
            for (const web::url& where : in) {
                std::ignore = turns.recv();
                if (!out.send(visit(fetcher, where, given))) return;
            }
        });

    std::deque<web::url> frontier{start};
    std::set<std::string> seen{start.target};
    std::size_t under_way = 0, visited = 0;
    const auto is_allowed = [&](const web::url& link) {
        const auto covers = [&](const auto& path) { return link.target.starts_with(path); };
        return link.authority() == start.authority() && link.secure == start.secure &&
               std::ranges::none_of(kept, covers);
    };
    const auto arrived = [&](std::optional<page> one) {
        --under_way, ++visited;
        std::printf("%s %s\n", one->outcome.c_str(), one->where.to_string().c_str());
        for (web::url& link : one->links)
            if (is_allowed(link) && seen.size() < given.limit && seen.insert(link.target).second)
                frontier.push_back(std::move(link));
    };
    const auto handed_out = [&](bool) { frontier.pop_front(), ++under_way; };
    bool going = true;
    while (going && (!frontier.empty() || under_way > 0)) {
        std::vector<coir::select_case> cases;
        cases.emplace_back(pages.on_recv(arrived));
        cases.emplace_back(interrupted.on_recv([&](auto) { going = false; }));
        if (!frontier.empty()) cases.emplace_back(work.on_send(frontier.front(), handed_out));
        coir::select(cases);
    }
    std::printf("%zu pages, %zu left\n", visited, frontier.size() + under_way);
    return going ? 0 : 130; // the group's destructor cancels and joins the fetchers
}

} // namespace

int main(int argc, char** argv) try {
    CLI::App app{"Follows the links of a web site, politely."};
    settings given;
    app.add_option("URL", given.start, "Where to begin")->required();
    const CLI::Range seconds{1e-6, 1e4};
    app.add_option("-c,--concurrency", given.concurrency, "At a time")->check(CLI::Range(1, 1000));
    app.add_option("--limit", given.limit, "Pages at the most")->check(CLI::Range(1, 1'000'000));
    app.add_option("--pause", given.pause_s, "Seconds between two requests")->check(seconds);
    app.add_option("--timeout", given.timeout_s, "Seconds for one page")->check(seconds);
    CLI11_PARSE(app, argc, argv);
    return coir::run([&given] { return crawl(given); });
} catch (const std::exception& error) {
    std::fprintf(stderr, "crawler: %s\n", error.what());
    return 1;
}
