#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns the check of one model: spin verifies it, and rejects every variant that its head names. The
functions for which the README says that it stands are where it says.

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


def code_of(model):
    """The lines of code that the README's table names beside the model, and what is not there."""
    readme = (model.parent / "README.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| `{model.name}` \| (.*?) \|", readme, re.MULTILINE)
    folder, files, names = model.parents[2], [], []
    for word in re.findall(r"`([^`]+)`", row[1]) if row else []:
        if re.search(r"\.[hc]pp$", word):
            files.append((folder if "/" in word else files[-1].parent) / word)
        else:
            names.append(word)
    lines, missing = [], [] if files else ["a row in the README"]
    missing += [str(file) for file in files if not file.is_file()]
    for name in names:
        # Declared or defined: a call would end in a semicolon or stand within something.
        function = re.escape(name.rsplit("::", 1)[-1]).replace(r"\*", r"\w*")
        wanted = re.compile(rf"^[^=/;]*[ :*&]{function}\(.*[{{,)]( const)?( noexcept)?( {{.*)?$")
        found = [f"{file.relative_to(folder)}:{number} {name}" for file in files if file.is_file()
                 for number, line in enumerate(file.read_text().splitlines(), 1)
                 if wanted.search(line)]  # fmt: skip
        lines += found
        missing += [] if found else [name]
    return lines, missing


def check(model):
    text = model.read_text(encoding="utf-8")
    lines, missing = code_of(model)
    print(f"{model.stem} stands for", *lines, sep="\n    ")
    if missing:
        return [f"{model.name}: the README names what is not there: {', '.join(missing)}"]
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
