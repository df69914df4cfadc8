// SPDX-License-Identifier: MIT
// Owns the floor: what this machine charges for the things that coir is made of. Without them the
// other figures say nothing about coir.

#include "fiber/context.hpp"
#include "fiber/stack_pool.hpp"

#include <benchmark/benchmark.h>
#include <boost/context/detail/fcontext.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

namespace {

namespace fcontext = boost::context::detail;

constexpr std::size_t stack_bytes = std::size_t{64} * 1024;

void echo_jumps(fcontext::transfer_t from) {
    for (;;) from = fcontext::jump_fcontext(from.fctx, nullptr);
}

/// Out to another stack and back, by the switch that coir is compared with.
void jump_fcontext(benchmark::State& state) {
    std::vector<std::byte> stack(stack_bytes);
    fcontext::fcontext_t other =
        fcontext::make_fcontext(stack.data() + stack.size(), stack.size(), echo_jumps);
    for (auto _ : state) other = fcontext::jump_fcontext(other, nullptr).fctx;
}

struct pair_of_flows {
    coir::detail::context here;
    coir::detail::context there;
};

void echo_switches(void* argument) {
    auto& flows = *static_cast<pair_of_flows*>(argument);
    for (;;) coir::detail::context_switch(flows.there, flows.here, nullptr);
}

/// The same by coir's own switch, whichever was built.
void context_switch(benchmark::State& state) {
    std::vector<std::byte> stack(stack_bytes);
    pair_of_flows flows;
    coir::detail::context_adopt_thread(flows.here);
    coir::detail::context_make(flows.there, stack.data(), stack.data() + stack.size(),
                               echo_switches);
    for (auto _ : state) coir::detail::context_switch(flows.here, flows.there, &flows);
}

void atomic_exchange(benchmark::State& state) {
    std::atomic<int> word{0};
    for (auto _ : state) benchmark::DoNotOptimize(word.exchange(1, std::memory_order_seq_cst));
}

void function_call(benchmark::State& state) {
    std::function<void()> empty = [] {};
    benchmark::DoNotOptimize(empty);
    for (auto _ : state) empty();
}

/// A stack from the pool and back, warm.
void warm_stack(benchmark::State& state) {
    coir::detail::stack_magazine stacks{coir::detail::stack_depot::instance()};
    for (auto _ : state) stacks.release(stacks.acquire(stack_bytes));
}

/// The page fault that the first coroutine on a stack cannot avoid.
void first_touch(benchmark::State& state) {
    constexpr std::size_t pages = 1024;
    const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    // Apart as coroutines' stacks are, so that page tables are part of the price.
    constexpr std::size_t slot_bytes = std::size_t{544} * 1024;
    while (state.KeepRunningBatch(pages)) {
        state.PauseTiming();
        void* const mapped = ::mmap(nullptr, pages * slot_bytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapped == MAP_FAILED) return state.SkipWithError("mmap refused");
        ::madvise(mapped, pages * slot_bytes, MADV_NOHUGEPAGE);
        auto* const bytes = static_cast<volatile std::byte*>(mapped);
        state.ResumeTiming();
        for (std::size_t i = 0; i < pages; ++i) {
            bytes[(i + 1) * slot_bytes - page_bytes] = std::byte{1};
        }
        state.PauseTiming();
        ::munmap(mapped, pages * slot_bytes);
        state.ResumeTiming();
    }
}

struct thrown {};

[[gnu::noinline]] void throw_it() { throw thrown{}; }

/// The end of a wait that is cancelled cannot cost less.
void exception(benchmark::State& state) {
    for (auto _ : state) {
        try {
            throw_it();
        } catch (const thrown& caught) {
            benchmark::DoNotOptimize(&caught);
        }
    }
}

BENCHMARK(jump_fcontext)->Name("floor_jump_fcontext");
BENCHMARK(context_switch)->Name("floor_context_switch");
BENCHMARK(atomic_exchange)->Name("floor_atomic_exchange");
BENCHMARK(function_call)->Name("floor_function_call");
BENCHMARK(warm_stack)->Name("floor_warm_stack");
BENCHMARK(first_touch)->Name("floor_first_touch");
BENCHMARK(exception)->Name("floor_exception");

} // namespace

BENCHMARK_MAIN();
