#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns what the tools say when they are asked for help, and when they cannot do their work.

    tools.py ROOT
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# These have to say what is missing on a machine where nothing is installed, not even Python.
TOOLS = ("demo", "test", "check", "compare", "coverage")
FROM_PYTHON = ("draw-timeline",)
NOBODY = "65534"
# What packages.sh calls besides the builtins of bash; each case adds programs of its own.
NEEDED = ("bash", "env", "cat", "dirname")
# Tells Meson, who asks for the macros, that it is too old.
OLD_COMPILER = """#!/bin/sh
case "$*" in
*-dM*) g++ "$@" | sed 's/__GNUC__ .*/__GNUC__ 11/' ;;
*) exec g++ "$@" ;;
esac
"""
OLD_LIBURING = "Name: liburing\nDescription: I/O\nVersion: 2.2\nLibs: -luring\n"
FAILS = "#!/bin/sh\nexit 100\n"
NOT_INSTALLED = "#!/bin/sh\nexit 1\n"


def need_packages(root, programs, as_nobody):
    """Lets the tools' way to their packages run where only some programs are to be had."""
    with tempfile.TemporaryDirectory(prefix="coir-tools-") as folder:
        os.chmod(folder, 0o755)
        for name in NEEDED:
            os.symlink(shutil.which(name), pathlib.Path(folder) / name)
        for name, text in programs.items():
            program = pathlib.Path(folder) / name
            program.write_text(text, encoding="utf-8")
            program.chmod(0o755)
        text = (root / "tools" / "lib" / "packages.sh").read_text(encoding="utf-8")
        command = [shutil.which("bash"), "-euc", text + "\nneed_packages meson liburing-dev"]
        if as_nobody and os.geteuid() == 0:
            command = ["setpriv", f"--reuid={NOBODY}", "--clear-groups", *command]
            command[0] = shutil.which("setpriv")
        result = subprocess.run(
            command, env={"PATH": folder}, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        return result.returncode, result.stdout + result.stderr


def check_packages(root):
    """Each case: what is to be had, who asks, how it ends, what must be said."""
    all_missing = {"dpkg-query": NOT_INSTALLED}
    cases = [
        ("no sudo", all_missing, True, 1, "Please ask for: apt-get install meson liburing-dev"),
        ("sudo asks for a password", {**all_missing, "sudo": FAILS}, True, 1, "Please ask for:"),
        ("no Debian", {}, True, 0, "Not a Debian system"),
    ]
    if os.geteuid() == 0:
        offline = {**all_missing, "apt-get": FAILS}
        cases.append(("no network", offline, False, 1, "Is there a network"))
    for name, programs, as_nobody, status, text in cases:
        ended, said = need_packages(root, programs, as_nobody)
        if ended != status or text not in said:
            yield f"{name}: ended with {ended} instead of {status}, or not with {text!r}:\n{said}"


def check_too_old(root):
    """A build that cannot be must say what it needs before anything is compiled."""
    with tempfile.TemporaryDirectory(prefix="coir-tools-") as name:
        folder = pathlib.Path(name)
        compiler = folder / "old-g++"
        compiler.write_text(OLD_COMPILER, encoding="utf-8")
        compiler.chmod(0o755)
        (folder / "liburing.pc").write_text(OLD_LIBURING, encoding="utf-8")
        cases = [
            ({"CXX": str(compiler)}, "coir needs GCC 12 or Clang 16, but this is gcc 11"),
            ({"CXX": "g++", "PKG_CONFIG_PATH": name}, "coir needs liburing 2.3"),
        ]
        for number, (environment, text) in enumerate(cases):
            result = subprocess.run(
                ["bash", "-euc", f"source tools/lib/build.sh; configure {folder}/{number}"],
                cwd=root, env={**os.environ, **environment}, capture_output=True, text=True,
            )
            if result.returncode == 0 or text not in result.stdout + result.stderr:
                yield f"meson setup ended with {result.returncode}, not with {text!r}:\n" \
                    f"{result.stdout}{result.stderr}"


def check_refused(root):
    """Tests of io_uring would fail one by one, and nobody would know what to do about it."""
    with tempfile.TemporaryDirectory(prefix="coir-tools-") as folder:
        refuse = pathlib.Path(folder) / "refuse"
        source = root / "tests" / "refuse_io_uring.cpp"
        subprocess.run(["g++", "-std=c++20", source, "-o", refuse], check=True)
        for backend, status, text in [("", 1, "Please allow it"), ("epoll", 0, "")]:
            result = subprocess.run(
                [refuse, shutil.which("bash"), "-euc", "source tools/lib/build.sh; need_io_uring"],
                cwd=root, env={**os.environ, "COIR_IO": backend}, capture_output=True, text=True,
            )
            if result.returncode != status or text not in result.stderr:
                yield f"io_uring refused, COIR_IO={backend}: ended with {result.returncode}, " \
                    f"said {result.stderr!r}"


def check_help(root):
    with tempfile.TemporaryDirectory(prefix="coir-tools-") as bare:
        for name in (*NEEDED, "sed"):
            os.symlink(shutil.which(name), pathlib.Path(bare) / name)
        paths = [bare, os.environ["PATH"]]
        cases = [(tool, path) for tool in TOOLS for path in paths]
        for tool, path in [*cases, *((tool, paths[1]) for tool in FROM_PYTHON)]:
            yield from check_help_of(root, tool, path)


def check_help_of(root, tool, path):
    """What it does, how long it takes, and nothing else happens."""
    result = subprocess.run(
        [root / "tools" / tool, "--help"], env={**os.environ, "PATH": path},
        capture_output=True, text=True, timeout=60,
    )
    said = result.stdout
    if result.returncode != 0 or not re.search(rf"usage: (tools/)?{tool}", said):
        yield f"tools/{tool} --help ended with {result.returncode} and {said!r} {result.stderr!r}"
    elif tool in TOOLS and not re.search(r"\b(minutes|hour)\b", said):
        yield f"tools/{tool} --help does not say how long it takes"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    checks = (check_help, check_packages, check_too_old, check_refused)
    complaints = [complaint for check in checks for complaint in check(root)]
    print("\n".join(complaints) or "all of them say what they should")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
