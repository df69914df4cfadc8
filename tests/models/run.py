#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns the check of one model: spin verifies it, and rejects every variant that its head names.

    run.py MODEL.pml
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
VARIANT = re.compile(r"^ \* (BROKEN_\w+)", re.MULTILINE)
ERRORS = re.compile(r"errors: (\d+)")
DEPTH = 200_000
HASH_BITS = 20


def explore(model, folder, variant):
    """The number of errors that an exhaustive search finds, and what the search printed."""
    define = [f"-D{variant}"] if variant else []
    subprocess.run(
        ["spin", *define, "-a", str(model)], cwd=folder, check=True, capture_output=True, text=True
    )
    subprocess.run(
        ["cc", "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"], cwd=folder, check=True
    )
    search = subprocess.run(
        ["./pan", f"-m{DEPTH}", f"-w{HASH_BITS}", "-n"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    found = ERRORS.search(search.stdout)
    if found is None or "max search depth too small" in search.stdout:
        raise RuntimeError(f"the search is not complete:\n{search.stdout}{search.stderr}")
    return int(found.group(1)), search.stdout


def states(output):
    found = re.search(r"^\s*(\d+) states, stored", output, re.MULTILINE)
    return found.group(1) if found else "?"


def check(model):
    text = model.read_text(encoding="utf-8")
    variants = VARIANT.findall(text)
    unnamed = set(re.findall(r"BROKEN_\w+", text)) ^ set(variants)
    if not variants or unnamed:
        return [f"{model.name}: the head must name each broken variant; differs in {unnamed}"]
    failures = []
    for variant in [None, *variants]:
        with tempfile.TemporaryDirectory() as folder:
            for source in model.parent.glob("*.pml"):
                shutil.copy(source, folder)
            errors, output = explore(model.name, folder, variant)
        print(f"{model.stem:14} {variant or 'as it is':24} {states(output):>9} states, "
              f"{'rejected' if errors else 'verified'}")
        if variant is None and errors:
            failures.append(f"{model.name}: rejected\n{output}")
        if variant is not None and not errors:
            failures.append(f"{model.name}: verified although {variant} breaks it")
    return failures


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    if shutil.which("spin") is None:
        print("spin is missing: the model is not checked (Debian: spin)")
        return SKIPPED
    failures = check(pathlib.Path(arguments[0]).resolve())
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
