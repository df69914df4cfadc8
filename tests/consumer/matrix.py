#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the foreign project in every variant that coir promises, and looks at what is installed.

As a subproject: release with LTO and without, and debug, static and shared; then installed, static
and shared, found by pkg-config and by CMake. Each time with RTTI and without. The library is
compiled three times, which takes most of the time, some minutes of two cores; a static and a shared
library are linked from the same objects.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import foreign_project

PREFIX = "/usr"
# What a header of ours and the library's parts are called, below the prefix.
INSTALLED = re.compile(
    r"include/coir/[a-z_/]+\.hpp|lib/[^/]+/libcoir\.(a|so[.\d]*)|lib/[^/]+/pkgconfig/coir\.pc"
    r"|lib/[^/]+/cmake/coir/coirConfig(Version)?\.cmake"
)
# The exceptions that cross the border have to be the same on both sides.
EXPORTED = re.compile(r"coir::|(typeinfo|typeinfo name|vtable) for coir::")


def complaints_about_files(root, source):
    """Only what belongs there, and every public header."""
    usr = root / PREFIX.lstrip("/")
    files = {str(path.relative_to(usr)) for path in usr.rglob("*") if not path.is_dir()}
    outside = [path for path in root.rglob("*") if not path.is_dir() and usr not in path.parents]
    headers = (source / "include" / "coir").rglob("*.hpp")
    missing = {str(header.relative_to(source)) for header in headers} - files
    strange = [name for name in files if not INSTALLED.fullmatch(name)]
    return [f"installed, but should not be: {name}" for name in [*strange, *outside]] + [
        f"not installed: {name}" for name in missing
    ]


def complaints_about_symbols(library):
    command = ["nm", "-D", "-C", "--defined-only", library]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    names = [line.split(" ", 2)[2] for line in listed.splitlines()]
    if not any(name.startswith("coir::version(") for name in names):
        return [f"{library} does not export coir::version: is it hidden?"]
    return [f"exported, but not coir's: {name}" for name in names if not EXPORTED.match(name)]


def install(build, root, environment):
    command = ["meson", "install", "--no-rebuild", "--quiet", "--destdir", root]
    foreign_project.run(command, build, environment)
    (package,) = root.rglob("coir.pc")
    library = package.parent.parent
    return {
        **environment,
        "PKG_CONFIG_PATH": str(package.parent),
        "PKG_CONFIG_SYSROOT_DIR": str(root),
        "LD_LIBRARY_PATH": str(library),
    }


def check_installed(build, source, kind, environment):
    """What the subproject's build installs, used by both build systems."""
    with tempfile.TemporaryDirectory(prefix=f"coir-{kind}-") as folder:
        root = pathlib.Path(folder).resolve() / "root"
        there = install(build, root, environment)
        complaints = complaints_about_files(root, source)
        if kind == "shared":
            library = next(root.rglob("libcoir.so*"))
            complaints += complaints_about_symbols(library)
        if complaints:
            sys.exit("\n".join(complaints))
        project = foreign_project.copy_of_project(folder)
        arguments = ["--wrap-mode=nofallback", "-Dbuildtype=release"]
        with step(f"installed {kind}, pkg-config"):
            foreign_project.build_with_meson(project, source, there, arguments)
        with step(f"installed {kind}, CMake"):
            foreign_project.build_with_cmake(project, source, there, root)


@contextlib.contextmanager
def folder_for(scratch):
    if scratch is None:
        with tempfile.TemporaryDirectory(prefix="coir-matrix-") as folder:
            yield folder
        return
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    yield scratch.resolve()
    shutil.rmtree(scratch)


class step:
    """Says what is done and how long it took."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.started = time.monotonic()

    def __exit__(self, kind, *_):
        result = "ok" if kind is None else "FAILED"
        print(f"{self.name:40} {result:6} {time.monotonic() - self.started:5.0f} s", flush=True)


def check_is_meant(build, kind, lto):
    """An option that was not heard would let every variant pass."""
    needed = foreign_project.run(["readelf", "-d", build / "consumer"], build)
    if ("libcoir.so" in needed) != (kind == "shared"):
        sys.exit(f"the consumer is not linked with a {kind} library:\n{needed}")
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    if any(("-flto" in entry["command"]) != (lto == "true") for entry in commands):
        sys.exit(f"not everything is compiled with lto={lto}")


def check_subproject(folder, source, buildtype, lto):
    """One compilation of the library, linked as both kinds; one of them is installed as well."""
    # An installed coir must not be taken for the subproject. ccache: where it stands is no matter.
    environment = {**os.environ, "PKG_CONFIG_PATH": "", "CCACHE_NOHASHDIR": "1"}
    project = foreign_project.copy_of_project(folder)
    foreign_project.add_as_subproject(project, source)
    arguments = ["--force-fallback-for=coir", f"-Dbuildtype={buildtype}", f"-Db_lto={lto}"]
    # Many files at once: what is looked at here is the result, and it takes a third of the time.
    arguments += [f"-Dprefix={PREFIX}", "--unity=subprojects", "--unity-size=12"]
    for kind in ("static", "shared"):
        # A subproject has an option of its own once it is set up.
        arguments += [f"-Ddefault_library={kind}", f"-Dcoir:default_library={kind}"]
        with step(f"subproject {buildtype} {kind} lto={lto}"):
            build = foreign_project.build_with_meson(project, source, environment, arguments)
            check_is_meant(build, kind, lto)
        if (buildtype, lto) == ("release", "false"):
            check_installed(build, source, kind, environment)
        arguments = []


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("source", type=pathlib.Path, help="the checkout of coir")
    parser.add_argument("--scratch", type=pathlib.Path, help="a folder of the same name each time, "
                        "which lets ccache know the sources again; it is emptied first")
    options = parser.parse_args()
    source = options.source.resolve()
    for buildtype, lto in (("release", "false"), ("release", "true"), ("debug", "false")):
        with folder_for(options.scratch) as folder:
            check_subproject(folder, source, buildtype, lto)
    return 0


if __name__ == "__main__":
    sys.exit(main())
