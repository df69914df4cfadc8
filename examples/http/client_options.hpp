// SPDX-License-Identifier: MIT
#pragma once
// Owns the command line of http_client.

#include "http/fetch.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace web {

struct client_options {
    std::vector<std::string> urls;
    std::size_t concurrency = 16;
    std::size_t workers = 0; // 0: one for each CPU
    bool json = false;
    fetch_options fetch;
};

/// Reads the command line, and the URLs from standard input where it says "-". Ends the process
/// after --help, and with status 2 after a mistake.
client_options parse_client_options(int argc, char** argv);

} // namespace web
