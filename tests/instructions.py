#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Guards the hot paths: fails when a row takes over 10 % more instructions than recorded.

    instructions.py BUILD [ROW...]        compares with tests/instructions.json
    instructions.py --record BUILD        records instead

BUILD is a release build of g++ with benchmarks. Instructions are counted by callgrind, with one
worker on epoll. Each row runs twice, with different numbers of operations, and the difference
counts, so that starting and ending are not in it. Unlike times, the counts are the same on a busy
machine; with another compiler they are not, so then they are only printed. Takes a minute.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

RECORD = pathlib.Path(__file__).with_suffix(".json")
LIMIT = 1.10

# Program, operations of the shorter run, rows.
ROWS = [
    ("yield", 4000, ["yield_2", "yield_1000", "yield_float"]),
    ("spawn", 4000, ["spawn_join_1", "spawn_join_1000"]),
    ("channel", 4000, ["ping_pong", "stream_0", "stream_1", "stream_10", "stream_100"]),
    ("channel", 4000, ["stream_1000", "ring_503"]),
    ("select", 4000, ["select_ready_2", "select_ready_8", "select_poll_2", "select_poll_8"]),
    ("select", 4000, ["select_park_2", "select_park_8"]),
    ("mutex", 40000, ["mutex_1", "mutex_100", "mutex_100_yield"]),
    ("timer", 4000, ["timer_start_stop"]),
    # Of a thousandth of their full size.
    ("pipeline", 4, ["skynet", "skynet_join"]),
]


def count(program, row, operations):
    """The operations that a run really did, and the instructions of the whole run."""
    environment = os.environ | {
        "COIR_IO": "epoll",
        "COIR_WORKERS": "1",
        "COIR_BENCH_TINY": "1",
        "COIR_BENCH_OPERATIONS": str(operations),
    }
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    what = [program, f"--benchmark_filter=^{row}/W:1/", "--benchmark_format=json"]
    done = subprocess.run(
        [*valgrind, *what], env=environment, text=True, capture_output=True, timeout=300
    )
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not collected:
        raise RuntimeError(f"{row}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)["benchmarks"][0]["iterations"], int(collected[1])


def instructions(build, name, row, operations):
    """Instructions per operation."""
    program = build / "bench" / f"bench_{name}"
    fewer, short = count(program, row, operations)
    more, long = count(program, row, 3 * operations)
    return (long - short) / (more - fewer)


def compiler_of(build):
    command = json.loads((build / "compile_commands.json").read_text())[0]["command"].split()
    name = next(one for one in command if "ccache" not in one)
    done = subprocess.run([name, "--version"], text=True, capture_output=True)
    return " ".join(done.stdout.split("\n")[0].split()[1:])


def measure(build, wanted):
    jobs = [(build, name, row, least) for name, least, rows in ROWS for row in rows]
    jobs = [job for job in jobs if not wanted or job[2] in wanted]
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        counted = list(pool.map(lambda job: instructions(*job), jobs))
    return {job[2]: round(number, 1) for job, number in zip(jobs, counted)}


def compare(counted, recorded):
    """Prints a table and returns the rows that grew too much or were never recorded."""
    bad = []
    print(f"{'row':<18} {'recorded':>10} {'now':>10} {'change':>8}")
    for row, now in counted.items():
        before = recorded.get(row)
        if before is None:
            print(f"{row:<18} {'none':>10} {now:>10,.0f}")
            bad.append(row)
            continue
        too_many = now > before * LIMIT
        print(f"{row:<18} {before:>10,.0f} {now:>10,.0f} {now / before - 1:>+8.1%}"
              + ("  too many" if too_many else ""))  # fmt: skip
        if too_many:
            bad.append(row)
    return bad


def main(arguments):
    record = arguments[:1] == ["--record"]
    arguments = arguments[1:] if record else arguments
    if not arguments or arguments[0].startswith("-"):
        print(__doc__)
        return 2
    build, wanted = pathlib.Path(arguments[0]), arguments[1:]
    counted = measure(build, wanted)
    compiler = compiler_of(build)
    if record:
        kept = {"compiler": compiler, "instructions": counted}
        RECORD.write_text(json.dumps(kept, indent=4) + "\n")
        print(f"recorded {len(counted)} rows in {RECORD}")
        return 0
    recorded = json.loads(RECORD.read_text())
    bad = compare(counted, recorded["instructions"])
    if compiler != recorded["compiler"]:
        print(f"Recorded with {recorded['compiler']}, built with {compiler}: this decides nothing.")
        return 0
    if any(now * LIMIT < recorded["instructions"].get(row, 0) for row, now in counted.items()):
        print("Some take much less than recorded. To keep it so, record anew (--record).")
    if bad:
        print(f"Over {LIMIT - 1:.0%} more, or not recorded: {', '.join(bad)}. If it must be so:")
        print(f"tests/instructions.py --record {build}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
