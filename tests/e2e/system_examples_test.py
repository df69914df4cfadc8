# SPDX-License-Identifier: MIT
"""du beside the system's du, and worker_processes with workers that crash, hang and are stopped."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

import programs

DU = programs.tool("du", "coreutils")
SQUARES = [sys.executable, "-uc",
           "import sys\nfor line in sys.stdin: print(int(line) ** 2, flush=True)"]
# Dies of every line the first time, each in a way of its own.
CRASHING = [sys.executable, "-uc", """
import os, pathlib, signal, sys
for line in sys.stdin:
    marker = pathlib.Path(os.environ["MARKERS"], line.strip())
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL) if int(line) % 2 else sys.exit(3)
    print(int(line) ** 2, flush=True)
"""]



class Du(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for i in range(40):
            folder = self.root / f"d{i % 7}" / f"e{i % 3}" / f"f{i}"
            folder.mkdir(parents=True)
            (folder / "file").write_bytes(b"x" * (i * 997))
        (self.root / "sparse").touch()
        os.truncate(self.root / "sparse", 10_000_000)
        (self.root / "link").symlink_to("sparse")
        os.link(self.root / "sparse", self.root / "again")
        (self.root / "ä b").mkdir()

    def test_equals_du(self):
        for arguments in ([], ["-s"]):
            for root in (str(self.root), "/usr/include"):
                theirs = programs.run([DU, "-b", *arguments, root])
                ours = programs.run([programs.example("du"), *arguments, root])
                self.assertEqual((ours.returncode, ours.stderr), (0, ""))
                self.assertEqual(sorted(ours.stdout.splitlines()),
                                 sorted(theirs.stdout.splitlines()))
                apparent = programs.run([DU, "--apparent-size", "-s", root]).stdout.split()[0]
                total = int(ours.stdout.splitlines()[-1].split()[0])
                self.assertEqual(-(-total // 1024), int(apparent))

    def test_on_epoll_with_one_worker_and_one_reader(self):
        environment = {**os.environ, "COIR_IO": "epoll", "COIR_WORKERS": "1"}
        ours = programs.run([programs.example("du"), "--limit", "1", "-s", str(self.root)],
                            env=environment)
        self.assertEqual(ours.stdout, programs.run([DU, "-bs", str(self.root)]).stdout)

    def test_what_is_missing_is_told(self):
        result = programs.run([programs.example("du"), str(self.root / "none"), str(self.root)])
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot access", result.stderr)
        self.assertIn(str(self.root), result.stdout)


class WorkerProcesses(unittest.TestCase):
    def feed(self, command, *options, lines=100, **kwargs):
        return programs.run([programs.example("worker_processes"), *options, "--", *command],
                            input="".join(f"{i}\n" for i in range(lines)), **kwargs)

    squares = "".join(f"{i * i}\n" for i in range(100))

    def test_answers_come_in_the_order_of_the_input(self):
        for workers in ("1", "4"):
            for backend in ("uring", "epoll"):
                result = self.feed(SQUARES, "--workers", workers,
                                   env={**os.environ, "COIR_IO": backend})
                self.assertEqual((result.returncode, result.stdout, result.stderr),
                                 (0, self.squares, ""))

    def test_a_worker_that_dies_is_replaced(self):
        with tempfile.TemporaryDirectory() as markers:
            result = self.feed(CRASHING, "--workers", "3", lines=10,
                               env={**os.environ, "MARKERS": markers})
        self.assertEqual((result.returncode, result.stdout),
                         (0, "".join(f"{i * i}\n" for i in range(10))))
        self.assertEqual(result.stderr.count("killed by signal 9"), 5)
        self.assertEqual(result.stderr.count("exited with 3"), 5)

    def test_a_worker_that_hangs_or_is_none_is_given_up(self):
        result = self.feed(["sleep", "1000"], "--limit", "0.05", "--tries", "2", lines=1)
        self.assertEqual((result.returncode, result.stdout), (1, "?\n"))
        result = self.feed(["/no/such/command"], lines=2)
        self.assertEqual((result.returncode, result.stdout), (1, "?\n?\n"))
        self.assertIn("spawn /no/such/command", result.stderr)

    def test_sigterm_ends_it_and_its_workers(self):
        with subprocess.Popen([programs.example("worker_processes"), "--", *SQUARES],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            process.stdin.write("3\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), "9\n")
            workers = [int(pid) for pid in subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True,
                text=True).stdout.split()]
            self.assertEqual(len(workers), 1)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(programs.PATIENCE_S), 128 + signal.SIGTERM)
        for pid in workers:
            self.assertFalse(os.path.exists(f"/proc/{pid}"))


if __name__ == "__main__":
    unittest.main()
