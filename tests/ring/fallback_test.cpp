// SPDX-License-Identifier: MIT
#include "ring/poller_fixture.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>
#include <thread>

namespace {

using namespace coir::detail;
using namespace coir::detail::testing;
using coir::io_backend;

// Refuses a system call to the calling thread, as container runtimes do.
bool refuse(unsigned system_call, int error) {
    const auto answer = SECCOMP_RET_ERRNO | static_cast<unsigned>(error);
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, system_call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{std::size(program), program};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

struct outcome {
    bool filtered = false;
    std::string name; // of the poller, or what was thrown
    int error = 0;
};

outcome make_where_refused(int error, io_backend wanted) {
    outcome seen;
    std::thread([&] { // the filter cannot be taken off again
        seen.filtered = refuse(SYS_io_uring_setup, error);
        try {
            const auto made = make_poller(wanted);
            seen.name = made->name();
            seen.error = made->refused_errno();
        } catch (const std::system_error& thrown) {
            seen.name = thrown.what();
            seen.error = thrown.code().value();
        }
    })
        .join();
    return seen;
}

TEST_CASE("fallback: automatic takes epoll where io_uring is missing, forbidden or too old") {
    for (const int error : {ENOSYS, EPERM, EINVAL}) {
        const outcome seen = make_where_refused(error, io_backend::automatic);
        REQUIRE(seen.filtered);
        CHECK(seen.name == "epoll");
        CHECK(seen.error == error);
    }
}

TEST_CASE("fallback: any other error is reported, with the call") {
    for (const int error : {ENOMEM, EMFILE, EACCES}) {
        const outcome seen = make_where_refused(error, io_backend::automatic);
        REQUIRE(seen.filtered);
        CHECK(seen.name.find("io_uring_setup") != std::string::npos);
        CHECK(seen.error == error);
    }
}

TEST_CASE("fallback: who asks for io_uring gets it or the error") {
    for (const int error : {ENOSYS, EPERM, EINVAL}) {
        const outcome seen = make_where_refused(error, io_backend::uring);
        REQUIRE(seen.filtered);
        CHECK(seen.name.find("io_uring_setup") != std::string::npos);
        CHECK(seen.error == error);
    }
}

TEST_CASE("fallback: epoll keeps its deadlines where epoll_pwait2 is missing or forbidden") {
    for (const int error : {ENOSYS, EPERM}) {
        bool filtered = false;
        int turns = 0;
        std::thread([&] {
            filtered = refuse(SYS_epoll_pwait2, error);
            const auto made = make_poller(io_backend::epoll);
            const std::int64_t deadline_ns = monotonic_ns() + 5 * one_millisecond_ns / 2;
            for (; monotonic_ns() < deadline_ns; ++turns) made->wait(deadline_ns);
        }).join();
        CHECK(filtered);
        CHECK(turns < 50);
    }
}

} // namespace
