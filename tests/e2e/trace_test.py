# SPDX-License-Identifier: MIT
"""COIR_TRACE: what it writes is the Trace Event Format, and tells what happened."""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import programs

DRAW = pathlib.Path(__file__).resolve().parents[2] / "tools/draw-timeline"


def record_program(program, workers, folder, *arguments, **options):
    """Runs a program; returns its events and what it said."""
    path = pathlib.Path(folder) / "trace.json"
    environment = {**os.environ, "COIR_TRACE": str(path), "COIR_WORKERS": str(workers)}
    result = programs.run([program, *arguments], env=environment, **options)
    assert result.returncode == 0, result.stderr
    return json.loads(path.read_text()), result.stdout


def record(name, *arguments, **options):
    """Runs an example and returns its events."""
    return record_program(programs.example(name), *arguments, **options)[0]


def record_switching(workers, folder, runtimes):
    """Runs what does nothing but switch; returns its events, and the figures that it prints."""
    subject = os.environ["COIR_TRACE_PAUSES_SUBJECT"]
    events, said = record_program(subject, workers, folder, str(runtimes))
    return events, [int(figure) for figure in said.split()]


def tracks(events):
    """The complete events of each track, in the order of their beginnings."""
    found = collections.defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            found[event["pid"], event["tid"]].append(event)
    for track in found.values():
        track.sort(key=lambda event: (event["ts"], -event["dur"]))
    return found


def group_names(events):
    return {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}


class Trace(unittest.TestCase):
    # By the document "Trace Event Format" (Google, 2016).
    REQUIRED = {
        "X": {"name", "cat", "pid", "tid", "ts", "dur"},
        "i": {"name", "pid", "tid", "ts", "s"},
        "s": {"name", "cat", "pid", "tid", "ts", "id"},
        "f": {"name", "cat", "pid", "tid", "ts", "id", "bp"},
        "M": {"name", "pid", "tid", "args"},
    }

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            cls.recorded = [
                record("timeline", 1, folder),
                record("timeline", 4, folder),
                record("prime_sieve", 2, folder),
                record("worker_processes", 2, folder, "--", "cat", input="line\n" * 50),
            ]
            cls.switching = [
                record_switching(1, folder, 1),
                record_switching(2, folder, 1),
                record_switching(1, folder, 2),
            ]
            cls.recorded += [events for events, _ in cls.switching]

    def test_every_event_has_what_its_phase_wants(self):
        for events in self.recorded:
            self.assertGreater(len(events), 50)
            for event in events:
                self.assertLessEqual(self.REQUIRED[event["ph"]], set(event), event)
                self.assertGreaterEqual(event.get("ts", 0), 0)
                self.assertGreaterEqual(event.get("dur", 0), 0)

    def test_a_worker_runs_one_coroutine_at_a_time(self):
        for events in self.recorded:
            groups = group_names(events)
            for (pid, _), track in tracks(events).items():
                if groups[pid] != "workers":
                    continue
                runs = [event for event in track if event["cat"] == "run"]
                for before, after in zip(runs, runs[1:]):
                    self.assertLessEqual(before["ts"] + before["dur"], after["ts"] + 0.002)

    def test_slices_nest(self):
        for events in self.recorded:
            for track in tracks(events).values():
                open_ends = []
                for event in track:
                    begin, end = event["ts"], event["ts"] + event["dur"]
                    while open_ends and open_ends[-1] <= begin + 0.002:
                        open_ends.pop()
                    if open_ends:
                        self.assertLessEqual(end, open_ends[-1] + 0.3, event)
                    open_ends.append(end)

    def test_every_arrow_goes_forward_from_a_waker_to_the_woken(self):
        for events in self.recorded:
            begins = {e["id"]: e for e in events if e["ph"] == "s"}
            ends = [e for e in events if e["ph"] == "f"]
            self.assertGreater(len(ends), 8)
            for end in ends:
                self.assertLessEqual(begins[end["id"]]["ts"], end["ts"])

    def test_waits_and_user_spans_are_there(self):
        for events in self.recorded[:2]:
            names = collections.Counter(e["name"] for e in events if e["ph"] == "X")
            for span in ("sequential", "concurrent", "parallel"):
                self.assertEqual(names[span], 1)
            self.assertEqual((names["answer"], names["work"]), (12, 12))
            self.assertGreaterEqual(names["sleep"], 12)
            for number in range(1, 5):
                self.assertTrue(any(n.startswith(f"order {number} (") for n in names), names)
        waits = {e["name"] for e in self.recorded[2] if e.get("cat") == "wait"}
        self.assertIn("channel receive", waits)
        self.assertIn("channel send", waits)
        self.assertIn("I/O", {e["name"] for e in self.recorded[3] if e.get("cat") == "wait"})

    def test_timers_and_steals_are_there(self):
        for events in self.recorded[:2]:
            expired = [e["args"]["count"] for e in events if e["name"] == "timers"]
            self.assertGreaterEqual(sum(expired), 12)  # the sleeps
        shared = self.recorded[1] + self.recorded[2]
        self.assertTrue([e for e in shared if e["name"] == "steal"])

    def test_who_only_switches_is_recorded_with_pauses(self):
        for events, (pauses, _, _) in self.switching:
            if not programs.IS_SANITIZED:
                self.assertGreaterEqual(pauses, 5)
            groups = group_names(events)
            for (pid, _), track in tracks(events).items():
                gaps = [event["name"] for event in track if event["cat"] == "gap"]
                if groups[pid] == "workers" and len(groups) == 2 and gaps:
                    self.assertEqual(gaps, ["not recorded"] * pauses)

    def test_nothing_else_is_drawn_in_a_pause(self):
        for events, _ in self.switching:
            groups = group_names(events)
            for (pid, _), track in tracks(events).items():
                if groups[pid] != "workers":
                    continue
                for before, after in zip(track, track[1:]):
                    if "gap" in (before["cat"], after["cat"]):
                        end = before["ts"] + before["dur"]
                        self.assertLessEqual(end, after["ts"] + 0.002, (before, after))

    def test_the_users_spans_are_there_in_pauses_too(self):
        for events, (_, laps, inside) in self.switching:
            if not programs.IS_SANITIZED:
                self.assertGreaterEqual(inside, 5)
            self.assertEqual(sum(e["name"] == "lap" for e in events), laps)

    def test_a_wait_goes_on_across_pauses(self):
        for events, _ in self.switching[:2]:
            waits = [e for e in events if e.get("cat") == "wait" and e["name"] == "join"]
            longest = max(waits, key=lambda event: event["dur"])
            for gap in (e for e in events if e.get("cat") == "gap"):
                self.assertLess(longest["ts"], gap["ts"])
                self.assertGreater(longest["ts"] + longest["dur"], gap["ts"] + gap["dur"])

    def test_no_slice_of_time_holds_more_records_than_allowed(self):
        source = (DRAW.parents[1] / "lib/sched/trace_pause.hpp").read_text().replace("'", "")
        slice_us = int(re.search(r"slice_ns = (\d+);", source)[1]) / 1000
        most = 2 * int(re.search(r"records = (\d+);", source)[1])
        fullest = 0
        for events in self.recorded:
            groups = group_names(events)
            times = collections.defaultdict(list)  # each of a record of its own
            for event in events:
                if groups[event["pid"]] == "workers" and event.get("cat") in ("run", "wake"):
                    if event["ph"] == "X" and event["cat"] == "run":
                        times[event["pid"], event["tid"]].append(event["ts"] + event["dur"])
                    elif event["ph"] == "s":
                        times[event["pid"], event["tid"]].append(event["ts"])
            for track in times.values():
                track.sort()
                oldest = 0
                for newest, time in enumerate(track):
                    while track[oldest] <= time - slice_us:
                        oldest += 1
                    fullest = max(fullest, newest - oldest + 1)
        self.assertLessEqual(fullest, most)
        if not programs.IS_SANITIZED:
            self.assertGreater(fullest, most / 4)  # the budget is used

    def test_it_can_be_drawn(self):
        with tempfile.TemporaryDirectory() as folder:
            trace, picture = pathlib.Path(folder) / "trace.json", pathlib.Path(folder) / "out.svg"
            trace.write_text(json.dumps(self.recorded[1]))
            subprocess.run([sys.executable, DRAW, trace, picture], check=True)
            drawn = xml.etree.ElementTree.parse(picture)
        titles = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}title")]
        for span in ("answer", "work"):
            self.assertEqual(sum(one.startswith(span) for one in titles), 12)
        self.assertGreaterEqual(sum(one.startswith("woken at") for one in titles), 12)  # the sleeps


if __name__ == "__main__":
    unittest.main()
