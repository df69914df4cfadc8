# SPDX-License-Identifier: MIT
"""Tests echo_server, tcp_proxy and chat_server as users run them, against plain python sockets."""

import contextlib
import hashlib
import random
import re
import resource
import signal
import socket
import subprocess
import threading
import time
import unittest

import programs


@contextlib.contextmanager
def service(name, *arguments, **options):
    """Runs one of the servers on a port of its own; gives its process, with `port` set."""
    process = subprocess.Popen(
        [programs.example(name), "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        **options,
    )
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)
        if not found:
            raise AssertionError(f"{name} said {line!r}")
        process.port = int(found[1])
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def connect(port):
    stream = socket.create_connection(("127.0.0.1", port), timeout=programs.PATIENCE_S)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def read_all(stream):
    parts = []
    while part := stream.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


class Echo(unittest.TestCase):
    def test_bytes_come_back_and_the_end_too(self):
        with service("echo_server") as server, connect(server.port) as stream:
            data = random.Random(1).randbytes(3_000_000)
            sender = threading.Thread(target=lambda: (stream.sendall(data), stream.shutdown(1)))
            sender.start()
            self.assertEqual(read_all(stream), data)
            sender.join()

    def test_sigterm_drains_and_leaves_by_zero(self):
        with service("echo_server") as server, connect(server.port) as stream:
            stream.sendall(b"a")
            self.assertEqual(stream.recv(1), b"a")
            server.send_signal(signal.SIGTERM)

            def refuses():
                try:
                    connect(server.port).close()
                except ConnectionResetError:
                    return False  # it was in the queue when the listener closed
                except ConnectionRefusedError:
                    return True
                return False

            programs.eventually(refuses, "the port is closed")
            stream.sendall(b"b")
            self.assertEqual(stream.recv(1), b"b")
            stream.close()
            self.assertEqual(server.wait(programs.PATIENCE_S), 0)

    def test_more_connections_than_descriptors_wait_and_are_served(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        with service("echo_server", preexec_fn=limit) as server:
            waiting = [connect(server.port) for _ in range(500)]
            before = programs.processor_ticks(server.pid)
            time.sleep(1)  # the measure: a server that spins burns a second of processor time
            self.assertLess(programs.processor_ticks(server.pid) - before, 30)
            for number, stream in enumerate(waiting):
                stream.sendall(b"%d" % number)
                stream.shutdown(1)
                self.assertEqual(read_all(stream), b"%d" % number)
                stream.close()


class Proxy(unittest.TestCase):
    def setUp(self):
        self.target = socket.create_server(("127.0.0.1", 0))
        self.target.settimeout(programs.PATIENCE_S)
        self.to = f"127.0.0.1:{self.target.getsockname()[1]}"
        self.addCleanup(self.target.close)

    def test_100_mb_arrive_whole_while_sigterm_drains(self):
        chunk = random.Random(2).randbytes(1 << 20)
        with service("tcp_proxy", "--to", self.to) as proxy, connect(proxy.port) as client:
            server, _ = self.target.accept()

            def send():
                for number in range(100):
                    client.sendall(chunk)
                    if number == 20:
                        proxy.send_signal(signal.SIGTERM)
                client.shutdown(1)

            sender = threading.Thread(target=send)
            sender.start()
            received = hashlib.sha256()
            size = 0
            while part := server.recv(1 << 18):
                received.update(part)
                size += len(part)
            sender.join()
            self.assertEqual(size, 100 << 20)
            expected = hashlib.sha256()
            for _ in range(100):
                expected.update(chunk)
            self.assertEqual(received.digest(), expected.digest())
            server.sendall(b"thanks")  # the way back is open still
            server.close()
            self.assertEqual(read_all(client), b"thanks")
            self.assertEqual(proxy.stdout.read(), "draining\ndrained\n")
            self.assertEqual(proxy.wait(programs.PATIENCE_S), 0)

    def test_a_second_signal_cuts_short(self):
        with service("tcp_proxy", "--to", self.to) as proxy, connect(proxy.port) as client:
            server, _ = self.target.accept()
            proxy.send_signal(signal.SIGTERM)
            self.assertEqual(proxy.stdout.readline(), "draining\n")
            proxy.send_signal(signal.SIGTERM)
            self.assertEqual(proxy.stdout.readline(), "cut short\n")
            self.assertEqual(proxy.wait(programs.PATIENCE_S), 0)
            self.assertEqual(server.recv(1), b"")
            self.assertEqual(client.recv(1), b"")
            server.close()

    def test_silence_is_cut_and_one_way_traffic_is_not(self):
        arguments = ["--to", self.to, "--idle-timeout", "0.5"]
        with service("tcp_proxy", *arguments) as proxy, connect(proxy.port) as client:
            server, _ = self.target.accept()
            for _ in range(8):  # longer than the limit, in one direction only
                time.sleep(0.15)
                server.sendall(b"x")
                self.assertEqual(client.recv(1), b"x")
            begin = time.monotonic()
            self.assertEqual(client.recv(1), b"")
            self.assertGreater(time.monotonic() - begin, 0.3)
            self.assertEqual(server.recv(1), b"")
            server.close()

    def test_a_target_that_refuses_ends_the_client(self):
        self.target.close()
        with service("tcp_proxy", "--to", self.to) as proxy, connect(proxy.port) as client:
            self.assertEqual(client.recv(1), b"")
            with connect(proxy.port) as again:  # and the proxy goes on
                self.assertEqual(again.recv(1), b"")

    def test_a_target_that_is_none_is_refused_at_the_start(self):
        result = programs.run([programs.example("tcp_proxy"), "--to", "nowhere"])
        self.assertEqual(result.returncode, 2)
        self.assertIn("HOST:PORT", result.stderr)


class Guest:
    """One chat client."""

    def __init__(self, port, name):
        self.stream = connect(port)
        self.lines = self.stream.makefile("r", encoding="utf-8", newline="\n")
        self.say(name)
        self.until(f"* {name} joined")

    def say(self, line):
        self.stream.sendall(line.encode() + b"\n")

    def until(self, wanted):
        """Reads up to a line; returns what came before it."""
        before = []
        for line in self.lines:
            if line == wanted + "\n":
                return before
            before.append(line[:-1])
        raise AssertionError(f"no {wanted!r} in {before!r}")

    def close(self):
        self.lines.close()
        self.stream.close()


class Chat(unittest.TestCase):
    def test_two_hear_each_other_come_talk_and_go(self):
        with service("chat_server") as server:
            alice, bob = Guest(server.port, "alice"), Guest(server.port, "bob")
            alice.until("* bob joined")
            bob.say("hello")
            alice.until("bob: hello")
            alice.say("and you")
            self.assertEqual(bob.until("alice: and you"), [])  # nobody hears himself
            bob.close()
            alice.until("* bob left")
            server.send_signal(signal.SIGTERM)
            alice.until("* the server is closing")
            self.assertEqual(alice.lines.read(), "")
            self.assertEqual(server.wait(programs.PATIENCE_S), 0)
            alice.close()

    def test_200_clients_hear_every_line_in_order(self):
        with service("chat_server") as server:
            guests = [Guest(server.port, f"guest{number}") for number in range(200)]
            for guest in guests:
                guest.until("* guest199 joined") if guest is not guests[-1] else None
            for line in range(5):
                guests[7].say(f"line {line}")
            for guest in guests:
                if guest is guests[7]:
                    continue
                self.assertEqual(
                    guest.until("guest7: line 4"), [f"guest7: line {line}" for line in range(4)]
                )
            server.send_signal(signal.SIGTERM)
            for guest in guests:
                guest.until("* the server is closing")
                guest.close()
            self.assertEqual(server.wait(programs.PATIENCE_S), 0)

    def test_a_line_without_end_costs_only_its_sender_the_room(self):
        with service("chat_server") as server:
            alice, mallory = Guest(server.port, "alice"), Guest(server.port, "mallory")
            mallory.stream.sendall(b"x" * 5_000)
            alice.until("* mallory left")
            alice.close()
            mallory.close()


if __name__ == "__main__":
    programs.main()
