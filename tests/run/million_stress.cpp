// SPDX-License-Identifier: MIT
// A million coroutines that wait at the same time, and what they cost in memory.
#include <coir/coir.hpp>
#include <coir/detail/config.hpp>

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cstddef>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

// The shadow of a sanitizer costs more than the stacks, and TSan knows 8,000 fibers at a time.
constexpr bool sanitized = COIR_ASAN || COIR_TSAN;
constexpr std::size_t crowd = COIR_TSAN ? 5'000 : sanitized ? 20'000 : 1'000'000;

std::size_t resident_bytes() {
    std::ifstream status{"/proc/self/status"};
    for (std::string word; status >> word;) {
        if (word != "VmRSS:") continue;
        std::size_t kibibytes = 0;
        status >> kibibytes;
        return kibibytes * 1024;
    }
    return 0;
}

std::size_t page_faults() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::size_t>(usage.ru_minflt);
}

} // namespace

TEST_CASE("a million coroutines park, wake, are joined, and give their memory back") {
    const std::size_t before = resident_bytes();
    const std::size_t faults_before = page_faults();
    std::size_t sum = 0;
    coir::run({.workers = 2}, [&] {
        const coir::chan<std::size_t> gate;
        coir::wait_group parked;
        std::vector<coir::task<std::size_t>> tasks;
        tasks.reserve(crowd);
        parked.add(crowd);
        for (std::size_t i = 0; i < crowd; ++i) {
            tasks.push_back(coir::go([&gate, &parked] {
                parked.done();
                return gate.recv().value_or(0);
            }));
        }
        parked.wait();
        const std::size_t each = (resident_bytes() - before) / crowd;
        MESSAGE(crowd, " coroutines, ", each, " resident bytes each");
        if (!sanitized) {
            CHECK(each <= 4'915); // 4.8 KiB
            // One for each page. Two would be a read of fresh memory followed by a write, which
            // costs an interrupt of all other workers, too.
            CHECK(page_faults() - faults_before <= crowd + crowd / 4);
        }
        for (std::size_t i = 0; i < crowd; ++i) REQUIRE(gate.send(1));
        for (auto& task : tasks) sum += task.join();
    });
    CHECK(sum == crowd);
    if (!sanitized) CHECK(resident_bytes() - before < crowd * 100);
}
