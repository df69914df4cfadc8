#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the fuzz targets of a build one after the other, from the seeds beside this file.

    run.py BUILD [SECONDS [NAME...]]    a minute in all, unless told otherwise

What a run finds to be worth keeping stays in BUILD/fuzz/NAME, where the next one goes on. An input
that fails is left there as crash-*, slow-*, ...; give it to the program to see it fail again, mend
it, and keep it as an ordinary test.
"""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def run(program, name, folder, seconds):
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    command = [
        str(program.resolve()),
        f"-max_total_time={seconds}",
        "-max_len=300",
        "-timeout=10",
        "-print_final_stats=1",
        f"-artifact_prefix={folder}/",
        str(corpus),
        str(HERE / "seeds" / name),
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    runs = [line.split()[1] for line in done.stderr.splitlines() if line.startswith("stat::number")]
    print(f"{name}: {runs[0] if runs else 'no'} runs, {'ok' if done.returncode == 0 else 'FAILED'}")
    if done.returncode != 0:
        print(done.stderr[-8000:])
    return done.returncode == 0 and bool(runs)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    names = sys.argv[3:] or [path.name for path in sorted((HERE / "seeds").iterdir())]
    share = max(1, seconds // len(names))
    programs = build / "tests" / "fuzz"
    results = [run(programs / f"{n}_fuzz", n, build / "fuzz" / n, share) for n in names]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
