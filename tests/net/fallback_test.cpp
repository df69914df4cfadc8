// SPDX-License-Identifier: MIT
// Covers the choice of the backend: automatic takes io_uring where the kernel lets us, and epoll
// where it refuses. Run once more under refuse_io_uring, it meets a kernel that refuses.

#include "net_fixture.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

using namespace fixture;

namespace {

bool kernel_refuses() {
    return ::syscall(SYS_io_uring_setup, 1, nullptr) == -1 && (errno == EPERM || errno == ENOSYS);
}

std::size_t count_descriptors(const std::string& kind) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const std::string target = std::filesystem::read_symlink(entry.path(), gone);
        if (target == "anon_inode:[" + kind + "]") ++count;
    }
    return count;
}

bool backend_is_imposed() {
    const char* const text = std::getenv("COIR_IO");
    return text != nullptr && *text != '\0' && std::string_view{text} != "automatic";
}

} // namespace

TEST_CASE("automatic is io_uring where there is one, else epoll, and both carry connections") {
    if (backend_is_imposed()) return;
    for (const int workers : {1, 2}) {
        coir::runtime_options options = with_workers(workers);
        options.io = coir::io_backend::automatic;
        const std::size_t epolls_before = count_descriptors("eventpoll");
        const bool refused = kernel_refuses();
        coir::run(options, [&] {
            CHECK((count_descriptors("io_uring") == 0) == refused);
            CHECK((count_descriptors("eventpoll") > epolls_before) == refused);
            auto [client, server] = make_tcp_pair();
            client.write_all("x");
            CHECK(read_one(server) == 'x');
        });
    }
}

TEST_CASE("io_uring by name is refused where the kernel refuses") {
    if (backend_is_imposed() || !kernel_refuses()) return;
    const char* const imposed = std::getenv("COIR_IO");
    if (imposed != nullptr && *imposed != '\0') return; // automatic, whatever the options say
    coir::runtime_options options;
    options.io = coir::io_backend::uring;
    CHECK(error_of([&] { coir::run(options, [] {}); }) == std::errc::operation_not_permitted);
}
