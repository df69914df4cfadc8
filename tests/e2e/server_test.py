# SPDX-License-Identifier: MIT
"""http_server: what it answers, how it bears load, abuse and want of descriptors, how it ends."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import time
import unittest

import programs

CURL = programs.tool("curl")
WRK = programs.tool("wrk")
LOAD_S = int(os.environ.get("COIR_E2E_SECONDS", "2"))
MANY = 1000  # connections


def get(target, *fields):
    head = "".join(f"{field}\r\n" for field in ("Host: x", *fields))
    return f"GET {target} HTTP/1.1\r\n{head}\r\n".encode()


def read_answer(connection):
    """Reads one answer; returns its status and body. Nothing at all gives (0, b'')."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return 0, b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields[b"content-length"]):
        body += connection.recv(65536)
    return int(head.split()[1]), body


class ServerTest(unittest.TestCase):
    arguments = []

    def setUp(self):
        self.server = self.enterContext(programs.http_server(*self.arguments))

    def connect(self, server=None):
        address = ("127.0.0.1", (server or self.server).port)
        return self.enterContext(socket.create_connection(address, programs.PATIENCE_S))

    def ask(self, request):
        with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
            connection.settimeout(programs.PATIENCE_S)
            connection.sendall(request)
            return read_answer(connection)

    def curl(self, target, *arguments):
        return programs.run([CURL, "-sS", *arguments, self.server.address + target]).stdout


class Pages(ServerTest):
    def test_pages_are_a_few_kib_and_always_the_same(self):
        pages = [self.curl(f"/page/{n}") for n in (0, 1, 1, 2**64 - 1)]
        self.assertEqual(pages[1], pages[2])
        self.assertEqual(len(set(pages)), 3)
        self.assertTrue(all(2000 < len(page) < 8000 for page in pages))

    def test_known_and_unknown_targets(self):
        self.assertIn("/page/N", self.curl("/"))
        self.assertEqual(self.curl("/hello"), "Hello, world!\n")
        for target in ("/no", "/page/", "/page/x", "/page/-1", "/page/99999999999999999999"):
            self.assertEqual(self.ask(get(target))[0], 404, target)

    def test_slow_waits(self):
        begin = time.monotonic()
        self.assertEqual(self.curl("/slow?ms=200"), "waited 200 ms\n")
        self.assertGreaterEqual(time.monotonic() - begin, 0.2)
        for query in ("x", "ms=", "ms=-1", "ms=60001"):
            self.assertEqual(self.ask(get("/slow?" + query))[0], 400, query)

    def test_head_has_no_body(self):
        answer = self.curl("/hello", "-I")
        self.assertIn("Content-Length: 14", answer)
        self.assertNotIn("Hello", answer)

    def test_pipelined_requests_are_answered_in_order(self):
        connection = self.connect()
        requests = [get(f"/page/{n}") for n in range(50)]
        connection.sendall(b"".join(requests) + get("/", "Connection: close"))
        data = b""
        while piece := connection.recv(65536):
            data += piece
        starts = [data.index(f"\r\n\r\npage {n}\n".encode()) for n in range(50)]
        self.assertEqual(starts, sorted(starts))

    def test_http_1_0_closes(self):
        connection = self.connect()
        connection.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
        self.assertEqual(read_answer(connection), (200, b"Hello, world!\n"))
        self.assertEqual(connection.recv(1), b"")


class Abuse(ServerTest):
    arguments = ["--idle-timeout", "0.5"]

    def test_bad_requests_are_refused_and_the_server_goes_on(self):
        self.assertEqual(self.ask(b"nonsense\r\n\r\n")[0], 400)
        self.assertEqual(self.ask(get("/", "X: " + "x" * 20_000))[0], 431)
        self.assertEqual(self.ask(get("/", "Content-Length: 5") + b"hello")[0], 413)
        self.assertEqual(self.ask(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")[0], 405)
        self.assertEqual(self.ask(get("/hello"))[0], 200)

    def test_a_connection_that_stays_idle_is_closed(self):
        self.assertEqual(read_answer(self.connect()), (0, b""))
        connection = self.connect()
        connection.sendall(get("/hello"))
        self.assertEqual(read_answer(connection)[0], 200)
        self.assertEqual(connection.recv(1), b"")

    def test_a_request_that_does_not_end_is_refused(self):
        connection = self.connect()
        connection.sendall(b"GET / HTTP/1.1\r\nHost:")
        self.assertEqual(read_answer(connection)[0], 408)

    def test_connections_that_vanish_do_no_harm(self):
        before = programs.descriptors(self.server.pid)
        for n in range(300):
            connection = socket.create_connection(("127.0.0.1", self.server.port))
            connection.sendall([b"", b"GET /pa", get("/page/1") * 50][n % 3])
            linger = b"\1\0\0\0\0\0\0\0"  # close sends a reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.close()
        self.assertEqual(self.ask(get("/hello"))[0], 200)
        programs.eventually(
            lambda: programs.descriptors(self.server.pid) == before, "all connections are closed"
        )


class Load(ServerTest):
    def load(self, connections, target):
        before = programs.descriptors(self.server.pid)
        address = self.server.address + target
        result = programs.run(
            [WRK, "-t1", f"-c{connections}", f"-d{LOAD_S}s", "--timeout", "10s", address]
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"(?m)^ +[1-9]\d+ requests in ")
        self.assertNotIn("Socket errors", result.stdout)
        self.assertNotIn("Non-2xx", result.stdout)
        self.assert_idle(before)

    def assert_idle(self, descriptors):
        pid = self.server.pid
        programs.eventually(
            lambda: programs.descriptors(pid) == descriptors, "the descriptors it began with"
        )
        # What load leaves behind (stacks to give back, say) may cost a little a while longer; a
        # process that does anything regularly never has a whole second without a tick.
        programs.eventually(lambda: not self.uses_processor_in(1), "an idle second costs nothing")

    def uses_processor_in(self, seconds):
        ticks = programs.processor_ticks(self.server.pid)
        time.sleep(seconds)
        return programs.processor_ticks(self.server.pid) != ticks

    def test_64_connections(self):
        self.load(64, "/hello")

    def test_many_connections(self):
        self.load(MANY, "/hello")

    def test_many_connections_with_slow_pages(self):
        self.load(MANY, "/slow?ms=50")

    def test_idle_connections_cost_no_processor_time(self):
        before = programs.descriptors(self.server.pid)
        with contextlib.ExitStack() as stack:
            for _ in range(200):
                address = ("127.0.0.1", self.server.port)
                stack.enter_context(socket.create_connection(address)).sendall(get("/hello"))
            self.assert_idle(before + 200)


class LoadOnOneWorker(Load):
    arguments = ["--workers", "1"]


# UBSan finds out with a pipe whether memory is readable, and without descriptors takes a good
# pointer for a bad one.
@unittest.skipIf("undefined" in os.environ.get("COIR_SANITIZE", ""), "UBSan needs descriptors")
class WantOfDescriptors(unittest.TestCase):
    def test_accept_goes_on_when_descriptors_are_back(self):
        limit = 60
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(programs.http_server("--workers", "1"))
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, hard))
            address = ("127.0.0.1", server.port)
            with contextlib.ExitStack() as crowd:
                for _ in range(2 * limit):
                    crowd.enter_context(socket.create_connection(address))
                programs.eventually(
                    lambda: programs.descriptors(server.pid) >= limit, "all descriptors are used"
                )
                ticks = programs.processor_ticks(server.pid)
                time.sleep(0.5)
                self.assertLess(programs.processor_ticks(server.pid) - ticks, 10, "accept spins")
            connection = stack.enter_context(socket.create_connection(address))
            connection.settimeout(programs.PATIENCE_S)
            connection.sendall(get("/hello"))
            self.assertEqual(read_answer(connection)[0], 200)


class Ending(ServerTest):
    def end(self, number):
        self.server.send_signal(number)
        return self.server.wait(programs.PATIENCE_S)

    def test_interrupt_and_termination_end_it_with_status_0(self):
        self.assertEqual(self.end(signal.SIGINT), 0)
        with programs.http_server() as server:
            server.send_signal(signal.SIGTERM)
            self.assertEqual(server.wait(programs.PATIENCE_S), 0)

    def test_idle_connections_do_not_keep_it(self):
        connections = [self.connect() for _ in range(20)]
        for connection in connections[:10]:
            connection.sendall(get("/hello"))
            self.assertEqual(read_answer(connection)[0], 200)
        self.assertEqual(self.end(signal.SIGTERM), 0)
        for connection in connections:
            self.assertEqual(connection.recv(1), b"")

    def test_answers_under_way_are_finished_first(self):
        before = programs.descriptors(self.server.pid)
        connections = [self.connect() for _ in range(10)]
        for connection in connections:
            connection.sendall(get("/slow?ms=1000"))
        # The server has the requests once an answer to a later one has come.
        probe = self.connect()
        probe.sendall(get("/hello"))
        read_answer(probe)
        self.assertEqual(programs.descriptors(self.server.pid), before + 11)
        self.server.send_signal(signal.SIGTERM)
        for connection in connections:
            self.assertEqual(read_answer(connection), (200, b"waited 1000 ms\n"))
            self.assertEqual(connection.recv(1), b"")
        self.assertEqual(self.server.wait(programs.PATIENCE_S), 0)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.server.port))

    def test_a_port_in_use_is_told(self):
        port = str(self.server.port)
        result = programs.run([programs.example("http_server"), "--port", port])
        self.assertEqual(result.returncode, 1)
        self.assertRegex(
            result.stderr, rf"^http_server: .*127\.0\.0\.1:{port}: Address already in use\n$"
        )

    def test_it_says_so_if_it_has_to_do_without_io_uring(self):
        environment = {**os.environ, "COIR_IO": "epoll"}
        with programs.http_server(stderr=subprocess.PIPE, env=environment) as server:
            self.assertIn("http_server: over epoll: chosen by COIR_IO", server.stderr.readline())
            server.stderr.close()


if __name__ == "__main__":
    programs.main()
