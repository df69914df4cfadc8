#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles every case of cases.cpp and checks that it is refused with the promised advice.

usage: run.py INCLUDE_DIRECTORY [COMPILER...]    (as well as with g++ and clang where found)
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

CASES = pathlib.Path(__file__).with_name("cases.cpp")
CANDIDATES = ["g++", "clang++-19", "clang++-16"]


def expectations():
    """Maps each case to the texts that the compiler must print."""
    expected = {}
    for name, texts in re.findall(r"^// expect (\w+): (.+)$", CASES.read_text(), re.MULTILINE):
        expected[name] = [text.strip() for text in texts.split("|")]
    coded = set(re.findall(r"defined\(CASE_(\w+)\)", CASES.read_text()))
    if coded != set(expected):
        sys.exit(f"cases and expectations differ: {sorted(coded ^ set(expected))}")
    return expected


def compile_case(compiler, include, name):
    """Returns whether the case compiled, and what the compiler said."""
    command = [compiler, "-std=c++20", "-fsyntax-only", "-Werror=unused-result", "-I", include]
    command += [f"-DCASE_{name}"] if name else []
    result = subprocess.run(
        command + [str(CASES)], capture_output=True, text=True, check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    return result.returncode == 0, result.stderr


def verdict(compiler, include, name, texts):
    """Returns the complaint about one case, or None."""
    compiled, said = compile_case(compiler, include, name)
    if compiled:
        return f"{compiler}: {name} compiles"
    # A compiler may wrap or prefix lines, never break a text literal.
    missing = [text for text in texts if text not in said]
    return f"{compiler}: {name} does not say {missing}:\n{said[:2000]}" if missing else None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    include = sys.argv[1]
    compilers = [c for c in dict.fromkeys(sys.argv[2:] + CANDIDATES) if shutil.which(c)]
    if not compilers:
        sys.exit("no compiler found")
    complaints, count = [], 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for compiler in compilers:
            compiled, said = compile_case(compiler, include, None)
            if not compiled:
                sys.exit(f"{compiler}: the control case does not compile:\n{said}")
            jobs = [
                pool.submit(verdict, compiler, include, name, texts)
                for name, texts in expectations().items()
            ]
            complaints += [job.result() for job in jobs if job.result()]
            count += len(jobs)
    print("\n".join(complaints))
    print(f"{count} cases with {', '.join(compilers)}: {len(complaints)} not as promised")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
