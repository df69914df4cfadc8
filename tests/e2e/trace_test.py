# SPDX-License-Identifier: MIT
"""COIR_TRACE: what it writes is the Trace Event Format, and tells what happened."""

import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import programs

DRAW = pathlib.Path(__file__).resolve().parents[2] / "tools/draw-timeline"


def record(name, workers, folder, *arguments, **options):
    """Runs an example and returns its events."""
    path = pathlib.Path(folder) / f"{name}.json"
    environment = {**os.environ, "COIR_TRACE": str(path), "COIR_WORKERS": str(workers)}
    result = programs.run([programs.example(name), *arguments], env=environment, **options)
    assert result.returncode == 0, result.stderr
    return json.loads(path.read_text())


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

    def test_it_can_be_drawn(self):
        with tempfile.TemporaryDirectory() as folder:
            trace, picture = pathlib.Path(folder) / "trace.json", pathlib.Path(folder) / "out.svg"
            trace.write_text(json.dumps(self.recorded[1]))
            subprocess.run([sys.executable, DRAW, trace, picture], check=True)
            drawn = xml.etree.ElementTree.parse(picture)
        titles = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}title")]
        for span in ("answer", "work"):
            self.assertEqual(sum(one.startswith(span) for one in titles), 12)


if __name__ == "__main__":
    unittest.main()
