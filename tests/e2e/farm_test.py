# SPDX-License-Identifier: MIT
"""farm against factor(1), with good and bad input; and the two small channel examples."""

import os
import pty
import random
import subprocess
import unittest

import programs

FACTOR = programs.tool("factor", "coreutils")
LARGEST = 2**64 - 1


def farm(lines, *arguments, workers=None):
    environment = dict(os.environ)
    if workers is not None:
        environment["COIR_WORKERS"] = str(workers)
    return programs.run([programs.example("farm"), *arguments], input=lines, env=environment)


def hard_numbers():
    """Returns numbers at the edges of what farm takes, and some that are hard to factor."""
    near = [2**k + d for k in (8, 16, 32, 63) for d in range(-60, 60)]
    primes = [251, 257, 263, 65521, 65537, 65539, 4294967279, 4294967291, 18446744073709551557]
    products = [p * q for p in primes for q in primes if p * q <= LARGEST]
    powers = [3**40, 5**27, 257**7, 65537**3, 2**63]
    chosen = random.Random(1)
    any_size = [chosen.getrandbits(chosen.randrange(1, 65)) for _ in range(2000)]
    numbers = [0, 1, LARGEST, LARGEST - 1, *near, *primes, *products, *powers, *any_size]
    return [n for n in numbers if n <= LARGEST]


class Farm(unittest.TestCase):
    def assert_equals_factor(self, numbers, *arguments, **options):
        lines = "".join(f"{n}\n" for n in numbers)
        expected = programs.run([FACTOR], input=lines).stdout
        result = farm(lines, *arguments, **options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(len(result.stdout.splitlines()), len(numbers))
        # Sorted lists rather than sets: a line that came twice, or got lost, would go unnoticed.
        self.assertTrue(sorted(result.stdout.splitlines()) == sorted(expected.splitlines()))

    def test_equals_factor_with_1_2_and_8_workers(self):
        for workers in (1, 2, 8):
            with self.subTest(workers=workers):
                self.assert_equals_factor(range(1, 100_001), workers=workers)

    def test_equals_factor_with_workers_from_the_command_line(self):
        self.assert_equals_factor(range(1000), "--workers", "3")

    def test_equals_factor_for_hard_numbers(self):
        self.assert_equals_factor(hard_numbers())

    def test_nothing_comes_of_nothing(self):
        self.assert_equals_factor([])

    def test_bad_lines_are_told_and_counted_and_nothing_else_is_lost(self):
        bad = {
            3: ("many", '"many" is not a number'),
            4: ("12 13", '"12 13" is not a number'),
            7: ("-1", '"-1" is not a number'),
            9: ("0x10", '"0x10" is not a number'),
            11: ("1.5", '"1.5" is not a number'),
            13: (str(LARGEST + 1), f'"{LARGEST + 1}" is larger than {LARGEST}'),
            14: ("9" * 100, f'"{"9" * 60}..." is larger than {LARGEST}'),
            15: ("9" * 30 + "x", f'"{"9" * 30}x" is not a number'),
            17: ("\x1b[2J", '"?[2J" is not a number'),
        }
        count = 1000
        lines = [bad[n][0] if n in bad else str(n) for n in range(1, count + 1)]
        result = farm("\n".join(lines), workers=2)  # and no line end after the last number
        self.assertEqual(result.returncode, 1)
        *told, closing = result.stderr.splitlines()
        self.assertEqual(told, [f"farm: line {n}: {what}" for n, (_, what) in bad.items()])
        self.assertEqual(closing, "farm: 7 malformed and 2 too large lines left out")
        numbers = sorted(int(line.partition(":")[0]) for line in result.stdout.splitlines())
        self.assertEqual(numbers, [n for n in range(1, count + 1) if n not in bad])

    def test_blanks_and_empty_lines_do_no_harm(self):
        result = farm("\n 6\t\r\n\r\n+7\n")
        self.assertEqual(result.stdout, "6: 2 3\n")
        self.assertIn('line 4: "+7" is not a number', result.stderr)

    def test_ends_when_nobody_reads_the_output(self):
        process = subprocess.Popen(
            [programs.example("farm")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        process.stdout.close()
        with self.assertRaises(BrokenPipeError), process:
            for number in range(10_000_000):  # far more than the pipes hold
                process.stdin.write(f"{number}\n")
        self.assertEqual(process.wait(programs.PATIENCE_S), 1)

    def test_results_come_while_the_input_still_waits(self):
        # One worker: the coroutine that waits for input must not hold the thread of the others.
        terminal, output = pty.openpty()  # makes the output come by lines
        process = subprocess.Popen(
            [programs.example("farm"), "--workers", "1"], stdin=subprocess.PIPE, stdout=output
        )
        os.close(output)
        with process, open(terminal, "rb", buffering=0) as results:
            process.stdin.write(b"91\n")
            process.stdin.flush()
            self.assertEqual(results.read(100), b"91: 7 13\r\n")
            process.stdin.close()
            self.assertEqual(process.wait(programs.PATIENCE_S), 0)

    def test_mistakes_on_the_command_line_have_status_2(self):
        for arguments in (["--workers"], ["--workers", "many"], ["--workers", "9999"], ["x"]):
            self.assertEqual(farm("", *arguments).returncode, 2, arguments)


class SmallExamples(unittest.TestCase):
    def test_prime_sieve_prints_the_first_primes(self):
        for workers in ("1", "2"):
            environment = {**os.environ, "COIR_WORKERS": workers}
            result = programs.run([programs.example("prime_sieve"), "300"], env=environment)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            primes = [n for n in range(2, 1988) if all(n % d for d in range(2, int(n**0.5) + 1))]
            self.assertEqual([int(line) for line in result.stdout.split()], primes)

    def test_ping_pong_prints_its_rate(self):
        for workers in ("1", "2"):
            environment = {**os.environ, "COIR_WORKERS": workers}
            result = programs.run([programs.example("ping_pong"), "1000"], env=environment)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertRegex(result.stdout, r"^1000 round trips in [\d.]+ s: \d+ a second, \d+ ns")


if __name__ == "__main__":
    programs.main()
