// SPDX-License-Identifier: MIT
#pragma once
// Owns how a unix socket gets its path, also from one that nobody uses any more.

#include "net/unix_address.hpp"

#include <string>
#include <system_error>

namespace coir::detail {

/// Binds, and listens if `type` is SOCK_STREAM. With `replace_stale`, a dead socket at the path is
/// removed; may park for that.
[[nodiscard]] std::error_code bind_unix(int fd, int type, const std::string& path,
                                        const unix_address& address, int backlog,
                                        bool replace_stale);

} // namespace coir::detail
