#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns how long a user's compiler takes for <coir/coir.hpp>: less than 1.5 times what the headers
take that it stands in for. Both are compiled in turn, and the median of the ratios counts: what
slows one down, a neighbour on the same core say, mostly slows down the other too.

    compile_time.py INCLUDE_DIRECTORY COMPILER
    compile_time.py --self-test INCLUDE_DIRECTORY COMPILER   checks that a heavy header is noticed
"""

import argparse
import pathlib
import resource
import subprocess
import sys
import tempfile
from statistics import median

YARDSTICK = ("thread", "future", "mutex", "condition_variable", "functional")
OURS = ("coir/coir.hpp",)
HEAVY = ("filesystem", "regex", "iostream", "random")
LIMIT = 1.5
LEVELS = ("-O0", "-O2")
FEWEST_ROUNDS = 5
MOST_ROUNDS = 25  # as long as the figure is above the limit: more rounds make it surer


def user_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(command, check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def ratio(options, level, folder, most_rounds):
    def compile_one(name):
        source = str(folder / f"{name}.cpp")
        include = ["-I", options.include]
        return [options.compiler, "-std=c++20", level, *include, "-c", source, "-o", "/dev/null"]

    times, ratios = {"std": [], "ours": []}, []
    while len(ratios) < FEWEST_ROUNDS or (len(ratios) < most_rounds and median(ratios) >= LIMIT):
        for name, seconds in times.items():
            seconds.append(user_seconds(compile_one(name)))
        ratios.append(times["ours"][-1] / times["std"][-1])
    result = median(ratios)
    ours, std = (1000 * median(times[name]) for name in ("ours", "std"))
    print(
        f"{level}: {ours:.0f} ms beside {std:.0f} ms,"
        f" {result:.2f} times as long (limit {LIMIT}, {len(ratios)} rounds)"
    )
    return result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("include", help="the folder of coir's public headers")
    parser.add_argument("compiler")
    options = parser.parse_args()
    headers = {"std": YARDSTICK, "ours": OURS + (HEAVY if options.self_test else ())}
    with tempfile.TemporaryDirectory(prefix="coir-compile-time-") as name:
        folder = pathlib.Path(name)
        for name, included in headers.items():
            text = "".join(f"#include <{header}>\n" for header in included)
            (folder / f"{name}.cpp").write_text(text, encoding="utf-8")
        if options.self_test:
            return 0 if ratio(options, "-O0", folder, FEWEST_ROUNDS) >= LIMIT else 1
        ratios = [ratio(options, level, folder, MOST_ROUNDS) for level in LEVELS]
    return 0 if max(ratios) < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
