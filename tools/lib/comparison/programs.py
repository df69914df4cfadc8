# SPDX-License-Identifier: MIT
"""Owns the programs that are compared: how each is built, which rows it has, how one row is run.

A program gives figures: a dict from row names to numbers. A row may give more than one figure; the
further ones carry a suffix: parked_1M_resident_bytes.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

# Of these rows the CPU time is compared; the time that passed is given by the workload.
BY_CPU_TIME = {"sleep_100k"}

# What Google Benchmark itself writes about a row; any other number is a counter of ours.
NOT_COUNTERS = {
    "family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads",
    "iterations", "real_time", "cpu_time",
}  # fmt: skip

IN_NANOSECONDS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


class Absent(Exception):
    """A program that cannot be had here, and why."""


def run_quietly(command, folder, name=None, **more):
    """Runs a step of a build; what it printed is shown only if it fails."""
    done = subprocess.run(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more
    )
    if done.returncode != 0:
        name = name or f"`{' '.join(map(str, command))}`"
        raise Absent(f"{name} failed:\n{done.stdout[-3000:]}")
    return done.stdout


def version_of(command):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE).stdout.split("\n")[0]


class Program:
    def __init__(self, name, executables, version):
        self.name = name
        self.executables = executables
        self.version = version
        self.rows = {}  # row -> {workers: (executable, what names the row to it)}

    def run(self, row, workers, cores, seconds, timeout, messages):
        """The figures of one run of a row, pinned to `cores`. Raises RuntimeError."""
        executable, selector = self.rows[row][workers]
        environment = os.environ | {"GOMAXPROCS": str(workers), "BENCH_WORKERS": str(workers)}
        environment = environment | ({"BENCH_MESSAGES": str(messages)} if messages else {})
        try:
            done = subprocess.run(
                [executable, *self.arguments(selector, seconds)],
                env=environment,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=timeout,
                preexec_fn=lambda: os.sched_setaffinity(0, cores),
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"not done after {timeout} s") from None
        if done.returncode != 0:
            raise RuntimeError(f"ended with {done.returncode}: {done.stderr[-500:]}")
        return self.figures(done.stdout)


class Peer(Program):
    """A program that prints `row number` lines and takes the names of rows as arguments."""

    def __init__(self, name, executables, version):
        super().__init__(name, executables, version)
        for executable in executables:
            listed = subprocess.run([executable, "--list"], text=True, stdout=subprocess.PIPE)
            for row in listed.stdout.split():
                # A matrix of plain threads does not know of workers: it is meant for two cores.
                counts = (2,) if row.startswith("threads_") else (1, 2)
                self.rows[row] = {workers: (executable, row) for workers in counts}

    def arguments(self, selector, seconds):
        return [selector]

    def figures(self, text):
        pairs = (line.split() for line in text.splitlines())
        return {name: float(value) for name, value in pairs}


class Coir(Program):
    """The programs of bench/: Google Benchmark, rows named `row/W:workers/...`."""

    def __init__(self, executables, version):
        super().__init__("coir", executables, version)
        for executable in executables:
            listed = subprocess.run(
                [executable, "--benchmark_list_tests=true"], text=True, stdout=subprocess.PIPE
            )
            for line in listed.stdout.split():
                name = line.split("/")[0]
                workers = re.search(r"/W:(\d+)", line)
                if workers:
                    selector = f"^{name}/W:{workers[1]}(/|$)"
                else:  # a floor, or a curve over N
                    selector = f"^{name}(/|$)"
                found = self.rows.setdefault(name, {})
                found[int(workers[1]) if workers else 1] = (executable, selector)

    def arguments(self, selector, seconds):
        return [
            f"--benchmark_filter={selector}",
            f"--benchmark_min_time={seconds}",
            "--benchmark_format=json",
        ]

    def figures(self, text):
        found = {}
        for one in json.loads(text)["benchmarks"]:
            parts = one["name"].split("/")
            # Of a curve each point is a figure.
            name = "/".join(part for part in parts if part == parts[0] or part.startswith("N:"))
            time = one["cpu_time" if parts[0] in BY_CPU_TIME else "real_time"]
            found[name] = time * IN_NANOSECONDS[one["time_unit"]]
            for key, value in one.items():
                if isinstance(value, (int, float)) and key not in NOT_COUNTERS:
                    found[f"{name}_{key}"] = value
        return found


def build_by_meson(root, build, examples="disabled"):
    """Builds coir and what is written in C and C++; returns the folder and the compiler's name."""
    folder = build / "coir"
    script = """
        source tools/lib/build.sh
        configure "$1" --buildtype=release -Dtests=disabled -Dbenchmarks=enabled -Dexamples="$2"
        ninja -C "$1"
    """
    command = ["bash", "-euc", script, "bash", folder, examples]
    run_quietly(command, root, name="the build of coir")
    commands = json.loads((folder / "compile_commands.json").read_text())
    compiler = [one for one in commands[0]["command"].split()[:2] if "ccache" not in one][0]
    return folder, f"{version_of([compiler, '--version'])}, release"


def build_coir(root, build):
    folder, compiler = build_by_meson(root, build)
    programs = [one for one in sorted((folder / "bench").glob("bench_*")) if one.is_file()]
    return [Coir(programs, compiler)]


def build_boost_fiber(root, build):
    program = build / "coir/bench/peers/boost_fiber/peer_boost_fiber"
    if not program.is_file():
        raise Absent("no Boost.Fiber (Debian: libboost-fiber-dev)")
    header = pathlib.Path("/usr/include/boost/version.hpp")
    version = re.search(r'LIB_VERSION "([\d_]+)"', header.read_text() if header.exists() else "")
    return [Peer("Boost.Fiber", [program], f"Boost {version[1]}" if version else "Boost")]


def find_go():
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if not go:
        raise Absent("no Go (Debian: golang-go)")
    return go


def build_go(root, build):
    go = find_go()
    program = build / "go_rows"
    run_quietly([go, "build", "-o", program, "."], root / "bench/peers/go")
    return [Peer("Go", [program], version_of([go, "version"]))]


def build_by_cargo(source, folder):
    """Crates come from cargo's cache, else from crates.io, else from Debian's packages. Returns what
    tells the version of a crate."""
    cargo = shutil.which("cargo")
    if not cargo:
        raise Absent("no Rust (Debian: cargo)")
    shutil.copytree(source, folder, dirs_exist_ok=True)
    from_debian = [
        "--config", 'source.crates-io.replace-with="debian"',
        "--config", 'source.debian.directory="/usr/share/cargo/registry"',
    ]  # fmt: skip
    ways = [["--offline"], []]
    if pathlib.Path("/usr/share/cargo/registry").is_dir():
        ways.append(["--offline", *from_debian])
    for way in ways:
        try:
            if way[1:]:
                (folder / "Cargo.lock").unlink(missing_ok=True)
            run_quietly([cargo, "build", "--release", *way], folder)
            break
        except Absent as why:
            failure = why
    else:
        raise Absent(
            f"crates.io cannot be reached, and Debian's packages do not have all crates\n{failure}"
        )
    lock = (folder / "Cargo.lock").read_text()

    def crate(name):
        found = re.search(rf'name = "{name}"\nversion = "([^"]+)"', lock)
        return f"{name} {found[1]}, {version_of(['rustc', '--version'])}"

    return crate


def build_rust(root, build):
    """Debian has what it needs: librust-crossbeam-channel-dev and librust-tokio-dev."""
    folder = build / "rust"
    crate = build_by_cargo(root / "bench/peers/rust", folder)
    made = folder / "target/release"
    return [
        Peer("tokio", [made / "tokio_rows"], crate("tokio")),
        Peer("crossbeam", [made / "crossbeam_rows"], crate("crossbeam-channel")),
    ]


PEERS = {"go": build_go, "rust": build_rust, "boost_fiber": build_boost_fiber}
