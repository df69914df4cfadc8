// SPDX-License-Identifier: MIT
#pragma once
// Owns how options and environment variables become the settings of a runtime.

#include <coir/runtime_options.hpp>

#include <cstddef>
#include <string>

namespace coir::detail {

/// Below this a coroutine could not even park in a deep call of ours.
inline constexpr std::size_t least_stack_bytes = std::size_t{16} * 1024;

/// Applies the environment and the automatic choices. Prints a clear error and exits with status 2
/// for an unusable variable; throws std::invalid_argument (a std::logic_error) for unusable
/// options.
[[nodiscard]] runtime_options resolve_settings(runtime_options options);

/// How many CPUs this process may use: the affinity mask, and for each enclosing cgroup (v1 or v2)
/// its quota, rounded up. At least one.
[[nodiscard]] std::size_t usable_cpus();

/// The same from given roots, for tests: `cgroup_file` as /proc/self/cgroup, `mount_root` as
/// /sys/fs/cgroup. Returns 0 where no quota is set.
[[nodiscard]] std::size_t cgroup_cpu_limit(const std::string& cgroup_file,
                                           const std::string& mount_root);

} // namespace coir::detail
