# SPDX-License-Identifier: MIT
"""The small examples from the lectures: what they print, with one worker and with more."""

import os
import re
import unittest

import programs


def run(name, *arguments, workers=None):
    environment = dict(os.environ)
    if workers is not None:
        environment["COIR_WORKERS"] = str(workers)
    return programs.run([programs.example(name), *arguments], env=environment)


PAYROLL = """\
behind a mutex:
  first clerk: the account of Grace is frozen
  second clerk: paid
  at the end: company 9600, employees 600, together 10200 (+200)
in a synchronized:
  first clerk: the account of Grace is frozen
  second clerk: coir: poisoned: an exception left a guard of this data
  the auditor finds: company 10000, employees 200, together 10200 (+200)
  third clerk: paid
  at the end: company 9600, employees 400, together 10000 (+0)
"""


def collatz_steps(n):
    steps = 0
    while n != 1:
        n, steps = n // 2 if n % 2 == 0 else 3 * n + 1, steps + 1
    return steps


class LectureExamples(unittest.TestCase):
    def assert_fails_with_2(self, name, *arguments):
        result = run(name, *arguments)
        self.assertEqual(result.returncode, 2, (name, arguments))
        self.assertIn("usage: " + name, result.stderr)

    def test_payroll_shows_what_poisoning_saves(self):
        for workers in (1, 2):
            result = run("payroll", workers=workers)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertEqual(result.stdout, PAYROLL)

    def test_collatz_prints_each_number_once_with_its_steps(self):
        for workers in (1, 2, 4):
            result = run("collatz", workers=workers)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            *lines, longest = result.stdout.splitlines()
            found = [re.fullmatch(r"(\d+): (\d+) steps \(worker (\d+)\)", line) for line in lines]
            self.assertTrue(all(found), lines)
            steps = sorted((int(one[1]), int(one[2])) for one in found)
            self.assertEqual(steps, [(n, collatz_steps(n)) for n in range(1, 100)])
            self.assertTrue(all(1 <= int(one[3]) <= 10 for one in found))
            self.assertEqual(longest, "longest: 97 with 118 steps")

    def test_collatz_takes_numbers_and_workers(self):
        result = run("collatz", "30", "1")
        self.assertEqual(len(result.stdout.splitlines()), 31)
        self.assertIn("27: 111 steps (worker 1)", result.stdout)
        self.assert_fails_with_2("collatz", "0")
        self.assert_fails_with_2("collatz", "many")
        self.assert_fails_with_2("collatz", "1", "2", "3")

    def test_logger_loses_nothing_and_only_the_mutex_makes_workers_wait_for_the_disk(self):
        line = r"(.+?) +lost per event +([\d.]+) us, longest queue (\d+), log (\w+)"
        for workers in (1, 2):
            result = run("logger", "4", "100", workers=workers)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            rows = [re.fullmatch(line, text) for text in result.stdout.splitlines()]
            self.assertTrue(all(rows), result.stdout)
            names = [row[1] for row in rows]
            self.assertEqual(names, ["a mutex", "unbounded channels", "bounded channels"])
            self.assertEqual([row[4] for row in rows], ["complete"] * 3)
            lost = {row[1]: float(row[2]) for row in rows}
            queue = {row[1]: int(row[3]) for row in rows}
            self.assertGreater(lost["a mutex"], 50)  # at least the write itself
            self.assertLess(lost["unbounded channels"], lost["a mutex"] / 2)
            self.assertGreater(queue["unbounded channels"], 10)  # overwhelmed
            self.assertLessEqual(queue["bounded channels"], 5)  # held back
        self.assert_fails_with_2("logger", "0")
        self.assert_fails_with_2("logger", "1", "2", "3")

    def test_philosophers_all_eat(self):
        for workers in (1, 2, 4):
            result = run("philosophers", workers=workers)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            *eaten, most = result.stdout.splitlines()
            self.assertEqual(len(eaten), 5)
            for line in eaten:
                self.assertRegex(line, r"^\w+ has eaten 100 times$")
            self.assertRegex(most, r"^at most [12] ate at once$")
        self.assert_fails_with_2("philosophers", "--hungry")

    def test_greedy_philosophers_end_in_a_reported_deadlock(self):
        for workers in (1, 2):
            result = run("philosophers", "--greedy", workers=workers)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("coir: deadlock", result.stderr)
            for name in ("Anaximander", "Diotima", "Hypatia", "Plato", "Zeno"):
                self.assertRegex(result.stderr, rf'"{name}".* waits on mutex 0x')

    def test_pipeline_holds_its_source_back_and_ends_by_itself(self):
        for workers in (1, 2, 4):
            for capacity in (0, 8):
                result = run("pipeline", "300", str(capacity), workers=workers)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                found = re.fullmatch(r"all 300: sum (\d+), the source was at most (\d+) ahead\n"
                                     r"three: sum (\d+), the source stopped after (\d+)\n",
                                     result.stdout)
                self.assertTrue(found, result.stdout)
                self.assertEqual(int(found[1]), sum(n * n for n in range(1, 301)))
                # In the buffer, in the hands of two workers, in the sink's before it counts.
                self.assertLessEqual(int(found[2]), capacity + 3)
                self.assertGreaterEqual(int(found[2]), 1)
                self.assertGreaterEqual(int(found[3]), 1 + 4 + 9)
                self.assertLessEqual(int(found[4]), 3 + capacity + 3)
        result = run("pipeline", "0")
        self.assertIn("all 0: sum 0, the source was at most 0 ahead", result.stdout)
        self.assert_fails_with_2("pipeline", "-1")

    def test_rate_limiter_lets_the_burst_through_at_once_and_then_keeps_to_the_rate(self):
        for workers in (1, 2):
            result = run("rate_limiter", "30", "200", "10", workers=workers)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            *lines, last = result.stdout.splitlines()
            found = [re.fullmatch(r"request (\d+) at ([\d.]+) s", line) for line in lines]
            self.assertTrue(all(found), lines)
            self.assertEqual([int(one[1]) for one in found], list(range(1, 31)))
            times = [float(one[2]) for one in found]
            for served, at in enumerate(times, 1):
                self.assertLessEqual(served, 10 + at * 200 + 0.001)
            self.assertRegex(last, "^(no token: the impatient|another one at once)")
        self.assert_fails_with_2("rate_limiter", "1", "0")

    def test_ticker_reports_and_ends_when_nothing_comes(self):
        for workers in (1, 2):
            result = run("ticker", "20", "10", workers=workers)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            *reports, idle, slow, stopped = result.stdout.splitlines()
            done = [int(re.fullmatch(r"(\d+) of 20 done", line)[1]) for line in reports]
            self.assertGreater(len(done), 5)
            self.assertEqual((done, done[-1]), (sorted(done), 20))
            self.assertEqual(idle, "nothing more after 20 items")
            more = int(re.fullmatch(r"after 20 periods of sleep, one tick and (\d+) more", slow)[1])
            self.assertLess(more, 5)  # none, unless the machine was busy
            self.assertEqual(stopped, "stopped (it was running): no tick is left")
        self.assert_fails_with_2("ticker", "0")


if __name__ == "__main__":
    programs.main()
