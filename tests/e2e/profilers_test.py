# SPDX-License-Identifier: MIT
"""perf and heaptrack walk a stack of a coroutine as that of a thread, to its entry, no further."""

import os
import re
import tempfile
import unittest

import programs

PERF = programs.tool("perf", "linux-perf")
HEAPTRACK = programs.tool("heaptrack")
HEAPTRACK_PRINT = programs.tool("heaptrack_print", "heaptrack")
ENTRY = "coir_context_entry"
# Which of them are inlined is up to the compiler.
OURS = re.compile(r"\b(work|handle_order|measure|one_after_the_other|all_at_once)\b")


@unittest.skipIf(programs.IS_SANITIZED, "one tool at a time")
class Profilers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def succeed(self, *command):
        result = programs.run([str(word) for word in command])
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_perf_record_with_call_graphs(self):
        recorded = programs.run(
            [PERF, "record", "-q", "-e", "cpu-clock:u", "-F", "2000", "--call-graph", "dwarf"]
            + ["-o", self.path("data"), programs.example("timeline")]
        )
        if re.search("perf_event_paranoid|not permitted|Permission denied", recorded.stderr):
            self.skipTest("the kernel lets us not look: " + recorded.stderr.splitlines()[0])
        self.assertEqual(recorded.returncode, 0, recorded.stderr)
        shown = self.succeed(PERF, "script", "-i", self.path("data"), "-F", "ip,sym")
        stacks = [sample.splitlines() for sample in shown.split("\n\n")]
        ours = [stack for stack in stacks if OURS.search("\n".join(stack))]
        self.assertGreater(len(ours), 30, shown)  # it works for 60 ms
        ended = [stack for stack in ours if ENTRY in stack[-1]]
        self.assertGreater(len(ended), 0.95 * len(ours), shown)
        beyond = [stack for stack in stacks if any(ENTRY in frame for frame in stack[:-1])]
        self.assertEqual(beyond, [])

    def test_heaptrack(self):
        self.succeed(HEAPTRACK, "-o", self.path("heap"), programs.example("timeline"))
        recorded = [name for name in os.listdir(self.folder.name) if name.startswith("heap")]
        self.assertEqual(len(recorded), 1, recorded)
        flames = self.path("flames")
        self.succeed(HEAPTRACK_PRINT, "-f", self.path(recorded[0]), "-F", flames)
        with open(flames, encoding="utf-8") as file:
            stacks = [line.split(";") for line in file]
        ours = [stack for stack in stacks if any("timeline.cpp" in frame for frame in stack)]
        in_coroutines = [stack for stack in ours if ENTRY in stack[0]]
        self.assertTrue(in_coroutines, ours)
        self.assertFalse([stack for stack in stacks if ENTRY in " ".join(stack[1:])])


if __name__ == "__main__":
    unittest.main()
