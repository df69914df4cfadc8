# SPDX-License-Identifier: MIT
"""Owns what the style tests share: the list of sources, and small broken trees to try a rule on."""

import contextlib
import pathlib
import sys
import tempfile

FOLDERS = ("include", "lib", "examples", "tests", "bench")


def sources(root, folders=FOLDERS, suffixes=(".hpp", ".cpp")):
    """Yields (path relative to root, text) of every source file, in a stable order."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path.relative_to(root), path.read_text(encoding="utf-8")


@contextlib.contextmanager
def planted(files):
    """A scratch tree with these files: {"lib/base/a.hpp": text}."""
    with tempfile.TemporaryDirectory(prefix="coir-planted-") as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        yield root


def self_test(check, clean, violations):
    """Runs `check(root)` on a clean tree and on one per planted violation; returns the exit code.

    `violations` holds (what is planted, {file: text} laid over the clean tree, words reported).
    """
    failures = []
    with planted(clean) as root:
        found = check(root)
        if found:
            failures.append(f"a clean tree is reported: {found}")
    for what, files, words in violations:
        with planted({**clean, **files}) as root:
            found = check(root)
        if not any(words in line for line in found):
            failures.append(f"not caught: {what} (expected {words!r}, reported {found})")
    for failure in failures:
        print(failure)
    print(f"{len(violations)} planted violations, {len(failures)} failures")
    return 1 if failures else 0


def main(usage, check, clean, violations):
    """The status of a program that prints what check finds in the tree it is given."""
    arguments = sys.argv[1:]
    if arguments == ["--self-test"]:
        return self_test(check, clean, violations)
    if len(arguments) != 1:
        print(usage)
        return 2
    errors = check(pathlib.Path(arguments[0]))
    for error in errors:
        print(error)
    return 1 if errors else 0
