#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns the proof that explore finds bugs in coir itself: each of these is planted, one at a time,
and a right program of the own_*_test then fails.

    mutations.py ROOT BUILD [NAME...]
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

SKIPPED = 77
TESTS = [f"testing_own_{part}_test" for part in ("channels", "locks", "structure")]
LIBRARIES = ["-lboost_context", "-luring", "-pthread"]
WAKES_ONE = "if (wait_node* const one = claim_first(state_)) woken.add(*one);"

# name: (file of lib/, what stands there, what is planted instead)
MUTATIONS = {
    "close leaves receivers asleep": (
        "chan/channel_end.cpp",
        "if (buffer_.size() == 0) refuse_all(receivers_, woken);",
        "",
    ),
    "the last element of a closed channel leaves receivers asleep": (
        "chan/channel_core.cpp",
        "refuse_all(receivers_, woken);\n    }\n    return false;",
        "}\n    return false;",
    ),
    "a change serves only one of those it could serve": (
        "chan/channel_core.cpp",
        "while (pump_one(woken)) {}\n    unlock_or_free();",
        "pump_one(woken);\n    unlock_or_free();",
    ),
    "a select that was refused says that it sent": (
        "chan/select_core.cpp",
        "entries_[result]->succeeded = nodes[result].succeeded;",
        "entries_[result]->succeeded = true;",
    ),
    "a select whose time is up takes its first case": (
        "chan/select_core.cpp",
        "if (result == wait_timed_out) return deadline_;",
        "if (result == wait_timed_out) return 0;",
    ),
    "a select does not wake whom it has served": (
        "chan/select_core.cpp",
        "if (served != nullptr) wake(*served->party);",
        "",
    ),
    "a mutex that is handed over looks free": (
        "sync/mutex.cpp",
        "next |= first->succeeded ? mutex_locked : mutex_woken;",
        "next |= mutex_woken;",
    ),
    "an unlock wakes nobody": (
        "sync/mutex.cpp",
        "state.word.store(next, std::memory_order_release);\n"
        "    if (first != nullptr) wake(*first->party);",
        "state.word.store(next, std::memory_order_release);",
    ),
    "a woken locker stays on its way for ever": (
        "sync/mutex.cpp",
        "mine_ = mutex_woken;",
        "mine_ = 0;",
    ),
    "notify_all wakes one": ("sync/condition_variable.cpp", "if (!all) break;", "break;"),
    "a release to a waiter leaves its permit behind": (
        "sync/semaphore.cpp",
        "woken.add(*first);\n        --count;",
        "woken.add(*first);\n        break;",
    ),
    "the last count wakes one": ("sync/countdown.cpp", "claim_all(state_, woken);", WAKES_ONE),
    "the last arrival wakes one": ("sync/barrier.cpp", "claim_all(state_, woken);", WAKES_ONE),
    "a writer comes in while a reader is left": (
        "sync/shared_mutex.cpp",
        "word < 2 * shared_reader;",
        "word < 3 * shared_reader;",
    ),
    "a failed call_once appoints nobody": (
        "sync/once.cpp",
        "heir->succeeded = true;",
        "",
    ),
    "a group takes one member too many": (
        "task/group.cpp",
        "alive_ >= limit_",
        "alive_ > limit_",
    ),
    "a failed member cancels nobody": (
        "task/group.cpp",
        "failure_ = std::move(failure);\n    }\n    stop();",
        "failure_ = std::move(failure);\n    }",
    ),
    "a place in a group that gets free is nobody's": (
        "task/group.cpp",
        "if (wait_node* const adder = adders_.claim_first()) {",
        "if (wait_node* const adder = nullptr) {",
    ),
    "a stopped timer leaves its tick": (
        "time/timer_core.cpp",
        "channel_receive(*timer.ticks, stale.address(), never_wait_ns)",
        "stale.address()",
    ),
    "a cancellation enters shields": (
        "wait/cancellation.cpp",
        "if (&scope != &top && scope.shielded) return false;",
        "",
    ),
    "a wait does not look whether it was cancelled before": (
        "wait/park.cpp",
        "if (wait.self.scope->cancelled.load(std::memory_order_relaxed)) [[unlikely]]",
        "if (wait.self.scope == nullptr)",
    ),
}


def compile_command(build, source):
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = pathlib.Path(os.path.normpath(pathlib.Path(entry["directory"]) / entry["file"]))
        if path == source:
            return shlex.split(entry["command"]), entry["directory"]
    raise RuntimeError(f"{source} is not built in {build}")


def compile_mutant(root, build, folder, file, old, new):
    text = (root / "lib" / file).read_text(encoding="utf-8")
    if old not in text:
        raise RuntimeError(f"lib/{file} has changed: plant the bug anew where it was\n{old}")
    mutant = folder / pathlib.Path(file).name
    mutant.write_text(text.replace(old, new), encoding="utf-8")
    command, directory = compile_command(build, root / "lib" / file)
    compiled = folder / "mutant.o"
    # Without the arguments of dependency files, the output and the input; unused things are fine.
    kept, skip = [], False
    for word in command:
        if skip or word in ("-MD", "-c"):
            skip = False
        elif word in ("-MQ", "-MF", "-o"):
            skip = True
        elif not word.endswith(".cpp"):
            kept.append(word)
    subprocess.run([*kept, "-w", "-c", str(mutant), "-o", str(compiled)], cwd=directory, check=True)
    return kept[: kept.index(next(w for w in kept if w.startswith("-")))], compiled


def link(build, compiler, compiled, program):
    objects = [build / "tests" / f"{test}.p" / f"{test}.cpp.o" for test in TESTS]
    archives = [build / "tests/libtest_main.a", build / "lib/libcoir.a"]
    command = [*compiler, "-o", program, *objects, compiled, *archives, *LIBRARIES]
    subprocess.run([str(word) for word in command], check=True)


def is_found(program):
    """A failure that is reported, or a crash; one that hangs would not have been found."""
    environment = {**os.environ, "COIR_STRESS_SCALE": "1"}
    result = subprocess.run(
        [program], env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    said = re.search(r"coir::testing: (.*)", result.stdout)
    return result.returncode != 0, said[1] if said else f"status {result.returncode}"


def check(root, build, name):
    with tempfile.TemporaryDirectory(prefix="coir-mutant-") as scratch:
        folder = pathlib.Path(scratch)
        compiler, compiled = compile_mutant(root, build, folder, *MUTATIONS[name])
        link(build, compiler, compiled, folder / "mutant")
        return is_found(str(folder / "mutant"))


def main(arguments):
    if len(arguments) < 2:
        print(__doc__)
        return 2
    root, build = (pathlib.Path(argument).resolve() for argument in arguments[:2])
    if not (build / "lib/libcoir.a").is_file():
        print("the library is a shared one here: nothing is planted")
        return SKIPPED
    missed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        names = arguments[2:] or list(MUTATIONS)
        for name, (found, how) in zip(names, pool.map(lambda n: check(root, build, n), names)):
            print(f"{'found ' if found else 'MISSED'} {name}: {how}", flush=True)
            missed += not found
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
