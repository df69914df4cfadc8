// SPDX-License-Identifier: MIT
#pragma once
// Owns how public handles hold a descriptor whose making is the library's.

#include <coir/detail/config.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace coir::detail {

class descriptor;
struct handle_access;
struct descriptor_deleter {
    COIR_API void operator()(descriptor* closed) const noexcept;
};
using descriptor_pointer = std::unique_ptr<descriptor, descriptor_deleter>;

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

/// The way into handles, for the parts of the library that know them only by their type.
struct handle_access {
    /// Null: the handle is closed.
    [[nodiscard]] static descriptor* descriptor_of(const descriptor_handle& handle) noexcept {
        return handle.descriptor_.get();
    }
    /// Where reads and writes go on, if that is the handle's own to know; else null.
    template <typename Handle> [[nodiscard]] static std::uint64_t* position_of(Handle& handle) {
        if constexpr (requires { handle.own_position(); }) {
            return handle.own_position();
        } else {
            return nullptr;
        }
    }
    template <typename Stream>
    [[nodiscard]] static std::string describe(const Stream& stream, const char* verb) {
        return stream.described(verb);
    }
};

} // namespace coir::detail
