// SPDX-License-Identifier: MIT
// Tells how many bytes each folder holds, as `du -b` (--apparent-size --block-size=1) does, reading
// many folders at a time: `du /usr/share`, or `du -s --limit 64 .` for the sums alone.

#include <coir/coir.hpp>

#include <CLI/CLI.hpp>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

struct options {
    std::vector<std::string> roots{"."};
    std::ptrdiff_t limit = 32;
    bool sums_only = false;
};

/// What one folder holds itself.
struct listing {
    std::uint64_t bytes = 0;
    std::vector<std::string> folders;
};

/// A folder with all below it: its size, and the lines to print, in du's order (contents first).
struct measured {
    std::uint64_t bytes = 0;
    std::string lines;
};

class measurement {
public:
    explicit measurement(const options& how) : how_(how), reading_(how.limit) {}

    /// Measures what is at `path`. A coroutine for each folder; how many are read at a time is
    /// limited, how many wait for their parts is not.
    measured measure(const std::string& path) {
        struct ::stat status{};
        if (::lstat(path.c_str(), &status) != 0) {
            complain("cannot access", path, errno);
            return {};
        }
        const std::uint64_t own = count_once(status);
        measured result = S_ISDIR(status.st_mode) ? measure_folder(path) : measured{};
        result.bytes += own;
        if (S_ISDIR(status.st_mode) && !how_.sums_only) add_line(result, path);
        return result;
    }

    static void add_line(measured& result, const std::string& path) {
        result.lines += fmt::format("{}\t{}\n", result.bytes, path);
    }

    bool complained() const { return complained_.load(std::memory_order_relaxed); }

private:
    measured measure_folder(const std::string& path) {
        reading_.acquire();
        listing own = coir::blocking([&] { return list(path); });
        reading_.release();
        measured sum{own.bytes, {}};
        const auto below = [&](const std::string& name) { return measure(path + "/" + name); };
        for (measured& part : coir::map(own.folders, below, own.folders.size() + 1)) {
            sum.bytes += part.bytes;
            sum.lines += part.lines;
        }
        return sum;
    }

    /// Blocks its thread: the kernel has no other way to list a folder.
    listing list(const std::string& path) {
        listing found;
        const std::unique_ptr<DIR, int (*)(DIR*)> folder{::opendir(path.c_str()), ::closedir};
        if (folder == nullptr) {
            complain("cannot read directory", path, errno);
            return found;
        }
        while (const dirent* const entry = ::readdir(folder.get())) {
            const std::string name = entry->d_name;
            struct ::stat status{};
            if (name == "." || name == "..") continue;
            if (::fstatat(::dirfd(folder.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
                complain("cannot access", path + "/" + name, errno);
            else if (S_ISDIR(status.st_mode))
                found.folders.push_back(name);
            else
                found.bytes += count_once(status);
        }
        return found;
    }

    /// A file with several names counts at the first that is met.
    std::uint64_t count_once(const struct ::stat& status) {
        const bool is_single = S_ISDIR(status.st_mode) || status.st_nlink == 1;
        const bool counts =
            is_single || seen_.lock()->insert({status.st_dev, status.st_ino}).second;
        return counts ? static_cast<std::uint64_t>(status.st_size) : 0;
    }

    void complain(const char* what, const std::string& path, int error) {
        fmt::print(stderr, "du: {} '{}': {}\n", what, path, std::strerror(error));
        complained_.store(true, std::memory_order_relaxed); // read when all is over
    }

    const options& how_;
    coir::counting_semaphore<> reading_;
    coir::synchronized<std::set<std::pair<dev_t, ino_t>>> seen_;
    std::atomic<bool> complained_{false};
};

int run_du(const options& how) {
    measurement all(how);
    auto output = coir::standard_output();
    for (const std::string& root : how.roots) {
        measured result = all.measure(root);
        if (result.lines.empty()) measurement::add_line(result, root); // a file, or -s
        output.write_all(result.lines);
    }
    return all.complained() ? EXIT_FAILURE : EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv) try {
    CLI::App app{"Tells how many bytes each folder holds, as du -b does."};
    options how;
    app.add_option("paths", how.roots, "Files and folders to measure")->capture_default_str();
    app.add_option("--limit", how.limit, "How many folders to read at a time")
        ->check(CLI::Range(1, 4096))
        ->capture_default_str();
    app.add_flag("-s,--summarize", how.sums_only, "One line for each path given");
    CLI11_PARSE(app, argc, argv);
    return coir::run({.max_blocking_threads = static_cast<std::size_t>(how.limit)},
                     [&] { return run_du(how); });
} catch (const std::exception& error) {
    fmt::print(stderr, "du: {}\n", error.what());
    return EXIT_FAILURE;
}
