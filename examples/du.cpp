// SPDX-License-Identifier: MIT
// Tells how many bytes each folder holds, as `du -b` (--apparent-size --block-size=1) does, reading
// many folders at a time: `du /usr/share`, or `du -s --limit 64 .` for the sums alone. A coroutine
// for each folder, in a tree as the folders are; a semaphore limits how many read at a time.

#include <coir/coir.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

struct options {
    std::vector<std::string> roots{"."};
    std::ptrdiff_t limit = 32;
    bool sums_only = false;
};

/// What is at a path, with all below it: its size, and the lines to print (contents first).
struct measured {
    std::uint64_t bytes = 0;
    std::string lines;

    void add_line(const std::string& path) { lines += fmt::format("{}\t{}\n", bytes, path); }
};

class measurement {
public:
    explicit measurement(const options& how) : how_(how), reading_(how.limit) {}

    measured measure(const std::string& path) {
        measured result;
        std::error_code error;
        const coir::file_status status = coir::symlink_status(path, error);
        if (error) {
            complain("cannot access", path, error);
            return result;
        }
        const bool is_folder = status.kind == coir::file_kind::directory;
        if (is_folder) result = measure_contents(path);
        if (is_folder || status.links == 1 || is_new(status)) result.bytes += status.size;
        if (is_folder && !how_.sums_only) result.add_line(path);
        return result;
    }

    bool complained() const { return complained_.load(std::memory_order_relaxed); }

private:
    measured measure_contents(const std::string& path) {
        measured sum;
        std::vector<std::string> folders;
        reading_.acquire();
        std::error_code error;
        for (const auto& [name, kind] : coir::read_directory(path, error)) {
            std::string below = path + "/" + name;
            if (kind == coir::file_kind::directory)
                folders.push_back(std::move(below));
            else
                sum.bytes += measure(below).bytes;
        }
        reading_.release(); // how many wait for their parts is not limited
        if (error) complain("cannot read directory", path, error);

        const auto measure_one = [this](const std::string& folder) { return measure(folder); };
        for (const measured& part : coir::map(folders, measure_one)) {
            sum.bytes += part.bytes;
            sum.lines += part.lines;
        }
        return sum;
    }

    /// A file with several names counts at the first that is met.
    bool is_new(const coir::file_status& file) {
        return seen_.lock()->insert({file.device, file.inode}).second;
    }

    void complain(const char* what, const std::string& path, const std::error_code& error) {
        fmt::print(stderr, "du: {} '{}': {}\n", what, path, error.message());
        complained_.store(true, std::memory_order_relaxed); // read when all is over
    }

    const options& how_;
    coir::counting_semaphore<> reading_;
    coir::synchronized<std::set<std::pair<std::uint64_t, std::uint64_t>>> seen_;
    std::atomic<bool> complained_{false};
};

int run_du(const options& how) {
    measurement all(how);
    for (const std::string& root : how.roots) {
        measured result = all.measure(root);
        if (result.lines.empty()) result.add_line(root); // a file, or -s
        coir::standard_output().write_all(result.lines);
    }
    return all.complained() ? EXIT_FAILURE : EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv) try {
    CLI::App app{"Tells how many bytes each folder holds, as du -b does."};
    app.option_defaults()->always_capture_default();
    options how;
    app.add_option("paths", how.roots, "Files and folders to measure");
    app.add_option("--limit", how.limit, "Folders read at a time")->check(CLI::Range(1, 4096));
    app.add_flag("-s,--summarize", how.sums_only, "One line for each path given");
    CLI11_PARSE(app, argc, argv);
    return coir::run([&] { return run_du(how); });
} catch (const std::exception& error) {
    fmt::print(stderr, "du: {}\n", error.what());
    return EXIT_FAILURE;
}
