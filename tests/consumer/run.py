#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns the promise that a foreign Meson project can use coir.

    run.py installed  ...   against a scratch installation of the build, found by pkg-config
    run.py subproject ...   with a copy of the checkout as its subproject, found by a wrap
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import installed  # noqa: E402  (it stands one folder up)

EXPECTED = "sum 55\n"
SKIPPED = 77
WRAP = "[wrap-file]\ndirectory = coir\n\n[provide]\ndependency_names = coir\n"
NEEDED = ("meson.build", "meson_options.txt", "include", "lib")


def run(command, folder, environment):
    """Runs a command, shows its output only if it fails."""
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {result.returncode}:\n{result.stdout}")
    return result.stdout


def build_and_run(project, environment, setup_arguments):
    run(["meson", "setup", "build", *setup_arguments], project, environment)
    run(["ninja", "-C", "build"], project, environment)
    output = run([project / "build" / "consumer"], project, environment)
    if output != EXPECTED:
        sys.exit(f"the consumer printed {output!r} instead of {EXPECTED!r}")


def against_installed(options, project):
    with installed.Installation(options) as coir:
        environment = {**coir.environment, "CXX": options.cxx}
        build_and_run(project, environment, ["--wrap-mode=nofallback"])


def against_subproject(options, project):
    """Copies only what a library build may need: it must not lean on tests or examples."""
    checkout = project / "subprojects" / "coir"
    checkout.mkdir(parents=True)
    for name in NEEDED:
        source = options.source / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, checkout / name)
    (project / "subprojects" / "coir.wrap").write_text(WRAP, encoding="utf-8")
    # An installed coir must not be taken for the subproject.
    environment = {**os.environ, "CXX": options.cxx, "PKG_CONFIG_PATH": ""}
    build_and_run(project, environment, ["--force-fallback-for=coir"])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("kind", choices=["installed", "subproject"])
    parser.add_argument("--source", required=True, type=pathlib.Path, help="the checkout of coir")
    installed.add_arguments(parser)
    options = parser.parse_args()
    if options.cxx_arg:
        print("skipped: a foreign project does not build with our sanitizers")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="coir-consumer-") as folder:
        project = pathlib.Path(folder) / "project"
        shutil.copytree(HERE / "project", project)
        if options.kind == "installed":
            against_installed(options, project)
        else:
            against_subproject(options, project)
    return 0


if __name__ == "__main__":
    sys.exit(main())
