# SPDX-License-Identifier: MIT
"""Owns a scratch installation of coir, and compiling against it as a user does: by pkg-config."""

import os
import pathlib
import shlex
import subprocess
import tempfile

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]


def add_arguments(parser):
    parser.add_argument("--build", required=True, help="the build folder to install from")
    parser.add_argument("--cxx", default="c++", help="the compiler, with its arguments")
    parser.add_argument("--cxx-arg", action="append", default=[], help="added to every compilation")


class Installation:
    """`with Installation(options) as coir: coir.compile(source, program)`."""

    def __init__(self, options):
        self.compiler = shlex.split(options.cxx) + options.cxx_arg
        self.folder = tempfile.TemporaryDirectory(prefix="coir-installed-")
        self.root = pathlib.Path(self.folder.name)
        install = ["meson", "install", "--no-rebuild", "--destdir", self.folder.name]
        subprocess.run(install, cwd=options.build, check=True, stdout=subprocess.DEVNULL)
        packages = [path.parent for path in self.root.rglob("coir.pc")]
        libraries = {path.parent for path in self.root.rglob("libcoir.*")}
        if len(packages) != 1:
            raise RuntimeError(f"{len(packages)} coir.pc installed, expected one")
        self.environment = {
            **os.environ,
            "PKG_CONFIG_PATH": str(packages[0]),
            "PKG_CONFIG_SYSROOT_DIR": str(self.root),
            "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def flags(self, kind):
        """What `pkg-config --cflags` or `--libs` says."""
        command = ["pkg-config", f"--{kind}", "coir"]
        result = subprocess.run(command, env=self.environment, check=True, capture_output=True)
        return result.stdout.decode().split()

    def compile(self, source, program=None):
        """Compiles with all warnings as errors, into a program if one is named.

        Returns the diagnostics, empty if all went well.
        """
        output = ["-o", program, *self.flags("libs")] if program else ["-fsyntax-only"]
        command = [*self.compiler, "-std=c++20", *WARNINGS, *self.flags("cflags"), source, *output]
        result = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return "" if result.returncode == 0 else result.stdout + "(the compiler failed)"

    def run(self, program, timeout=60):
        return subprocess.run(
            [program],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=timeout,
        )
