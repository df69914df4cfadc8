// SPDX-License-Identifier: MIT
// Covers what ends the process with a sentence: stack overflow, an unhandled exception, use of the
// parent's runtime after fork.

#include "child_process.hpp"
#include "fixture.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

using namespace fixture;

namespace {

/// Uses up the stack, a little at a time.
[[gnu::noinline]] int dig(int depth) {
    volatile char page[1'024];
    page[0] = static_cast<char>(depth);
    return depth == 0 ? page[0] : dig(depth - 1) + page[0];
}

} // namespace

CHILD("overflows the default stack") {
    coir::run([] { coir::go({.name = "digger"}, [] { return dig(1 << 20); }).join(); });
}

CHILD("overflows a stack of its own") {
    coir::run([] {
        coir::go({.name = "narrow", .stack_size = 64 << 10}, [] { return dig(1 << 20); }).join();
    });
}

CHILD("overflows the stacks of a runtime") {
    coir::run({.workers = 2, .stack_size = 1 << 20},
              [] { coir::go({.name = "wide"}, [] { return dig(1 << 20); }).join(); });
}

TEST_CASE("a stack overflow names the coroutine and the usable size, and ends the process") {
    const outcome by_default = run_child("overflows the default stack");
    CHECK(by_default.status != 0);
    CHECK(by_default.says("stack overflow in coroutine digger (512 KiB)"));
    const outcome own = run_child("overflows a stack of its own");
    CHECK(own.status != 0);
    CHECK(own.says("stack overflow in coroutine narrow (64 KiB)"));
    const outcome all = run_child("overflows the stacks of a runtime");
    CHECK(all.status != 0);
    CHECK(all.says("stack overflow in coroutine wide (1024 KiB)"));
}

TEST_CASE("the whole stack promised is usable") {
    coir::run([] {
        // 512 KiB, less what the frames above and below take.
        coir::go([] {
            volatile char filled[480 << 10];
            for (std::size_t i = 0; i < sizeof filled; i += 1'024) filled[i] = 1;
            CHECK(filled[0] == 1);
        }).join();
    });
}

CHILD("segmentation fault") {
    coir::run([] {
        coir::go([] {
            volatile int* volatile nowhere = nullptr;
            *nowhere = 1;
        }).join();
    });
}

TEST_CASE("another segmentation fault is not called a stack overflow") {
    const outcome result = run_child("segmentation fault");
    CHECK(result.status != 0);
    CHECK(!result.says("stack overflow"));
}

CHILD("unhandled") {
    coir::run([] {
        coir::go({.name = "thrower"}, [] { throw std::runtime_error("what it says"); });
        coir::sleep_for(10s);
    });
    ::_exit(0);
}

CHILD("unhandled int") {
    coir::run([] {
        coir::go({.name = "thrower"}, [] { throw 42; });
        coir::sleep_for(10s);
    });
    ::_exit(0);
}

TEST_CASE("an unhandled exception prints name, type and message and terminates") {
    const outcome result = run_child("unhandled");
    CHECK(result.signal == SIGABRT);
    CHECK(result.says("thrower"));
    CHECK(result.says("std::runtime_error"));
    CHECK(result.says("what it says"));
    const outcome odd = run_child("unhandled int");
    CHECK(odd.signal == SIGABRT);
    CHECK(odd.says("thrower"));
    CHECK(odd.says("int"));
}

CHILD("fork") {
    coir::run([] {
        const pid_t child = ::fork();
        if (child == 0) {
            // Yielding uses the parent's runtime, whose workers do not exist here.
            for (int i = 0; i < 1'000; ++i) coir::yield();
            coir::sleep_for(1ms);
            ::_exit(0);
        }
        int status = 0;
        CHECK(::waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status));
        CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
        // The parent goes on as before.
        CHECK(coir::go([] { return 1; }).join() == 1);
    });
}

TEST_CASE("after fork the child's use of the parent's runtime aborts with a sentence") {
    const outcome result = run_child("fork");
    INFO(result.error);
    CHECK(result.status == 0);
    CHECK(result.says("fork"));
}

CHILD("fork and exec") {
    coir::run([] {
        const pid_t child = ::fork();
        if (child == 0) {
            ::execl("/bin/true", "true", nullptr);
            ::_exit(1);
        }
        int status = 0;
        CHECK(::waitpid(child, &status, 0) == child);
        CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
    });
}

TEST_CASE("fork and exec from a coroutine is fine") {
    CHECK(run_child("fork and exec").status == 0);
}

CHILD("own runtime after fork") {
    coir::run([] { coir::go([] {}).join(); });
    const pid_t child = ::fork();
    if (child == 0) ::_exit(coir::run([] { return coir::go([] { return 7; }).join(); }));
    int status = 0;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 7));
}

TEST_CASE("a child forked outside every runtime may run one of its own") {
    CHECK(run_child("own runtime after fork").status == 0);
}

CHILD("end of the parent's runtime after fork") {
    pid_t child = 0;
    {
        coir::runtime rt{{.workers = 2}};
        rt.run([] { coir::go([] {}).join(); });
        child = ::fork();
    } // in the child too, where the threads to be joined do not exist
    if (child == 0) ::_exit(7);
    int status = 0;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 7));
}

TEST_CASE("a child may leave the scope of its parent's runtime object") {
    CHECK(run_child("end of the parent's runtime after fork").status == 0);
}

CHILD("go after fork") {
    coir::runtime rt{{.workers = 2}};
    const pid_t child = ::fork();
    if (child == 0) {
        static_cast<void>(rt.go([] { return 1; }));
        ::_exit(0);
    }
    int status = 0;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
    CHECK(rt.go([] { return 1; }).join() == 1);
}

TEST_CASE("after fork the child's go on the parent's runtime object aborts with a sentence") {
    const outcome result = run_child("go after fork");
    CHECK(result.status == 0);
    CHECK(result.says("fork"));
}
