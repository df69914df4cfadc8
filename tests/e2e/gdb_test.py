# SPDX-License-Identifier: MIT
"""The gdb script: all coroutines and their stacks, in a live process and in a core file."""

import os
import pathlib
import re
import resource
import signal
import subprocess
import tempfile
import unittest

import programs

GDB = programs.tool("gdb")
CORE_PATTERN = pathlib.Path("/proc/sys/kernel/core_pattern")


def allow_core_files():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def gdb(*arguments, commands):
    words = [GDB, "-nx", "-batch", "-iex", "set auto-load safe-path /"]
    words += ["-iex", "set debuginfod enabled off"]
    for command in commands:
        words += ["-ex", command]
    result = programs.run([*words, *arguments])
    return result.stdout + result.stderr


@unittest.skipIf(programs.IS_SANITIZED, "the tools' own threads and stacks are in the way")
class GdbScript(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        # The server waits in accept for as long as we like.
        cls.server = subprocess.Popen(
            [os.path.abspath(programs.example("http_server")), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "COIR_WORKERS": "2"},
            cwd=cls.folder.name,
            preexec_fn=allow_core_files,
        )
        cls.server.stdout.readline()
        cls.commands = ["info coroutines", "coroutine apply all bt", "coroutine 1 bt"]
        cls.live = gdb("-p", str(cls.server.pid), commands=cls.commands)
        cls.server.send_signal(signal.SIGABRT)
        cls.server.communicate()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def check(self, text):
        listed = re.findall(r'^ +(\d+)  (waits: \w+|runnable|running on thread \d+)', text, re.M)
        self.assertIn(("1", listed[0][1]), listed, text)
        self.assertRegex(text, r'1  waits: \w+ +"main"')
        blocks = re.findall(r"^Coroutine (\d+) .*?:\n((?:#.*\n| .*\n)+)", text, re.M)
        self.assertEqual([number for number, _ in blocks], [number for number, _ in listed], text)
        for _, stack in blocks:
            self.assertIn("coir::detail::park", stack)
            self.assertIn("coir_context_entry", stack.splitlines()[-1])
        self.assertIn("http_server.cpp", text)

    def test_a_live_process(self):
        self.check(self.live)

    def test_a_core_file(self):
        # By the kernel: gdb's own generate-core-file stops at the first guard of a stack.
        cores = list(pathlib.Path(self.folder.name).iterdir())
        if not cores:
            self.skipTest("the kernel puts core files elsewhere: " + CORE_PATTERN.read_text())
        program = programs.example("http_server")
        self.check(gdb(program, str(cores[0]), commands=self.commands))
        text = gdb(program, str(cores[0]), commands=["coroutine 99999 bt"])
        self.assertIn("there is no coroutine 99999", text)


@unittest.skipIf(programs.IS_SANITIZED, "the tools' own threads and stacks are in the way")
class Printers(unittest.TestCase):
    def test_channels_tasks_and_mutexes(self):
        members = ["full", "empty", "nil", "held", "free_one", "receives", "sends", "ended"]
        shown = gdb(
            os.environ["COIR_GDB_SUBJECT"],
            commands=["break stop_here", "run", *(f"print all.{one}" for one in members)],
        )
        values = dict(zip(members, re.findall(r"^\$\d+ = (.*)$", shown, re.M)))
        self.assertEqual(set(values), set(members), shown)
        self.assertRegex(values["full"], r"^capacity 2 channel 0x[0-9a-f]+, holds 2, "
                                         r"coroutine 3 waiting to send = \{11, 22\}$")
        self.assertRegex(values["empty"], r"^rendezvous channel 0x[0-9a-f]+, "
                                          r"coroutine 2 waiting to receive$")
        self.assertEqual(values["nil"], "nil channel")
        self.assertEqual(values["held"], "locked by coroutine 1, coroutine 4 waiting")
        self.assertEqual(values["free_one"], "unlocked")
        self.assertEqual(values["receives"], "task of coroutine 2")
        self.assertEqual(values["ended"], "task of coroutine 5, which has ended")


if __name__ == "__main__":
    unittest.main()
