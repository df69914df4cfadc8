# SPDX-License-Identifier: MIT
"""Owns how an end-to-end test finds and runs programs: ours, and the tools it compares with."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest

EXAMPLES = pathlib.Path(os.environ.get("COIR_EXAMPLES", "build/examples"))
IS_SANITIZED = os.environ.get("COIR_SANITIZE", "none") != "none"
PATIENCE_S = 60 if IS_SANITIZED else 20  # for what takes far less, unless something is broken


def example(name):
    """Returns the path of one of our example programs."""
    path = EXAMPLES / name
    if not path.is_file():
        sys.exit(f"{path} is missing: set COIR_EXAMPLES to the folder with the built examples")
    return str(path)


def tool(name, package=None):
    """Returns the path of a foreign tool. One that is missing fails the test, so that CI cannot
    pass without having tested; with COIR_E2E_OPTIONAL=1 the test is skipped (by status 77)."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        print(f"{name} is not installed (Debian: {package or name})", file=sys.stderr)
        sys.exit(77 if os.environ.get("COIR_E2E_OPTIONAL") == "1" else 1)
    return path


def run(arguments, **options):
    """Runs a program to its end; returns the CompletedProcess with its output as text. None of ours
    leaves coroutines behind that nobody could have woken: a report of that is a false one."""
    options.setdefault("timeout", PATIENCE_S * 3)
    result = subprocess.run(arguments, capture_output=True, text=True, errors="replace", **options)
    reported = re.search(r"^coir: (leak|partial deadlock): .*", result.stderr, re.M)
    if reported:
        raise AssertionError(f"{arguments} reports what is not so: {reported[0]}")
    return result


def fetch(*arguments, environment=None, **options):
    """Runs http_client, which then also checks that it leaves no descriptor open."""
    environment = {**os.environ, "HTTP_CLIENT_CHECK_LEAKS": "1", **(environment or {})}
    return run([example("http_client"), *arguments], env=environment, **options)


def eventually(condition, what, patience_s=PATIENCE_S):
    """Waits until the condition holds; fails if it does not come to hold."""
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"still not so after {patience_s} s: {what}")
        time.sleep(0.01)


def descriptors(pid):
    """Counts the open descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def processor_ticks(pid):
    """Returns the processor time a process has used, in clock ticks of 10 ms."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])  # utime + stime


@contextlib.contextmanager
def http_server(*arguments, **options):
    """Runs our http_server; gives its process, with `address` and `port` set."""
    process = subprocess.Popen(
        [example("http_server"), *arguments], stdout=subprocess.PIPE, text=True, **options
    )
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"listening on (http://127\.0\.0\.1:(\d+))\n", line)
        if not found:
            raise AssertionError(f"http_server said {line!r}")
        process.address, process.port = found[1], int(found[2])
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def main():
    """Runs the tests of the calling file. None at all is a failure."""
    result = unittest.main(module="__main__", exit=False, verbosity=2).result
    sys.exit(0 if result.testsRun > 0 and result.wasSuccessful() else 1)
