#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds coir's benchmarks and those of each peer that is present, and runs them side by side.

The peers are Go, tokio and crossbeam-channel (Rust), and Boost.Fiber; one that is absent is named
and skipped. In every round each row is run by each program in turn: on one core with one worker, on
two cores with two. The table gives minimum (median) of the rounds, in nanoseconds unless it says
otherwise, and behind a peer's figure how many times coir's minimum it is. With --network it is
servers and clients, also plain C loops, nginx and curl; their figure is CPU time per request.

Without options it takes about 25 minutes on a quiet machine, with --quick about 3; --matrix takes
2 to 3 minutes a round with coroutines, and with threads as long again as messages wake threads;
--network about 2 minutes a round.
An interrupt (^C) ends the rounds early, and what was measured is reported.
Figures and charts go to docs/, as JSON and SVG. What was compiled stands in build/compare.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import signal
import subprocess
import sys
import time

from comparison import chart, network_programs, programs
from comparison.figures import Figures, compared, in_words, losses, table

ROOT = pathlib.Path(__file__).resolve().parents[2]

TIMEOUT = 120

# What belongs to which kind of comparison, by the beginnings of names; the rest is `rows`.
KINDS = {"growth": ("growth_",), "matrix": ("matrix_", "threads_")}

CURVES = {
    "growth_coroutines": "ns per coroutine; N live at once, each parks once, one worker",
    "growth_waiters": "ns per message; N receivers wait on one channel",
    "growth_select_cases": "ns per select over N cases: each is visited, so it grows with N",
    "growth_timers": "ns per start and stop of a timer while N are pending",
    "growth_blocking_calls": "ns per call; N coroutines make blocking calls",
    "growth_workers_tree": "ns per coroutine of a tree of joined tasks, N workers on two cores",
    "growth_workers_ping_pong": "ns per round trip of one pair, N workers on two cores",
}


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="tools/compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--matrix", action="store_const", dest="kind", const="matrix",
                      help="crossbeam's matrix of channels instead of the rows")
    what.add_argument("--growth", action="store_const", dest="kind", const="growth",
                      help="coir's cost over a growing number of things; one chart each")
    what.add_argument("--network", action="store_const", dest="kind", const="network",
                      help="servers and clients instead: CPU time per request")
    parser.add_argument("--rounds", type=int, default=0, help="default 7; 3 with --quick")
    parser.add_argument("--rows", metavar="REGEX", default="", help="only rows that match")
    parser.add_argument("--workers", metavar="LIST", default="1,2", help="default 1,2")
    parser.add_argument("--messages", type=int, metavar="N", default=0,
                        help="of the matrix, default 5 million; figures are per message")
    parser.add_argument("--quick", action="store_true", help="rougher figures sooner")
    parser.add_argument("--without", metavar="PEER", action="append", default=[],
                        choices=[*(programs.PEERS | network_programs.PEERS)],
                        help="leave out: go, rust, boost_fiber; of the network c, nginx, curl too")
    parser.add_argument("--out", metavar="FOLDER", type=pathlib.Path, default=ROOT / "docs/charts")
    parser.add_argument("--publish", action="store_true",
                        help="put the tables into docs/performance.md too")
    given = parser.parse_args()
    given.kind = given.kind or "rows"
    given.rounds = given.rounds or (3 if given.quick else 7)
    given.seconds = 0.02 if given.quick else 0.1
    if given.kind == "network":
        given.seconds *= 10
    if given.quick and given.kind == "matrix":
        given.messages = given.messages or 100_000
    return given


def build_all(given):
    build = ROOT / "build/compare"
    build.mkdir(parents=True, exist_ok=True)
    print("Building coir ...", flush=True)
    source = network_programs if given.kind == "network" else programs
    try:
        built = source.build_coir(ROOT, build)
    except programs.Absent as why:
        sys.exit(str(why))
    if given.kind == "growth":
        return built
    for name, make in source.PEERS.items():
        if name in given.without:
            continue
        print(f"Building the peers of {name} ...", flush=True)
        try:
            built += make(ROOT, build)
        except programs.Absent as why:
            print(f"Skipped: {name}: {why}")
    return built


def kind_of(given, row):
    if given.kind == "network":
        return "network"
    return next((kind for kind, starts in KINDS.items() if row.startswith(starts)), "rows")


def plan(given, built):
    """The rows and workers to measure, in the order of coir's programs."""
    wanted = [int(one) for one in given.workers.split(",")]
    ours = built[0].rows
    rows = [row for row in ours if kind_of(given, row) == given.kind and re.search(given.rows, row)]
    return [(row, workers) for workers in wanted for row in rows if workers in ours[row]]


def cores_for(kind, row, workers):
    """The last core for one worker, because the first one serves most interrupts; two if the
    counterpart needs one."""
    usable = sorted(os.sched_getaffinity(0))
    alone = kind != "network" and not row.startswith("growth_workers")
    if workers == 1 and alone:
        return usable[-1:]
    return usable[-max(workers, 2):]


def measure_once(given, built, row, workers, turn, figures):
    able = [one for one in built if workers in one.rows.get(row, {})]
    turn %= len(able)
    for program in able[turn:] + able[:turn]:
        key = (row, workers, program.name)
        if key in figures.failures:
            continue
        cores = cores_for(given.kind, row, workers)
        try:
            figures.add(workers, program.name, program.run(
                row, workers, cores, given.seconds, TIMEOUT, given.messages,
            ))
        except RuntimeError as why:
            figures.failures[key] = str(why)
            print(f"{program.name}: {row} with {workers}: {why}", flush=True)


def measure(given, built):
    """All rounds, or as many as were done when somebody interrupted."""
    figures = Figures()
    started = time.monotonic()
    done = 0
    try:
        for done in range(given.rounds):
            for row, workers in plan(given, built):
                # Nobody is always the one that finds the caches as another left them.
                measure_once(given, built, row, workers, done, figures)
            passed = time.monotonic() - started
            print(f"round {done + 1} of {given.rounds}, {passed:.0f} s", flush=True)
            save(given, built, figures)
    except KeyboardInterrupt:
        print(f"Interrupted: what follows is from {done} whole rounds and a part of one.")
        given.rounds = max(done, 1)
    return figures


def save(given, built, figures):
    """After every round, so that nothing is lost if the rest does not come to its end."""
    given.out.mkdir(parents=True, exist_ok=True)
    failures = [[*key, why] for key, why in figures.failures.items()]
    written = {**surroundings(given, built), "figures": figures.as_json(), "failures": failures}
    (given.out / f"{given.kind}.json").write_text(json.dumps(written, indent=1) + "\n")


def surroundings(given, built):
    """What somebody else would need to know to get the same figures."""
    def output(*command):
        return subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE).stdout.strip()

    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", info)
    return {
        "commit": output("git", "describe", "--always", "--dirty"),
        "date": datetime.date.today().isoformat(),
        "cpu": f"{len(os.sched_getaffinity(0))} cores, {model[1] if model else platform.machine()}",
        "kernel": platform.release(),
        "load": "%.1f %.1f %.1f" % os.getloadavg(),
        "rounds": given.rounds,
        "messages": given.messages or 5_000_000,
        "programs": {one.name: one.version for one in built},
    }


def in_sentences(around):
    versions = "; ".join(f"{name}: {version}" for name, version in around["programs"].items())
    return (
        f"Commit {around['commit']}, {around['date']}; {around['cpu']}; Linux {around['kernel']}; "
        f"load {around['load']}; {around['rounds']} rounds.\n{versions}."
    )


def report_curves(given, figures):
    for name, what in CURVES.items():
        points = [
            (int(row.split("N:")[1]), figures.least(row, 1, "coir"))
            for row in figures.rows(1)
            if row.startswith(f"{name}/")
        ]
        if points:
            (given.out / f"{name}.svg").write_text(chart.curve(name, points, what))
            print(f"{name}: {what}")
            print("   " + ", ".join(f"{n:,}: {in_words(name, ns)}" for n, ns in points))


def report_tables(given, figures, around):
    sections = []
    for workers in figures.workers():
        sections.append(
            f"With {workers} worker{'s' if workers > 1 else ''}:\n\n{table(figures, workers)}\n"
        )
        title = f"{given.kind} with {workers}: nanoseconds, the minimum of {given.rounds} rounds"
        drawn = chart.dots(title, figures, workers, compared(figures, workers))
        if drawn:
            (given.out / f"{given.kind}_{workers}.svg").write_text(drawn)
    text = "\n".join(sections)
    print(f"\n{text}")
    for row, workers, peer, ratio in losses(figures):
        print(f"behind {peer}: {row} with {workers}: {ratio:.2f}")
    if given.publish:
        publish(given.kind, f"{in_sentences(around)}\n\n{text}")


def publish(kind, text):
    """Puts `text` between the marks of its kind in docs/performance.md."""
    path = ROOT / "docs/performance.md"
    begin, end = f"<!-- {kind} -->\n", f"<!-- end of {kind} -->\n"
    before, _, rest = path.read_text().partition(begin)
    _, _, after = rest.partition(end)
    if not after and end not in rest:
        sys.exit(f"{path}: no {begin.strip()} ... {end.strip()}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def main():
    given = parse_arguments()
    # A shell that starts us in the background has it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    built = build_all(given)
    figures = measure(given, built)
    around = surroundings(given, built)
    if not figures.rounds:
        sys.exit("no row was measured")
    save(given, built, figures)
    print(f"\n{in_sentences(around)}")
    if given.kind == "growth":
        report_curves(given, figures)
    else:
        report_tables(given, figures, around)


if __name__ == "__main__":
    main()
