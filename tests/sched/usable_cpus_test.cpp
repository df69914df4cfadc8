// SPDX-License-Identifier: MIT
// Covers how many CPUs a process may use, by files as the kernel writes them.

#include "sched/settings.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

using coir::detail::cgroup_cpu_limit;

namespace {

/// What /proc/self/cgroup and /sys/fs/cgroup may look like.
class machine {
public:
    machine() {
        std::string name = (std::filesystem::temp_directory_path() / "coir-cpus-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        root_ = name;
    }
    machine(const machine&) = delete;
    ~machine() { std::filesystem::remove_all(root_); }

    void write(const std::string& file, const std::string& text) const {
        std::filesystem::create_directories((root_ / file).parent_path());
        std::ofstream{root_ / file} << text << '\n';
    }
    /// Of a process in `groups`, lines of "hierarchy:controllers:path".
    std::size_t limit_in(const std::string& groups) const {
        write("self", groups);
        return cgroup_cpu_limit((root_ / "self").string(), root_.string());
    }

private:
    std::filesystem::path root_;
};

} // namespace

TEST_CASE("a quota in cgroup v2 counts in whole CPUs, rounded up") {
    const machine here;
    here.write("web/cpu.max", "200000 100000");
    CHECK(here.limit_in("0::/web") == 2);
    here.write("web/cpu.max", "250000 100000");
    CHECK(here.limit_in("0::/web") == 3);
    here.write("web/cpu.max", "1000 100000");
    CHECK(here.limit_in("0::/web") == 1);
}

TEST_CASE("without a quota there is no limit") {
    const machine here;
    CHECK(here.limit_in("") == 0);
    CHECK(here.limit_in("0::/") == 0);
    CHECK(here.limit_in("0::/gone/away") == 0);
    here.write("web/cpu.max", "max 100000");
    CHECK(here.limit_in("0::/web") == 0);
    here.write("web/cpu.max", "what is this");
    CHECK(here.limit_in("0::/web") == 0);
}

TEST_CASE("the smallest quota of all enclosing groups counts") {
    const machine here;
    here.write("cpu.max", "800000 100000");
    here.write("site/cpu.max", "max 100000");
    here.write("site/web/cpu.max", "600000 100000");
    CHECK(here.limit_in("0::/site/web") == 6);
    CHECK(here.limit_in("0::/site") == 8);
    here.write("site/cpu.max", "300000 100000");
    CHECK(here.limit_in("0::/site/web") == 3);
}

TEST_CASE("cgroup v1 is read where it has the cpu controller") {
    const machine here;
    here.write("cpu,cpuacct/job/cpu.cfs_quota_us", "400000");
    here.write("cpu,cpuacct/job/cpu.cfs_period_us", "100000");
    here.write("cpuset/job/cpu.cfs_quota_us", "100000");
    here.write("cpuset/job/cpu.cfs_period_us", "100000");
    const std::string groups = "5:cpuset:/job\n4:cpu,cpuacct:/job\n1:name=systemd:/job\n";
    CHECK(here.limit_in(groups) == 4);
    here.write("cpu,cpuacct/job/cpu.cfs_quota_us", "-1");
    CHECK(here.limit_in(groups) == 0);
    here.write("job/cpu.max", "200000 100000");
    CHECK(here.limit_in(groups + "0::/job") == 2);
}

TEST_CASE("every process may use at least one CPU") { CHECK(coir::detail::usable_cpus() >= 1); }
