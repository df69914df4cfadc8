#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns the promise that the programs of README.md and docs/ compile, run and print what they say.

Every ```cpp block with a main is compiled without warnings against the installed library and run;
a ```text block that follows it is its exact standard output. In docs/ every ```cpp block has a
main. The first block opens the README and has at most 20 lines.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import sys
import tempfile

import installed

LONGEST_OPENING = 20
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def programs(text):
    """Returns [(program, expected output or None)] of the blocks that have a main."""
    blocks = BLOCK.findall(text)
    found = []
    for index, (language, body) in enumerate(blocks):
        if language == "cpp" and re.search(r"\bmain\(", body):
            follower = blocks[index + 1] if index + 1 < len(blocks) else ("", "")
            found.append((body, follower[1] if follower[0] == "text" else None))
    return found


def check_opening(text):
    """The README opens with a whole program, short enough for one look."""
    first = BLOCK.search(text)
    if not first or first[1] != "cpp" or not re.search(r"\bmain\(", first[2]):
        return ["README: the first block is not a C++ program"]
    lines = first[2].count("\n")
    if lines > LONGEST_OPENING:
        return [f"README: the first program has {lines} lines, at most {LONGEST_OPENING}"]
    return []


def check_program(coir, number, body, expected):
    with tempfile.TemporaryDirectory(prefix="coir-readme-") as folder:
        source = pathlib.Path(folder) / "main.cpp"
        program = pathlib.Path(folder) / "main"
        source.write_text(body, encoding="utf-8")
        diagnostics = coir.compile(source, program)
        if diagnostics:
            return [f"program {number} does not compile:\n{diagnostics}"]
        result = coir.run(program)
    if result.returncode != 0:
        return [f"program {number} ended with {result.returncode}:\n{result.stdout}{result.stderr}"]
    if expected is not None and result.stdout != expected:
        return [f"program {number} printed\n{result.stdout}instead of\n{expected}"]
    return []


def check_programs(coir, text):
    def check_numbered(item):
        number, (body, expected) = item
        return check_program(coir, number, body, expected)

    # Compiling takes the time; few programs of a page run at once, and all of them briefly.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(check_numbered, enumerate(programs(text), 1)), [])


def check(coir, text):
    return check_opening(text) + check_programs(coir, text)


def check_document(coir, name, text):
    """A page of docs/ has whole programs only, so that no snippet goes unchecked."""
    blocks = [body for language, body in BLOCK.findall(text) if language == "cpp"]
    errors = check_programs(coir, text)
    if len(blocks) != len(programs(text)):
        errors.append("a C++ block is not a whole program")
    return [f"{name}: {error}" for error in errors]


def self_test(coir):
    program = '#include <cstdio>\nint main() { std::puts("one"); }\n'
    good = f"# x\n```cpp\n{program}```\nprints\n```text\none\n```\n"
    broken = {
        "does not compile": good.replace("cstdio", "cstdioo"),
        "printed": good.replace("one\n```", "two\n```"),
        "ended with": good.replace(" }", " return 3; }"),
        "first block is not": "```sh\nls\n```\n" + good,
        "lines, at most": good.replace("int main", "\n" * 20 + "int main"),
    }
    failures = [f"a good README is reported: {error}" for error in check(coir, good)]
    for words, text in broken.items():
        if not any(words in error for error in check(coir, text)):
            failures.append(f"not caught: {words}")
    if not check_document(coir, "x.md", "```cpp\nint x;\n```\n"):
        failures.append("not caught: a snippet in docs/")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readme", nargs="?", type=pathlib.Path)
    parser.add_argument("--self-test", action="store_true", help="check that a broken README fails")
    installed.add_arguments(parser)
    options = parser.parse_args()
    with installed.Installation(options) as coir:
        if options.self_test:
            errors = self_test(coir)
        else:
            errors = check(coir, options.readme.read_text(encoding="utf-8"))
            for page in sorted((options.readme.parent / "docs").glob("*.md")):
                errors += check_document(coir, page.name, page.read_text(encoding="utf-8"))
    for error in errors:
        print(error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
