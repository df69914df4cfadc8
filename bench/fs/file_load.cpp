// SPDX-License-Identifier: MIT
// File I/O as fio's jobs do it: blocks of one size, at random places or one after another, so many
// of them under way at a time. bench/fs/compare.py runs the two in turn.
//
//     $ file_load PATH read|randread|write BLOCK_BYTES DEPTH SECONDS
//
// Prints operations per second. Reads and writes the file that is there, within its size.

#include <coir/coir.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

namespace {

struct job {
    std::string path;
    std::string_view kind;
    std::size_t block_bytes = 0;
    int depth = 0;
    std::chrono::duration<double> length{};
};

/// Which block comes next, for all that are under way: on one worker, so without locks.
class places {
public:
    places(const job& what, std::uint64_t file_bytes)
        : random_{what.kind == "randread"}, blocks_{file_bytes / what.block_bytes} {}
    std::uint64_t next() { return random_ ? generator_() % blocks_ : sequence_++ % blocks_; }

private:
    bool random_;
    std::uint64_t blocks_;
    std::uint64_t sequence_ = 0;
    std::mt19937_64 generator_{42}; // the same each time
};

int run_job(const job& what) {
    using clock = std::chrono::steady_clock;
    const bool writes = what.kind == "write";
    auto file =
        coir::file::open(what.path, writes ? coir::open_mode::write : coir::open_mode::read);
    places where(what, file.size());
    std::uint64_t done = 0;
    const auto start = clock::now();
    const auto end = start + what.length;
    {
        coir::task_group under_way;
        for (int i = 0; i < what.depth; ++i) {
            under_way.go([&] {
                std::string block(what.block_bytes, 'x');
                while (clock::now() < end) {
                    const std::uint64_t at = where.next() * what.block_bytes;
                    writes ? file.write_at(block, at) : file.read_at(block, at);
                    ++done;
                }
            });
        }
        under_way.wait();
    }
    const std::chrono::duration<double> took = clock::now() - start;
    std::printf("%.0f\n", static_cast<double>(done) / took.count());
    return 0;
}

} // namespace

int main(int count, char** words) {
    if (count != 6) {
        std::fputs("usage: file_load PATH read|randread|write BLOCK_BYTES DEPTH SECONDS\n", stderr);
        return 2;
    }
    const job what{words[1], words[2], std::strtoull(words[3], nullptr, 10), std::atoi(words[4]),
                   std::chrono::duration<double>{std::atof(words[5])}};
    return coir::run({.workers = 1}, [&] { return run_job(what); });
}
