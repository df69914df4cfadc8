# SPDX-License-Identifier: MIT
"""Programs run under valgrind as they are, and clean."""

import os
import unittest

import programs

VALGRIND = programs.tool("valgrind")


@unittest.skipIf(programs.IS_SANITIZED, "one tool at a time")
class Memcheck(unittest.TestCase):
    def check(self, name, *arguments):
        for workers in ("1", "2"):
            result = programs.run(
                [VALGRIND, "--error-exitcode=9", programs.example(name), *arguments],
                env={**os.environ, "COIR_WORKERS": workers},
            )
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("ERROR SUMMARY: 0 errors", result.stderr)
            self.assertNotIn("unhandled", result.stderr)

    def test_locks_and_exceptions(self):
        self.check("payroll")

    def test_timers_groups_and_spans(self):
        self.check("timeline")

    def test_channels(self):
        self.check("prometheus")


if __name__ == "__main__":
    unittest.main()
