// SPDX-License-Identifier: MIT
#include "http/client_options.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>

namespace web {
namespace {

void read_urls(std::istream& input, std::vector<std::string>& urls) {
    for (std::string line; std::getline(input, line);) {
        const auto begin = line.find_first_not_of(" \t\r");
        if (begin == line.npos) continue;
        urls.push_back(line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin));
    }
}

std::vector<std::string> expand(const std::vector<std::string>& arguments) {
    std::vector<std::string> urls;
    for (const auto& argument : arguments)
        if (argument == "-") {
            std::ios::sync_with_stdio(false); // else it reads one character at a time
            read_urls(std::cin, urls);
        } else {
            urls.push_back(argument);
        }
    return urls;
}

} // namespace

client_options parse_client_options(int argc, char** argv) {
    CLI::App app{"Fetches URLs over HTTP/1.1, many at a time."};
    client_options options;
    std::vector<std::string> arguments;
    bool sequential = false;
    double timeout_s = 30;
    app.add_option("URL", arguments, "URLs; - reads one a line from standard input")->required();
    app.add_option("-c,--concurrency", options.concurrency, "How many are under way at a time")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str();
    app.add_flag("--sequential", sequential, "One after the other: the same as -c 1");
    app.add_option("--workers", options.workers, "Threads; 0 means one for each CPU")
        ->check(CLI::Range(0, 1024));
    app.add_option("--timeout", timeout_s, "Seconds that one try may take, redirects included")
        ->check(CLI::Range(0.001, 1e6))
        ->capture_default_str();
    app.add_option("--retries", options.fetch.retries,
                   "Further tries after a failure that may pass")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
    app.add_option("-o,--output", options.fetch.directory, "Directory to write the bodies to");
    app.add_option("--cacert", options.fetch.ca_file, "PEM file of the certificates to trust")
        ->check(CLI::ExistingFile);
    app.add_flag("--json", options.json, "One JSON object a URL, and a last one that sums up");
    try {
        app.parse(argc, argv);
        if (!options.fetch.directory.empty())
            std::filesystem::create_directories(options.fetch.directory);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error) == 0 ? 0 : 2);
    } catch (const std::filesystem::filesystem_error& error) {
        std::cerr << "http_client: " << error.what() << '\n';
        std::exit(2);
    }
    if (sequential) options.concurrency = 1;
    options.fetch.timeout = std::chrono::nanoseconds(static_cast<std::int64_t>(timeout_s * 1e9));
    options.urls = expand(arguments);
    return options;
}

} // namespace web
