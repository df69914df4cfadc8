// SPDX-License-Identifier: MIT
//
// Runs a program under a seccomp filter that refuses io_uring_setup with EPERM, as container
// runtimes do: refuse_io_uring PROGRAM [ARGUMENT...]
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: refuse_io_uring PROGRAM [ARGUMENT...]\n", stderr);
        return 2;
    }
    std::array<sock_filter, 4> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        std::perror("refuse_io_uring: seccomp");
        return 2;
    }
    if (::syscall(SYS_io_uring_setup, 1, nullptr) != -1 || errno != EPERM) {
        std::fputs("refuse_io_uring: the filter refuses nothing\n", stderr);
        return 2;
    }
    ::execv(argv[1], argv + 1);
    std::perror(argv[1]);
    return 2;
}
