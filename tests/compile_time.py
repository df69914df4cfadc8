#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns how long a user's compiler takes for <coir/coir.hpp>: less than 1.5 times what the headers
take that it stands in for. Both are compiled in turn, and the least user CPU time counts: that of
other programs only adds to it.

    compile_time.py INCLUDE_DIRECTORY COMPILER
    compile_time.py --self-test INCLUDE_DIRECTORY COMPILER   checks that a heavy header is noticed
"""

import argparse
import pathlib
import resource
import subprocess
import sys
import tempfile

YARDSTICK = ("thread", "future", "mutex", "condition_variable", "functional")
OURS = ("coir/coir.hpp",)
HEAVY = ("filesystem", "regex", "iostream", "random")
LIMIT = 1.5
LEVELS = ("-O0", "-O2")
FEWEST_ROUNDS = 5
MOST_ROUNDS = 25  # as long as the figure is above the limit: rounds can only make it better


def user_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(command, check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def ratio(options, level, folder, most_rounds):
    def compile_one(name):
        source = str(folder / f"{name}.cpp")
        include = ["-I", options.include]
        return [options.compiler, "-std=c++20", level, *include, "-c", source, "-o", "/dev/null"]

    least, done = {"std": float("inf"), "ours": float("inf")}, 0
    while done < FEWEST_ROUNDS or (done < most_rounds and least["ours"] >= LIMIT * least["std"]):
        for name in least:
            least[name] = min(least[name], user_seconds(compile_one(name)))
        done += 1
    result = least["ours"] / least["std"]
    print(
        f"{level}: {1000 * least['ours']:.0f} ms beside {1000 * least['std']:.0f} ms,"
        f" {result:.2f} times as long (limit {LIMIT}, {done} rounds)"
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
