// SPDX-License-Identifier: MIT
#pragma once
// Owns what the tests of task_group share.

#include "fixture.hpp"

#include <coir/group.hpp>

namespace fixture {

/// Whether `cancelled` came out of the wait.
inline bool wait_is_cancelled(coir::task_group& group) {
    try {
        group.wait();
    } catch (const coir::cancelled&) {
        return true;
    }
    return false;
}

} // namespace fixture
