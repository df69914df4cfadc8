// SPDX-License-Identifier: MIT
#include "child_process.hpp"
#include "fiber/stack_pool.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace coir::detail;

namespace {

constexpr std::size_t default_bytes = 512 * 1024;

/// A depot of a test's own. As the process's, it is never destroyed, only forgotten.
stack_depot& fresh_depot(guard_method method = guard_method::automatic) {
    static std::vector<stack_depot*>& kept = *new std::vector<stack_depot*>; // no leak report
    return *kept.emplace_back(new stack_depot(method));
}

/// Asks the kernel, which answers with EFAULT instead of a signal.
bool readable(const std::byte* address) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const bool result = ::write(ends[1], address, 1) == 1;
    ::close(ends[0]);
    ::close(ends[1]);
    return result;
}

bool kernel_knows_guard_advice() {
    void* const page =
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool known = ::madvise(page, 4096, 102) == 0 && !readable(static_cast<std::byte*>(page));
    ::munmap(page, 4096);
    return known;
}

std::size_t resident_pages(stack used) {
    std::byte* const end = stack_slot_end(used.top);
    const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> resident(static_cast<std::size_t>(end - used.bottom) / page_bytes);
    REQUIRE(::mincore(used.bottom, static_cast<std::size_t>(end - used.bottom), resident.data()) ==
            0);
    return static_cast<std::size_t>(
        std::count_if(resident.begin(), resident.end(), [](auto page) { return page & 1; }));
}

std::vector<std::byte*> enumerated(const stack_depot& depot) {
    std::vector<std::byte*> tops;
    depot.for_each_slot([&](stack slot) { tops.push_back(slot.top); });
    return tops;
}

} // namespace

TEST_CASE("a stack has the size asked for and is writable from end to end") {
    stack_depot& depot = fresh_depot();
    stack_magazine magazine(depot);
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{4096}, std::size_t{10'000},
                                    std::size_t{65'536}, default_bytes, std::size_t{1} << 30}) {
        CAPTURE(bytes);
        const stack used = magazine.acquire(bytes);
        CHECK(static_cast<std::size_t>(used.top - used.bottom) >= bytes);
        *used.bottom = std::byte{1};
        *(used.top - 1) = std::byte{2};
        CHECK(reinterpret_cast<std::uintptr_t>(used.top) % 64 == 0);
        magazine.release(used);
    }
}

TEST_CASE("the guard below a stack cannot be read, by either method") {
    for (const guard_method method :
         {guard_method::automatic, guard_method::advice, guard_method::protection}) {
        if (method == guard_method::advice && !kernel_knows_guard_advice()) continue;
        CAPTURE(static_cast<int>(method));
        stack_depot& depot = fresh_depot(method);
        std::vector<stack> stacks;
        for (int i = 0; i < 300; ++i) stacks.push_back(depot.acquire(64 * 1024));
        for (const stack& used : stacks) {
            REQUIRE(readable(used.bottom));
            REQUIRE(readable(used.top - 1));
            REQUIRE_FALSE(readable(used.bottom - 1));
            REQUIRE_FALSE(readable(used.bottom - stack_guard_bytes));
        }
        for (const stack& used : stacks) depot.release(used);
        depot.trim();
        for (const stack& used : stacks) {
            REQUIRE_FALSE(readable(used.bottom - 1));
            REQUIRE_FALSE(readable(used.bottom - stack_guard_bytes));
        }
    }
}

TEST_CASE("a fault in a guard is traced to its slot, an address elsewhere to none") {
    stack_depot& depot = fresh_depot();
    const stack one = depot.acquire(default_bytes);
    const stack two = depot.acquire(default_bytes);
    CHECK(depot.slot_guarded_at(one.bottom - 1).top == one.top);
    CHECK(depot.slot_guarded_at(one.bottom - stack_guard_bytes).top == one.top);
    CHECK(depot.slot_guarded_at(two.bottom - 1).top == two.top);
    CHECK(depot.slot_guarded_at(one.bottom).top == nullptr);
    CHECK(depot.slot_guarded_at(one.top - 1).top == nullptr);
    CHECK(depot.slot_guarded_at(&depot).top == nullptr);
    CHECK(depot.slot_guarded_at(nullptr).top == nullptr);
}

TEST_CASE("a magazine hands out the stack that came back last") {
    stack_magazine magazine(fresh_depot());
    const stack one = magazine.acquire(default_bytes);
    const stack two = magazine.acquire(default_bytes);
    magazine.release(one);
    magazine.release(two);
    CHECK(magazine.acquire(default_bytes).top == two.top);
    const stack again = magazine.acquire(default_bytes);
    CHECK(again.top == one.top);
    CHECK(again.bottom == one.bottom);
}

TEST_CASE("tops are coloured, and each slot keeps its top") {
    stack_depot& depot = fresh_depot();
    std::vector<stack> stacks;
    std::set<std::uintptr_t> offsets;
    for (int i = 0; i < 64; ++i) {
        stacks.push_back(depot.acquire(default_bytes));
        offsets.insert(reinterpret_cast<std::uintptr_t>(stacks.back().top) % 4096);
    }
    CHECK(offsets.size() == 32);
    CHECK(offsets.count(0) == 1);

    std::set<std::pair<std::byte*, std::byte*>> first;
    for (const stack& used : stacks) first.insert({used.bottom, used.top});
    for (const stack& used : stacks) depot.release(used);
    for (int i = 0; i < 64; ++i) {
        const stack again = depot.acquire(default_bytes);
        CHECK(first.count({again.bottom, again.top}) == 1);
    }
}

TEST_CASE("no two stacks overlap, whatever their sizes") {
    stack_depot& depot = fresh_depot();
    stack_magazine magazine(depot);
    std::vector<stack> stacks;
    for (int i = 0; i < 1000; ++i)
        stacks.push_back(magazine.acquire(static_cast<std::size_t>(i % 7 + 1) * 20'000));
    std::sort(stacks.begin(), stacks.end(),
              [](const stack& a, const stack& b) { return a.top < b.top; });
    for (std::size_t i = 1; i < stacks.size(); ++i)
        CHECK(stacks[i - 1].top <= stacks[i].bottom - stack_guard_bytes);
    for (const stack& used : stacks) magazine.release(used);
}

TEST_CASE("a magazine keeps few stacks and its destructor returns them all") {
    stack_depot& depot = fresh_depot();
    constexpr std::size_t count = 5000;
    {
        stack_magazine magazine(depot);
        std::vector<stack> stacks;
        for (std::size_t i = 0; i < count; ++i) stacks.push_back(magazine.acquire(default_bytes));
        for (const stack& used : stacks) magazine.release(used);
        CHECK(depot.count().warm >= count - 256);
    }
    const auto counts = depot.count();
    CHECK(counts.warm + counts.cold == counts.handed_out);
    CHECK(counts.handed_out < count + 256);
}

TEST_CASE("a stack may be released to another magazine, also one that never saw its size") {
    stack_depot& depot = fresh_depot();
    {
        stack_magazine here(depot), there(depot);
        for (int i = 0; i < 1000; ++i) there.release(here.acquire(default_bytes));
        CHECK(depot.count().handed_out <= 512); // they come round, by way of the depot
        CHECK(there.acquire(100).top != nullptr);
    }
}

TEST_CASE("trim gives back the pages of unused stacks and leaves used ones alone") {
    stack_depot& depot = fresh_depot();
    std::vector<stack> stacks;
    for (int i = 0; i < 1000; ++i) {
        stacks.push_back(depot.acquire(default_bytes));
        std::fill(stacks.back().top - 20'000, stacks.back().top, std::byte{7});
    }
    const stack kept = stacks[500];
    stacks.erase(stacks.begin() + 500);
    const auto total_resident = [&] {
        std::size_t pages = 0;
        for (const stack& used : stacks) pages += resident_pages(used);
        return pages;
    };
    CHECK(total_resident() >= 999 * 5);
    for (const stack& used : stacks) depot.release(used);
    depot.trim();
    CHECK(total_resident() <= 64 * 6); // the warm reserve
    CHECK(depot.count().cold == 999 - depot.count().warm);
    CHECK(std::all_of(kept.top - 20'000, kept.top, [](std::byte b) { return b == std::byte{7}; }));

    // Cold stacks serve again, emptied.
    for (int i = 0; i < 999; ++i) {
        const stack again = depot.acquire(default_bytes);
        CHECK(*(again.top - 20'000) != std::byte{9});
        *(again.top - 20'000) = std::byte{9};
    }
    CHECK(depot.count().handed_out == 1000);
}

TEST_CASE("enumeration visits every slot ever handed out, used or not, once") {
    stack_depot& depot = fresh_depot();
    CHECK(enumerated(depot).empty());
    std::vector<std::byte*> expected;
    std::vector<stack> stacks;
    for (int i = 0; i < 1000; ++i) {
        stacks.push_back(depot.acquire(i % 2 == 0 ? default_bytes : 30'000));
        expected.push_back(stacks.back().top);
    }
    for (std::size_t i = 0; i < stacks.size(); i += 3) depot.release(stacks[i]);
    depot.trim();
    std::vector<std::byte*> found = enumerated(depot);
    std::sort(found.begin(), found.end());
    std::sort(expected.begin(), expected.end());
    CHECK(found == expected);
    std::size_t written = 0;
    depot.for_each_slot([&](stack slot) { written += slot.top[-1] != std::byte{0}; });
    CHECK(written == 0);
}

TEST_CASE("a size that no address space holds is refused with a sentence") {
    stack_depot& depot = fresh_depot();
    stack_magazine magazine(depot);
    CHECK_THROWS_AS(static_cast<void>(magazine.acquire(~std::size_t{0})), std::bad_alloc);
    CHECK_THROWS_AS(static_cast<void>(magazine.acquire(~std::size_t{0} - 2000)), std::bad_alloc);
    CHECK_THROWS_AS(depot.acquire(std::size_t{1} << 46), stack_exhausted);
    try {
        depot.acquire(std::size_t{1} << 46);
    } catch (const std::bad_alloc& error) {
        CHECK(std::string(error.what()).find("cannot map another coroutine stack") !=
              std::string::npos);
    }
    CHECK(magazine.acquire(default_bytes).top != nullptr);
}

TEST_CASE("without guard advice, stacks are refused before the process has no mapping left") {
    // In a child: the limit is the process's, and later tests may need guards of this kind.
    const child_end end = run_in_child([] {
        stack_depot& depot = fresh_depot(guard_method::protection);
        std::vector<stack> stacks;
        try {
            for (int i = 0; i < 40'000; ++i) stacks.push_back(depot.acquire(16 * 1024));
        } catch (const stack_exhausted& refused) {
            const bool told =
                std::string(refused.what()).find("max_map_count") != std::string::npos;
            const bool guarded = stacks.size() > 1000 && !readable(stacks.back().bottom - 1);
            const bool mappings_left =
                ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
            depot.release(stacks.back());
            const bool usable = depot.acquire(16 * 1024).top == stacks.back().top;
            ::_exit(told && guarded && mappings_left && usable ? 10 : 11);
        }
    });
    // 0: vm.max_map_count is larger than its default.
    CHECK((end.exited_with(10) || end.exited_with(0)));
}

TEST_CASE("threads acquire and release at the same time while another looks and trims") {
    stack_depot& depot = fresh_depot();
    std::atomic<int> working{3};
    std::vector<std::thread> threads;
    std::atomic<bool> shared_stack{false};
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&, t] {
            const auto mark = static_cast<std::byte>(t + 1);
            stack_magazine magazine(depot);
            for (int round = 0; round < 50; ++round) {
                std::vector<stack> held;
                for (int i = 0; i < 200; ++i) {
                    held.push_back(magazine.acquire(i % 5 == 0 ? 40'000 : default_bytes));
                    held.back().top[-1] = mark;
                }
                for (const stack& used : held) {
                    if (used.top[-1] != mark) shared_stack = true;
                    magazine.release(used);
                }
            }
            --working;
        });
    }
    std::size_t most_seen = 0;
    while (working != 0) {
        std::size_t seen = 0;
        depot.for_each_slot([&](stack) { ++seen; });
        CHECK(seen >= most_seen);
        most_seen = seen;
        depot.trim();
        std::this_thread::yield();
    }
    for (std::thread& thread : threads) thread.join();
    CHECK_FALSE(shared_stack);
    const auto counts = depot.count();
    CHECK(counts.warm + counts.cold == counts.handed_out);
    CHECK(counts.handed_out < 3 * 1200);
}
