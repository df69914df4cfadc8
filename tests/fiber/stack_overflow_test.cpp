// SPDX-License-Identifier: MIT
#include "child_process.hpp"
#include "fiber/stack_overflow.hpp"
#include "flow.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <array>
#include <csignal>
#include <thread>

using namespace coir::detail;

namespace {

template <std::size_t frame_bytes> [[gnu::noinline]] int recurse(int depth) {
    std::array<volatile char, frame_bytes> frame;
    frame[0] = static_cast<char>(depth);
    if (depth == 100'000'000) return 0;
    const int deeper = recurse<frame_bytes>(depth + 1);
    return deeper + frame[0]; // no tail call: the frame is still needed
}

volatile int recursion_result;

template <std::size_t frame_bytes> void overrun() {
    flow one([](flow&) { recursion_result = recurse<frame_bytes>(0); });
    one.resume();
}

overflow_description describe_as_fetcher(std::byte*) noexcept { return {"fetcher", 512 * 1024}; }

/// A fault that no sanitizer comments on, as it would on a null pointer.
void touch_unmapped_memory() {
    void* const page = ::mmap(nullptr, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *static_cast<volatile char*>(page) = 1;
}

} // namespace

TEST_CASE("an overrun prints whose stack it was and ends the process by SIGSEGV") {
    const child_end end = run_in_child([] {
        set_overflow_describer(describe_as_fetcher);
        const overflow_guard_thread guard;
        overrun<100>();
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK(end.errors == "stack overflow in coroutine fetcher (512 KiB)\n");
}

TEST_CASE("an overrun by frames almost as large as the guard is noticed") {
    const child_end end = run_in_child([] {
        set_overflow_describer(describe_as_fetcher);
        const overflow_guard_thread guard;
        overrun<stack_guard_bytes - 4096>();
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK(end.errors == "stack overflow in coroutine fetcher (512 KiB)\n");
}

TEST_CASE("an overrun on another thread is reported too") {
    const child_end end = run_in_child([] {
        set_overflow_describer(describe_as_fetcher);
        std::thread([] {
            const overflow_guard_thread guard;
            overrun<100>();
        }).join();
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK(end.errors == "stack overflow in coroutine fetcher (512 KiB)\n");
}

TEST_CASE("an overrun without a describer names the size of the slot") {
    const child_end end = run_in_child([] {
        const overflow_guard_thread guard;
        overrun<100>();
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK(end.errors.find("stack overflow in coroutine ? (") == 0);
}

TEST_CASE("a fault elsewhere goes to the handler that was installed before") {
    const child_end end = run_in_child([] {
        std::signal(SIGSEGV, [](int) { ::_exit(7); });
        const overflow_guard_thread guard;
        touch_unmapped_memory();
    });
    CHECK(end.exited_with(7));
    CHECK(end.errors.empty());
}

TEST_CASE("a fault elsewhere ends the process by SIGSEGV where no handler was installed before") {
    const child_end end = run_in_child([] {
        std::signal(SIGSEGV, SIG_DFL);
        const overflow_guard_thread guard;
        touch_unmapped_memory();
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK(end.errors.empty());
}

TEST_CASE("a SIGSEGV that somebody sends still ends the process, or is ignored as before") {
    for (const auto disposition : {SIG_DFL, SIG_IGN}) {
        const child_end end = run_in_child([=] {
            std::signal(SIGSEGV, disposition);
            const overflow_guard_thread guard;
            ::kill(::getpid(), SIGSEGV);
        });
        CHECK((disposition == SIG_DFL ? end.killed_by(SIGSEGV) : end.exited_with(0)));
    }
}

TEST_CASE("the alternate stack goes with its guard") {
    std::thread([] {
        stack_t before{}, during{}, after{};
        ::sigaltstack(nullptr, &before);
        {
            const overflow_guard_thread guard;
            ::sigaltstack(nullptr, &during);
        }
        ::sigaltstack(nullptr, &after);
        CHECK((during.ss_flags & SS_DISABLE) == 0);
        CHECK((before.ss_flags & SS_DISABLE) == (after.ss_flags & SS_DISABLE));
        CHECK(before.ss_sp == after.ss_sp);
    }).join();
}
