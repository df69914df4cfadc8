// SPDX-License-Identifier: MIT
#pragma once
// Owns how public handles hold a descriptor whose making is the library's.

#include <coir/detail/config.hpp>

#include <memory>
#include <utility>

namespace coir::detail {

class descriptor;
struct descriptor_deleter {
    COIR_API void operator()(descriptor* closed) const noexcept;
};
using descriptor_pointer = std::unique_ptr<descriptor, descriptor_deleter>;

/// The way to the descriptor of a handle, for the parts of the library that wait there.
struct handle_access;

/// What every handle of an open descriptor can do. Move-only; a default-made one is closed; it
/// closes itself at the end of its life.
class COIR_API descriptor_handle {
public:
    /// Closes; what is under way ends with std::errc::operation_canceled. Idempotent.
    void close() noexcept;
    [[nodiscard]] bool is_open() const noexcept { return native_handle() >= 0; }
    [[nodiscard]] explicit operator bool() const noexcept { return is_open(); }

    /// The descriptor, for what coir has no function for; -1 when closed.
    [[nodiscard]] int native_handle() const noexcept;

protected:
    friend struct handle_access;
    descriptor_handle() noexcept = default;
    explicit descriptor_handle(descriptor_pointer open) noexcept : descriptor_{std::move(open)} {}

    descriptor_pointer descriptor_;
};

} // namespace coir::detail
