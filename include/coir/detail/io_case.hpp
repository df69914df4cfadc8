// SPDX-License-Identifier: MIT
#pragma once
// Owns the select cases of things outside coir: readable, writable, a connection to accept.

#include <coir/detail/config.hpp>
#include <coir/detail/descriptor.hpp>
#include <coir/detail/select_cases.hpp>

#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace coir::detail {

enum class io_direction : std::uint8_t { read, write };

/// Where selects wait for the descriptor; null of null. It lives as long as the descriptor.
[[nodiscard]] COIR_API select_source* source_at(descriptor* waited_for, io_direction direction);

/// A case at a descriptor. `Operation` has `complete(int result)`, which throws where the result is
/// a negated errno, else calls the handler. If it also has `attempt(int fd) noexcept`, the result
/// is that attempt's: see source_outcome. The handle must outlive the case; the closed handle is
/// null.
template <typename Operation> class io_case : public case_base {
public:
    io_case(descriptor* waited_for, io_direction direction, Operation operation)
        : case_base{select_kind::source}, operation_{std::move(operation)} {
        entry_.source = source_at(waited_for, direction);
    }

    void prepare() noexcept {
        if constexpr (requires { operation_.attempt(0); }) {
            outcome_.attempt = [](int fd, void* operation) noexcept {
                return static_cast<Operation*>(operation)->attempt(fd);
            };
        }
        outcome_.argument = &operation_;
        entry_.value = &outcome_;
    }
    void complete() { operation_.complete(outcome_.result); }
    void own() {}

private:
    Operation operation_;
    source_outcome outcome_;
};

/// Throws std::system_error for a negated errno.
COIR_API void throw_if_failed(int result, const std::string& call);

/// What happens when a descriptor is readable or writable: the handler is called.
template <typename... Handler> struct readiness_operation {
    const char* name;
    plain_handler<Handler...> handler;

    void complete(int result) {
        throw_if_failed(result, name);
        handler.call();
    }
};

template <typename... Handler>
[[nodiscard]] auto readable_case(descriptor* waited_for, Handler&&... handler) {
    using operation = readiness_operation<std::decay_t<Handler>...>;
    return io_case<operation>{waited_for, io_direction::read,
                              operation{"on_readable", {std::forward<Handler>(handler)...}}};
}
template <typename... Handler>
[[nodiscard]] auto writable_case(descriptor* waited_for, Handler&&... handler) {
    using operation = readiness_operation<std::decay_t<Handler>...>;
    return io_case<operation>{waited_for, io_direction::write,
                              operation{"on_writable", {std::forward<Handler>(handler)...}}};
}

} // namespace coir::detail
