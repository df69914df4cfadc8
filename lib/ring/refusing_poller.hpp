// SPDX-License-Identifier: MIT
#pragma once
// Owns the poller of a simulated worker: it refuses every operation, since what the world outside
// does is not the same from run to run.

#include "ring/poller.hpp"

namespace coir::detail {

/// Completes each operation with -EOPNOTSUPP in the next `poll`.
class refusing_poller final : public poller {
public:
    void submit(io_completion& completion, const io_request& request) noexcept override;
    void cancel(io_completion&) noexcept override {} // its completion is on its way
    void flush() noexcept override {}
    bool poll() noexcept override;
    void wait(std::int64_t) noexcept override { static_cast<void>(poll()); }
    void wake() noexcept override {}
    [[nodiscard]] const char* name() const noexcept override { return "refusing"; }
    [[nodiscard]] bool prefers_nonblocking() const noexcept override { return true; }

private:
    intrusive_list<io_completion> refused_;
};

} // namespace coir::detail
