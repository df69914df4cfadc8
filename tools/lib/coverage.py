#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns the report of coverage: lines by folder, and those of the engine's core that have not run.

    coverage.py BUILD PROFILES

BUILD has the programs, PROFILES what they left (tools/coverage). Fails under 95 % in a core folder.
"""

import collections
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEAST = 95.0
# Channels, select, wait and sched, by the layers and public headers they are in.
CORE = (
    "lib/chan/",
    "lib/wait/",
    "lib/sched/",
    "include/coir/chan.hpp",
    "include/coir/select.hpp",
    "include/coir/detail/channel_",
    "include/coir/detail/select_",
)


def programs(build):
    """Everything with counters: what is built for tests and examples."""
    found = []
    for one in sorted([*build.glob("tests/**/*"), *build.glob("examples/*")]):
        if one.is_file() and one.stat().st_mode & 0o100:
            with open(one, "rb") as stream:
                if stream.read(4) == b"\x7fELF":
                    found.append(one)
    return found


def merge(profiles, into):
    raw = sorted(profiles.glob("*.profraw"))
    if not raw:
        sys.exit(f"nothing has run in {profiles}: tools/coverage without --report")
    names = into.with_suffix(".names")
    names.write_text("".join(f"{one}\n" for one in raw), encoding="utf-8")
    # A program that was killed while it set its counters up leaves a file without sense.
    subprocess.run(
        ["llvm-profdata-19", "merge", "-sparse", "--failure-mode=all", f"--input-files={names}"]
        + [f"--output={into}"],
        check=True,
    )


def export(program, merged):
    return subprocess.run(
        ["llvm-cov-19", "export", "--format=lcov", "--skip-functions", "--skip-branches"]
        + [f"--instr-profile={merged}", str(program), str(ROOT / "lib"), str(ROOT / "include")],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def lines_run(build, profiles):
    """File -> line -> how often it ran."""
    counts = collections.defaultdict(dict)
    with tempfile.TemporaryDirectory(prefix="coir-coverage-") as scratch:
        merged = pathlib.Path(scratch) / "merged"
        merge(profiles, merged)
        # One by one: of an inline function that several programs have, llvm-cov takes the first
        # one's word, which may be that it was never compiled.
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for text in pool.map(lambda one: export(one, merged), programs(build)):
                file = None
                for line in text.splitlines():
                    kind, _, value = line.partition(":")
                    if kind == "SF":
                        file = pathlib.Path(value).resolve().relative_to(ROOT).as_posix()
                        # Of a program that has nothing of ours llvm-cov lists all there is.
                        is_ours = file.startswith(("lib/", "include/"))
                    elif kind == "DA" and is_ours:
                        number, count = (int(word) for word in value.split(",")[:2])
                        counts[file][number] = max(count, counts[file].get(number, 0))
    return counts


def share(lines):
    return 100.0 * sum(count > 0 for count in lines) / len(lines) if lines else 100.0


def print_table(counts):
    folders = collections.defaultdict(list)
    for file, lines in counts.items():
        folders[file.rpartition("/")[0]] += lines.values()
    everything = [count for lines in folders.values() for count in lines]
    print(f"{'folder':<28} {'lines':>6} {'run':>6} {'share':>8}")
    for folder, lines in [*sorted(folders.items()), ("together", everything)]:
        run = sum(count > 0 for count in lines)
        print(f"{folder:<28} {len(lines):>6} {run:>6} {share(lines):>6.1f} %")


def print_missing(counts):
    """The lines of the core that did not run, as text; returns whether enough did."""
    enough = True
    for part in CORE:
        files = {file: lines for file, lines in counts.items() if file.startswith(part)}
        all_lines = [count for lines in files.values() for count in lines.values()]
        enough = enough and share(all_lines) >= LEAST
        print(f"\n{part}: {share(all_lines):.1f} % of {len(all_lines)} lines; these have not run:")
        for file, lines in sorted(files.items()):
            source = (ROOT / file).read_text(encoding="utf-8").split("\n")
            for number, count in sorted(lines.items()):
                if count == 0 and number <= len(source):  # else it was edited since
                    print(f"{file}:{number}: {source[number - 1].strip()}")
    return enough


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    build, profiles = (pathlib.Path(one).resolve() for one in sys.argv[1:])
    counts = lines_run(build, profiles)
    print_table(counts)
    if print_missing(counts):
        return 0
    print(f"\nless than {LEAST} % in one of these")
    return 1


if __name__ == "__main__":
    sys.exit(main())
