#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns the promise that a foreign project can use coir, once in each way; see also matrix.py.

    run.py installed  ...   against a scratch installation of the build, found by pkg-config
    run.py cmake      ...   against the same, found by CMake
    run.py subproject ...   with a release of coir as its subproject, found by a wrap
"""

import argparse
import os
import pathlib
import shutil
import sys
import tempfile

import foreign_project

sys.path.insert(0, str(foreign_project.HERE.parent))
import installed  # noqa: E402  (it stands one folder up)

SKIPPED = 77


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("kind", choices=["installed", "cmake", "subproject"])
    parser.add_argument("--source", required=True, type=pathlib.Path, help="the checkout of coir")
    installed.add_arguments(parser)
    options = parser.parse_args()
    if options.cxx_arg:
        print("skipped: a foreign project does not build with our sanitizers")
        return SKIPPED
    if options.kind == "cmake" and not shutil.which("cmake"):
        print("skipped: there is no cmake")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="coir-consumer-") as folder:
        project = foreign_project.copy_of_project(folder)
        if options.kind == "subproject":
            foreign_project.add_as_subproject(project, options.source)
            # An installed coir must not be taken for the subproject.
            environment = {**os.environ, "CXX": options.cxx, "PKG_CONFIG_PATH": ""}
            # Many files at once take a third of the time.
            arguments = ["--force-fallback-for=coir", "--unity=subprojects", "--unity-size=12"]
            foreign_project.build_with_meson(project, options.source, environment, arguments)
            return 0
        with installed.Installation(options) as coir:
            environment = {**coir.environment, "CXX": options.cxx}
            if options.kind == "cmake":
                build = foreign_project.build_with_cmake
                build(project, options.source, environment, coir.root)
            else:
                build = foreign_project.build_with_meson
                build(project, options.source, environment, ["--wrap-mode=nofallback"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
