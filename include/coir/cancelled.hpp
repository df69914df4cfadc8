// SPDX-License-Identifier: MIT
#pragma once
// Owns the exception by which a cancellation ends a wait.

#include <coir/detail/config.hpp>

namespace coir {

/// Thrown by an operation that would wait, inside a cancelled scope. It deliberately does not
/// derive from std::exception, so that `catch (const std::exception&)` lets it pass; who catches it
/// with `catch (...)` and does not rethrow is cancelled again at the next wait.
class COIR_API cancelled final {};

} // namespace coir
