#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""File I/O beside fio: the same file, block size, depth and engine (io_uring), in turn.

    bench/fs/compare.py build/release/bench/fs/fs_file_load

Prints operations per second of each, the medians over the rounds, and the median of the rounds' own
ratios: what else the machine does strikes both halves of a round alike. All goes through the page
cache, as coir opens files; so this compares what an operation costs, not the disk.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

# name, kind, block size, operations under way at a time
JOBS = [
    ("4 KiB random reads, depth 64", "randread", 4096, 64),
    ("1 MiB sequential reads, depth 4", "read", 1 << 20, 4),
    ("1 MiB sequential writes, depth 4", "write", 1 << 20, 4),
]


def run_fio(path, kind, block, depth, seconds, file_bytes):
    command = ["fio", "--name=x", f"--filename={path}", f"--rw={kind}", f"--bs={block}"]
    command += [f"--iodepth={depth}", "--ioengine=io_uring", "--direct=0", "--invalidate=0"]
    command += [f"--size={file_bytes}", "--time_based", f"--runtime={round(seconds * 1000)}ms"]
    command += ["--thread", "--norandommap", "--randrepeat=1", "--fallocate=none"]
    command += ["--gtod_reduce=1", "--output-format=json"]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    job = json.loads(result.stdout[result.stdout.index("{") :])["jobs"][0]
    return job["write" if kind == "write" else "read"]["iops"]


def run_coir(program, path, kind, block, depth, seconds):
    command = [program, path, kind, str(block), str(depth), str(seconds)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="bench/fs/fs_file_load of a release build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--mib", type=int, default=512, help="size of the file")
    parser.add_argument("--folder", help="where to put it; the system's for temporary files")
    parser.add_argument("--tiny", action="store_true", help="only show that it works")
    given = parser.parse_args()
    has_fio = shutil.which("fio") is not None
    if given.tiny:
        given.rounds, given.seconds, given.mib = 1, 0.05, 8
        has_fio = False
    elif not has_fio:
        sys.exit("compare.py: fio is missing (Debian: fio)")

    with tempfile.TemporaryDirectory(prefix="coir-fio-", dir=given.folder) as folder:
        path = pathlib.Path(folder) / "file"
        path.write_bytes(b"\0" * (given.mib << 20))
        for name, *job in JOBS:
            ours, theirs = [], []
            for _ in range(given.rounds):
                ours.append(run_coir(given.program, path, *job, given.seconds))
                if has_fio:
                    theirs.append(run_fio(path, *job, given.seconds, given.mib << 20))
            line = f"{name:34} coir {statistics.median(ours):10,.0f}/s"
            if has_fio:
                ratio = statistics.median(a / b for a, b in zip(ours, theirs))
                line += f"  fio {statistics.median(theirs):10,.0f}/s  ratio {ratio:.2f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
