// SPDX-License-Identifier: MIT
#pragma once
// Owns the fetching of one URL: connections reused, redirects followed, limits kept, failures
// retried.

#include "http/connection_pool.hpp"
#include "http/url.hpp"

#include <chrono>
#include <cstddef>
#include <string>

namespace web {

struct fetch_options {
    std::chrono::nanoseconds timeout = std::chrono::seconds(30); // for one try, redirects included
    unsigned retries = 0;
    unsigned redirects = 10;
    std::size_t body_limit = std::size_t{256} << 20;
    std::string directory; // where bodies go; empty: nowhere
    std::string ca_file;   // the certificates to trust; empty: the system's
};

/// What became of one URL: the body's size if `error` is empty, else what went wrong.
struct outcome {
    std::string url{};
    unsigned status = 0; // 0: there was no answer
    std::size_t bytes = 0;
    std::chrono::nanoseconds elapsed{};
    std::string file{};
    std::string error{};
};

class fetcher {
public:
    fetcher(const fetch_options& options, connection_pool& pool) : options_(options), pool_(pool) {}

    /// Fetches the URL. Throws nothing but `coir::cancelled`: whatever fails is told in the
    /// outcome.
    outcome fetch(const std::string& text);

    /// Sends one request, over an idle connection where there is one, and follows no redirect.
    /// Throws std::system_error and `protocol_error`.
    response get(const url& where);

private:
    bool attempt(const url& start, outcome& result);
    response follow(const url& start);
    void save(const url& from, const std::string& body, outcome& result);

    const fetch_options& options_;
    connection_pool& pool_;
};

} // namespace web
