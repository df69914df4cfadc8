#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns running clang-tidy over the library: which units it reads, and that all of them are clean.

    clang_tidy.py ROOT BUILD [LAYER...]

BUILD is configured by clang; nothing has to be built there. A unit is a layer: all of its sources
in one, because reading headers is what takes the time. The layer called `headers` is what users
include. Which checks hold is in ROOT/.clang-tidy. (tests/tidy.py checks other things: form.)
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

PROGRAMS = ("clang-tidy-19", "clang-tidy")


def layers_of(root, build):
    """Layer -> (a compile command of one of its sources, the sources)."""
    found = {}
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    for entry in commands:
        source = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        # What is linked twice is compiled twice.
        if source.suffix != ".cpp" or not source.is_relative_to(root / "lib"):
            continue
        layer = source.relative_to(root / "lib").parts[0]
        _, sources = found.setdefault(layer, (shlex.split(entry["command"]), []))
        if source not in sources:
            sources.append(source)
    public = [root / "include/coir/coir.hpp", root / "include/coir/testing.hpp"]
    if found:
        found["headers"] = (found["base"][0], public)
    return found


def write_units(build, layers):
    """One source for each layer, and the compile commands of them all; returns them by layer."""
    folder = build / "clang-tidy"
    folder.mkdir(exist_ok=True)
    units, commands = {}, []
    for layer, (command, sources) in layers.items():
        unit = folder / f"{layer}.cpp"
        unit.write_text("".join(f'#include "{one}"\n' for one in sources), encoding="utf-8")
        # All but -c SOURCE. The builds judge what the compiler itself warns of: to it, the sources
        # of a layer in one shadow each other's names.
        kept = [word for word in command[:-2] if word not in ("ccache", "-Werror")]
        arguments = [*kept, "-c", str(unit)]
        commands.append({"directory": str(build), "file": str(unit), "arguments": arguments})
        units[layer] = unit
    (folder / "compile_commands.json").write_text(json.dumps(commands), encoding="utf-8")
    return units


def check(root, program, unit):
    began = time.monotonic()
    result = subprocess.run(
        [program, "--quiet", f"--config-file={root}/.clang-tidy", f"-p={unit.parent}", unit],
        capture_output=True,
        text=True,
    )
    said = result.stdout
    # What stops clang-tidy itself is on standard error, where it also counts what it left out.
    if result.returncode != 0 and not said:
        said = result.stderr
    return result.returncode == 0, said, time.monotonic() - began


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    root, build = (pathlib.Path(one).resolve() for one in sys.argv[1:3])
    program = next((one for one in PROGRAMS if shutil.which(one)), None)
    if program is None:
        sys.exit("clang-tidy 19 is missing (Debian: clang-tidy-19)")
    layers = layers_of(root, build)
    wanted = sys.argv[3:] or sorted(layers, key=lambda one: -len(layers[one][1]))
    unknown = set(wanted) - set(layers)
    if unknown or not layers:
        sys.exit(f"no such layer in {build}: {', '.join(unknown) or 'any at all'}")
    units = write_units(build, layers)

    clean = True
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {pool.submit(check, root, program, units[one]): one for one in wanted}
        for run in concurrent.futures.as_completed(runs):
            is_clean, said, seconds = run.result()
            clean = clean and is_clean
            print(f"{runs[run]}: {'clean' if is_clean else 'NOT CLEAN'} ({seconds:.0f} s)")
            # A header is reported by each layer that includes it.
            print(re.sub(rf"{root}/", "", said), end="", flush=True)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
