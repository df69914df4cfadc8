// SPDX-License-Identifier: MIT
#include "sched/settings.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

namespace coir::detail {
namespace {

std::size_t affinity_cpus() {
    // A mask larger than cpu_set_t's 1,024 CPUs makes the kernel say EINVAL: try larger ones.
    for (int bits = CPU_SETSIZE; bits <= (1 << 20); bits *= 2) {
        cpu_set_t* const mask = CPU_ALLOC(static_cast<std::size_t>(bits));
        if (mask == nullptr) break;
        const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(bits));
        const bool known = ::sched_getaffinity(0, bytes, mask) == 0;
        const int count = known ? CPU_COUNT_S(bytes, mask) : 0;
        CPU_FREE(mask);
        if (known) return static_cast<std::size_t>(std::max(count, 1));
    }
    return 1;
}

// Returns quota / period rounded up, 0 for "no limit" or an unreadable file.
std::size_t ratio(double quota, double period) {
    if (!(quota > 0) || !(period > 0)) return 0;
    return static_cast<std::size_t>(std::max(std::ceil(quota / period), 1.0));
}

std::size_t read_v2_limit(const std::string& folder) {
    std::ifstream file{folder + "/cpu.max"};
    std::string quota;
    double period = 0;
    if (!(file >> quota >> period) || quota == "max") return 0;
    return ratio(std::strtod(quota.c_str(), nullptr), period);
}

std::size_t read_v1_limit(const std::string& folder) {
    double quota = 0;
    double period = 0;
    std::ifstream{folder + "/cpu.cfs_quota_us"} >> quota;
    std::ifstream{folder + "/cpu.cfs_period_us"} >> period;
    return ratio(quota, period);
}

std::size_t smaller_limit(std::size_t left, std::size_t right) {
    if (left == 0 || right == 0) return std::max(left, right);
    return std::min(left, right);
}

// The smallest limit of a group and all groups around it.
std::size_t limit_upwards(std::string path, const std::string& root,
                          std::size_t (*read)(const std::string&)) {
    std::size_t limit = 0;
    for (;;) {
        limit = smaller_limit(limit, read(root + path));
        if (path.empty()) return limit;
        path.erase(path.find_last_of('/'));
    }
}

} // namespace

std::size_t cgroup_cpu_limit(const std::string& cgroup_file, const std::string& mount_root) {
    std::ifstream file{cgroup_file};
    std::size_t limit = 0;
    for (std::string line; std::getline(file, line);) { // "hierarchy:controllers:path"
        std::istringstream fields{line};
        std::string hierarchy;
        std::string controllers;
        std::string path;
        std::getline(fields, hierarchy, ':');
        std::getline(fields, controllers, ':');
        std::getline(fields, path);
        if (path == "/" || path.empty() || path.front() != '/') path.clear();
        if (hierarchy == "0") {
            limit = smaller_limit(limit, limit_upwards(path, mount_root, read_v2_limit));
        } else if ((',' + controllers + ',').find(",cpu,") != std::string::npos) {
            limit = smaller_limit(
                limit, limit_upwards(path, mount_root + "/" + controllers, read_v1_limit));
        }
    }
    return limit;
}

std::size_t usable_cpus() {
    const std::size_t limit = cgroup_cpu_limit("/proc/self/cgroup", "/sys/fs/cgroup");
    return smaller_limit(affinity_cpus(), limit);
}

} // namespace coir::detail
