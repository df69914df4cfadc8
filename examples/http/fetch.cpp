// SPDX-License-Identifier: MIT
#include "http/fetch.hpp"

#include "http/text.hpp"

#include <coir/blocking.hpp>
#include <coir/cancel.hpp>
#include <coir/time.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <vector>

namespace web {
namespace {

using namespace std::chrono_literals;

bool is_redirect(unsigned status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// Whether the server itself says that asking again later may help.
bool is_transient(unsigned status) {
    return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

std::chrono::nanoseconds pause_before_retry(unsigned failures) {
    return std::min<std::chrono::nanoseconds>(100ms * (1 << std::min(failures, 5u)), 2s);
}

/// Writes all of `content`; returns the error number, or 0.
int write_content(int file, const std::string& content) {
    for (std::size_t written = 0; written < content.size();) {
        const ssize_t size = ::write(file, content.data() + written, content.size() - written);
        if (size < 0) return errno;
        written += static_cast<std::size_t>(size);
    }
    return 0;
}

/// Writes the file under a name of its own first: nobody ever sees half a file under the real name,
/// also if one URL is fetched twice at the same time.
void write_file(const std::string& path, const std::string& content) {
    static std::atomic<unsigned> count{0};
    // Relaxed: the names need to differ, no memory is published with them.
    const auto part = fmt::format("{}.part{}", path, count.fetch_add(1, std::memory_order_relaxed));
    const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int error = file < 0 ? errno : write_content(file, content);
    if (file >= 0 && ::close(file) != 0 && error == 0) error = errno;
    if (error == 0 && ::rename(part.c_str(), path.c_str()) != 0) error = errno;
    if (error == 0) return;
    if (file >= 0) ::unlink(part.c_str());
    throw std::system_error(error, std::generic_category(), "write " + path);
}

} // namespace

outcome fetcher::fetch(const std::string& text) {
    outcome result{.url = printable(text)};
    const auto begin = coir::clock::now();
    try {
        const url start = parse_url(text);
        for (unsigned failures = 0; !attempt(start, result) && failures < options_.retries;
             ++failures)
            coir::sleep_for(pause_before_retry(failures));
    } catch (const std::exception& error) {
        result.error = error.what();
    }
    result.elapsed = coir::clock::now() - begin;
    return result;
}

/// Returns false if the try failed in a way that another may cure.
bool fetcher::attempt(const url& start, outcome& result) {
    result = {.url = std::move(result.url)};
    try {
        const response answer = coir::with_timeout(options_.timeout, [&] { return follow(start); });
        result.status = answer.status;
        result.bytes = answer.body.size();
        if (answer.status / 100 != 2) {
            result.error = printable(fmt::format("{} {}", answer.status, answer.reason));
            return !is_transient(answer.status);
        }
        save(start, answer.body, result);
        return true;
    } catch (const coir::timed_out&) {
        result.error = fmt::format("timed out after {:g} s",
                                   std::chrono::duration<double>(options_.timeout).count());
        return false;
    } catch (const protocol_error& error) {
        result.error = error.what();
        return !error.transient;
    } catch (const std::system_error& error) {
        result.error = error.what(); // names the call and the address
        return false;
    }
}

response fetcher::follow(const url& start) {
    std::vector<url> visited{start};
    for (;;) {
        const url& where = visited.back();
        response answer = get(where);
        if (!is_redirect(answer.status)) return answer;
        if (answer.location.empty())
            throw protocol_error(fmt::format("{} without a Location", answer.status), false);
        url next = resolve_reference(where, answer.location);
        if (std::ranges::find(visited, next) != visited.end())
            throw protocol_error("redirect loop: back to " + next.to_string(), false);
        if (visited.size() > options_.redirects)
            throw protocol_error(fmt::format("more than {} redirects", options_.redirects), false);
        visited.push_back(std::move(next));
    }
}

response fetcher::get(const url& where) {
    std::optional<response> answer;
    if (auto idle = pool_.take(where)) {
        answer = idle->get(where, options_.body_limit);
        if (answer) pool_.give_back(std::move(*idle));
    }
    if (!answer) { // no idle connection, or a stale one
        connection fresh(where, pool_.trust());
        answer = fresh.get(where, options_.body_limit);
        if (!answer) throw protocol_error("connection closed without an answer", true);
        pool_.give_back(std::move(fresh));
    }
    return std::move(*answer);
}

void fetcher::save(const url& from, const std::string& body, outcome& result) {
    if (options_.directory.empty()) return;
    const auto path = fmt::format("{}/{}", options_.directory, file_name_for(from));
    coir::blocking([&] { write_file(path, body); });
    result.file = path;
}

} // namespace web
