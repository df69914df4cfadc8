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


def look(program, *arguments, environment=None, commands):
    """What the commands show of the program once it has said a line: alive, and in the core file
    that it then leaves, which is missing where the kernel puts those elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [os.path.abspath(program), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            preexec_fn=allow_core_files,
        )
        process.stdout.readline()
        live = gdb("-p", str(process.pid), commands=commands)
        process.send_signal(signal.SIGABRT)
        process.communicate()
        # By the kernel: gdb's own generate-core-file stops at the first guard of a stack.
        cores = list(pathlib.Path(folder).iterdir())
        return live, gdb(program, str(cores[0]), commands=commands) if cores else None


def stacks_of(text):
    """The backtraces that `coroutine apply all bt` shows, by number."""
    return dict(re.findall(r"^Coroutine (\d+) .*?:\n((?:#.*\n| .*\n)+)", text, re.M))


class Looks:
    """Each check, of a live process and of a core file."""

    def test_a_live_process(self):
        self.check(self.live)

    def test_a_core_file(self):
        if self.core is None:
            self.skipTest("the kernel puts core files elsewhere: " + CORE_PATTERN.read_text())
        self.check(self.core)


@unittest.skipIf(programs.IS_SANITIZED, "the tools' own threads and stacks are in the way")
class Server(Looks, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The server waits in accept for as long as we like.
        cls.live, cls.core = look(
            programs.example("http_server"),
            "--port",
            "0",
            environment={"COIR_WORKERS": "2"},
            commands=["info coroutines", "coroutine apply all bt", "coroutine 99999 bt"],
        )

    def check(self, text):
        listed = re.findall(r'^ +(\d+)  (waits: \w+|runnable|running on thread \d+)', text, re.M)
        self.assertIn(("1", listed[0][1]), listed, text)
        self.assertRegex(text, r'1  waits: \w+ +"main"')
        stacks = stacks_of(text)
        self.assertEqual(list(stacks), [number for number, _ in listed], text)
        for stack in stacks.values():
            self.assertIn("coir::detail::park", stack)
            self.assertIn("coir_context_entry", stack.splitlines()[-1])
        self.assertIn("http_server.cpp", text)
        self.assertIn("there is no coroutine 99999", text)


@unittest.skipIf(programs.IS_SANITIZED, "the tools' own threads and stacks are in the way")
class Migrated(Looks, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.live, cls.core = look(
            os.environ["COIR_GDB_SUBJECT"],
            "migrate",
            environment={"COIR_WORKERS": "2"},  # there must be somewhere to go
            commands=["info coroutines", "coroutine apply all bt"],
        )

    def check(self, text):
        listed = re.findall(r'^ +(\d+)  (\w+).*"(\w+)"$', text, re.M)
        states = {name: state for _, state, name in listed}
        self.assertEqual(states, {"main": "waits", "nomad": "waits", "toiler": "running"}, text)
        stacks = stacks_of(text)
        of = {name: stacks[number] for number, _, name in listed}
        functions = {name: re.findall(r"\b(wander|toil|migrate) \(", of[name]) for name in of}
        self.assertEqual(
            functions, {"main": ["migrate"], "nomad": ["wander"] * 4, "toiler": ["toil"]}, text
        )
        for stack in of.values():
            self.assertIn("coir_context_entry", stack.splitlines()[-1])


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
