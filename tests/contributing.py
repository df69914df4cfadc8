#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns the promise that the code in CONTRIBUTING.md compiles against the library's inside.

usage: contributing.py ROOT COMPILER...
       contributing.py --self-test ROOT COMPILER...
"""

import pathlib
import subprocess
import sys

from installed import WARNINGS
from readme_test import BLOCK


def check(root, compiler, text):
    blocks = [body for language, body in BLOCK.findall(text) if language == "cpp"]
    if not blocks:
        return ["CONTRIBUTING.md has no C++ block"]
    errors = []
    for number, body in enumerate(blocks, 1):
        command = [*compiler, "-std=c++20", *WARNINGS, "-fsyntax-only", "-x", "c++", "-"]
        command += ["-I", root / "lib", "-I", root / "include"]
        result = subprocess.run(command, input=body, capture_output=True, text=True)
        if result.returncode != 0:
            errors.append(f"block {number} does not compile:\n{result.stderr}")
    return errors


def self_test(root, compiler):
    text = "```cpp\n#include \"io/operation.hpp\"\nint x = coir::detail::no_such_name;\n```\n"
    if not any("no_such_name" in error for error in check(root, compiler, text)):
        return ["not caught: a name that does not exist"]
    return [] if check(root, compiler, "# nothing\n") else ["not caught: no code at all"]


def main(arguments):
    is_self_test = arguments[:1] == ["--self-test"]
    if len(arguments) < 2 + is_self_test:
        print(__doc__)
        return 2
    root, *compiler = arguments[is_self_test:]
    root = pathlib.Path(root)
    if is_self_test:
        errors = self_test(root, compiler)
    else:
        errors = check(root, compiler, (root / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    for error in errors:
        print(error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
