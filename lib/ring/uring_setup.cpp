// SPDX-License-Identifier: MIT
#include "ring/uring_setup.hpp"

#include "base/internal_descriptor.hpp"
#include "ring/uring_entry.hpp"

#include <liburing.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace coir::detail {

namespace {

// What older kernels refuse, the youngest first, each given up in turn when setup says EINVAL.
constexpr std::array<unsigned, 4> optional_flags = {
    IORING_SETUP_DEFER_TASKRUN,                            // 6.1
    IORING_SETUP_SINGLE_ISSUER,                            // 6.0
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, // 5.19
    IORING_SETUP_SUBMIT_ALL,                               // 5.18
};

[[noreturn]] void throw_error(int error, const char* what) {
    throw std::system_error(error, std::system_category(), what);
}

bool has_all_opcodes(io_uring& ring) {
    io_uring_probe* const probe = io_uring_get_probe_ring(&ring);
    if (probe == nullptr) return false;
    bool all = io_uring_opcode_supported(probe, IORING_OP_ASYNC_CANCEL) != 0;
    for (unsigned i = 0; i < io_opcode_count; ++i) {
        const int opcode = kernel_opcode(static_cast<io_opcode>(i));
        all = all && io_uring_opcode_supported(probe, opcode) != 0;
    }
    io_uring_free_probe(probe);
    return all;
}

} // namespace

void set_up_ring(io_uring& ring, ring_options options) {
    unsigned flags = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
    if (!options.plain) {
        for (const unsigned flag : optional_flags) flags |= flag;
    }

    io_uring_params parameters{};
    int result = 0;
    for (std::size_t given_up = 0;; ++given_up) {
        parameters = {};
        parameters.flags = flags;
        parameters.cq_entries = options.completions;
        result = io_uring_queue_init_params(options.submissions, &ring, &parameters);
        if (result != -EINVAL || given_up == optional_flags.size()) break;
        flags &= ~optional_flags[given_up];
    }
    if (result < 0) throw_error(-result, "io_uring_setup");

    // The old number is closed before anything is under way, so that the ring lives on.
    ring.ring_fd = ring.enter_ring_fd = above_standard_streams(ring.ring_fd);
    if (ring.ring_fd < 0) {
        const int error = errno;
        io_uring_queue_exit(&ring); // the mappings; to close -1 does nothing
        throw_error(error, "io_uring_setup");
    }

    // Completions must never be dropped (5.5), and waiting must take a timeout (5.11).
    constexpr unsigned required = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG;
    if ((parameters.features & required) != required || !has_all_opcodes(ring)) {
        io_uring_queue_exit(&ring);
        throw_error(EINVAL, "io_uring_setup: this kernel's io_uring lacks features");
    }
    io_uring_register_ring_fd(&ring); // 5.18: saves a look-up per call; older kernels do without
}

} // namespace coir::detail
