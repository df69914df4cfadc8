#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles every case of cases.cpp and mistakes.cpp, and what no source may change, and checks that
each is refused with the promised advice.

usage: run.py INCLUDE_DIRECTORY [COMPILER...]    (as well as with g++ and clang where found)
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
SOURCES = [HERE / "cases.cpp", HERE / "mistakes.cpp"]
CANDIDATES = ["g++", "clang++-19", "clang++-16"]
# Options that coir does not work with, and what the first error says.
OPTIONS = {
    "-fno-exceptions": "coir needs exceptions: cancellation is one",
    "-std=c++17": "coir needs C++20",
}
ERROR = re.compile(r"\berror: .*")


def expectations(source):
    """Maps each case to the texts that the compiler must print."""
    text = source.read_text(encoding="utf-8")
    expected = {}
    for name, texts in re.findall(r"^// expect (\w+): (.+)$", text, re.MULTILINE):
        expected[name] = [text.strip() for text in texts.split("|")]
    coded = set(re.findall(r"defined\(CASE_(\w+)\)", text))
    if coded != set(expected):
        sys.exit(f"{source}: cases and expectations differ: {sorted(coded ^ set(expected))}")
    return expected


def compile_case(compiler, include, source, *options):
    """Returns whether it compiled, and what the compiler said."""
    command = [compiler, "-std=c++20", "-fsyntax-only", "-Werror=unused-result", "-I", include]
    result = subprocess.run(
        [*command, *options, str(source)], capture_output=True, text=True, check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    return result.returncode == 0, result.stderr


def check_case(compiler, include, source, name, texts):
    """Returns the complaint about one case, or None."""
    compiled, said = compile_case(compiler, include, source, f"-DCASE_{name}")
    if compiled:
        return f"{compiler}: {name} compiles"
    # A compiler may wrap or prefix lines, never break a text literal.
    missing = [text for text in texts if text != "1 error" and text not in said]
    errors = len(ERROR.findall(said))
    if "1 error" in texts and errors != 1:
        missing.append(f"1 error only, but {errors}")
    return f"{compiler}: {name} does not say {missing}:\n{said[:2000]}" if missing else None


def check_option(compiler, include, option, text):
    compiled, said = compile_case(compiler, include, SOURCES[1], option)
    if compiled:
        return f"{compiler}: {option} is accepted"
    first = ERROR.search(said)
    return None if first and text in first[0] else f"{compiler} {option}: says first {first}"


def jobs_of(pool, compiler, include):
    for source in SOURCES:
        compiled, said = compile_case(compiler, include, source)
        if not compiled:
            sys.exit(f"{compiler}: {source.name} without a case does not compile:\n{said}")
        for name, texts in expectations(source).items():
            yield pool.submit(check_case, compiler, include, source, name, texts)
    for option, text in OPTIONS.items():
        yield pool.submit(check_option, compiler, include, option, text)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    include = sys.argv[1]
    found = [c for c in CANDIDATES[::-1] + sys.argv[:1:-1] if shutil.which(c)]
    # One name of each: c++ may be g++.
    compilers = list({os.path.realpath(shutil.which(c)): c for c in found}.values())[::-1]
    if not compilers:
        sys.exit("no compiler found")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [job for compiler in compilers for job in jobs_of(pool, compiler, include)]
        complaints = [job.result() for job in jobs if job.result()]
    print("\n".join(complaints))
    print(f"{len(jobs)} cases with {', '.join(compilers)}: {len(complaints)} not as promised")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
