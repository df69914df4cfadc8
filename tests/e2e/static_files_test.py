# SPDX-License-Identifier: MIT
"""http_server --root: files, ranges, no way out of the root, files that change, slow readers."""

import hashlib
import http.client
import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

import programs

CURL = programs.tool("curl")
SIZE = 3_000_000


class Files(unittest.TestCase):
    def setUp(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.root = folder / "root"
        (self.root / "sub").mkdir(parents=True)
        (folder / "secret").write_text("outside")
        self.data = random.Random(7).randbytes(SIZE)
        (self.root / "big.bin").write_bytes(self.data)
        (self.root / "empty.txt").write_bytes(b"")
        (self.root / "a b.html").write_text("<p>")
        (self.root / "sub" / "index.html").write_text("index")
        (self.root / "out").symlink_to(folder / "secret")
        (self.root / "up").symlink_to("..")
        (self.root / "in").symlink_to("sub/index.html")
        (self.root / "closed").write_text("x")
        os.mkfifo(self.root / "fifo")
        self.server = self.enterContext(programs.http_server("--root", str(self.root)))

    def get(self, target, method="GET", **fields):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, programs.PATIENCE_S)
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        connection.request(method, target, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer, body

    def test_files_come_whole_with_length_and_type(self):
        answer, body = self.get("/big.bin")
        self.assertEqual((answer.status, body == self.data), (200, True))
        self.assertEqual(answer.getheader("Accept-Ranges"), "bytes")
        for target, text, kind in (
            ("/a%20b.html", b"<p>", "text/html; charset=utf-8"),
            ("/empty.txt", b"", "text/plain; charset=utf-8"),
            ("/sub/", b"index", "text/html; charset=utf-8"),
            ("/sub", b"index", "text/html; charset=utf-8"),
            ("/./sub//index.html?query#part", b"index", "text/html; charset=utf-8"),
            ("/in", b"index", "application/octet-stream"),
        ):
            with self.subTest(target):
                answer, body = self.get(target)
                self.assertEqual((answer.status, body), (200, text))
                self.assertTrue(answer.getheader("Content-Type").startswith(kind.split(";")[0])
                                or target in ("/sub", "/sub/"))
        answer, body = self.get("/big.bin", "HEAD")
        self.assertEqual((answer.getheader("Content-Length"), body), (str(SIZE), b""))

    def test_curl_resumes_and_agrees_on_the_checksum(self):
        url = self.server.address + "/big.bin"
        with tempfile.NamedTemporaryFile() as copy:
            copy.write(self.data[:1_234_567])
            copy.flush()
            programs.run([CURL, "-sS", "-C", "-", "-o", copy.name, url])
            self.assertEqual(pathlib.Path(copy.name).read_bytes() == self.data, True)
        part = subprocess.run([CURL, "-sS", "-r", "1000-1999", url], capture_output=True).stdout
        self.assertEqual(part, self.data[1000:2000])

    def test_ranges(self):
        for field, first, end in (
            ("bytes=0-0", 0, 1),
            ("bytes=10-19", 10, 20),
            ("bytes=2999990-", SIZE - 10, SIZE),
            ("bytes=-5", SIZE - 5, SIZE),
            ("bytes=-99999999", 0, SIZE),
            ("bytes=100-99999999999999999999999", 100, SIZE),
        ):
            with self.subTest(field):
                answer, body = self.get("/big.bin", Range=field)
                self.assertEqual((answer.status, body == self.data[first:end]), (206, True))
                self.assertEqual(answer.getheader("Content-Range"),
                                 f"bytes {first}-{end - 1}/{SIZE}")
        for field in (f"bytes={SIZE}-", "bytes=-0", "bytes=99999999999999999999-"):
            with self.subTest(field):
                answer, _ = self.get("/big.bin", Range=field)
                self.assertEqual(answer.status, 416)
                self.assertEqual(answer.getheader("Content-Range"), f"bytes */{SIZE}")
        for field in ("bytes=5-1", "bytes=a-b", "bytes=", "bytes=-", "lines=1-2", "bytes=0-1,4-5",
                      "bytes=1", "bytes=--1", "bytes= 1-2", "bytes=+1-2"):
            with self.subTest(field):
                answer, body = self.get("/big.bin", Range=field)
                self.assertEqual((answer.status, len(body)), (200, SIZE))
        answer, body = self.get("/big.bin", Range="bytes=0-1", If_Range='"x"')
        self.assertEqual((answer.status, len(body)), (200, SIZE))
        self.assertEqual(self.get("/empty.txt", Range="bytes=0-")[0].status, 416)

    def test_nothing_outside_of_the_root_and_nothing_but_files(self):
        for target in ("/../secret", "/sub/../../secret", "/%2e%2e/secret", "/..%2fsecret",
                       "/%2e%2e%2fsecret", "/out", "/up/secret", "/up/root/empty.txt/../secret",
                       "//../secret", "/sub/%00", "/%zz", "/%2", "/fifo", "/", "/none",
                       "/big.bin/x", "/" + "x" * 300, "/..", "/../root/big.bin"):
            with self.subTest(target):
                answer, body = self.get(target)
                self.assertEqual((answer.status, body), (404, b"no such file\n"))
        answer, _ = self.get("/up/root/empty.txt")  # out and in again: the file itself is inside
        self.assertEqual(answer.status, 200)
        answer, _ = self.get("/big.bin", "POST")
        self.assertEqual(answer.status, 405)

    def test_a_file_cut_while_it_is_sent_ends_the_connection_short(self):
        with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
            connection.settimeout(programs.PATIENCE_S)
            (self.root / "cut").write_bytes(b"x" * 50_000_000)
            connection.sendall(b"GET /cut HTTP/1.1\r\nHost: x\r\n\r\n")
            received = len(connection.recv(1000))
            os.truncate(self.root / "cut", 1000)
            while piece := connection.recv(1_000_000):
                received += len(piece)
            self.assertLess(received, 50_000_000)
        self.assertEqual(self.get("/empty.txt")[0].status, 200)

    def test_many_at_a_time_and_descriptors_given_back(self):
        before = programs.descriptors(self.server.pid)
        sums = []

        def fetch():
            sums.append(hashlib.sha256(self.get("/big.bin")[1]).hexdigest())

        threads = [threading.Thread(target=fetch) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(sums), {hashlib.sha256(self.data).hexdigest()})
        self.assertEqual(len(sums), 20)
        programs.eventually(lambda: programs.descriptors(self.server.pid) <= before,
                            "no descriptor is left open")

    def test_a_transfer_that_has_begun_is_finished_on_sigterm(self):
        with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
            connection.settimeout(programs.PATIENCE_S)
            (self.root / "long").write_bytes(b"y" * 20_000_000)
            connection.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
            received = len(connection.recv(1000))
            self.server.send_signal(signal.SIGTERM)
            while piece := connection.recv(1_000_000):
                received += len(piece)
            self.assertGreater(received, 20_000_000)
        self.assertEqual(self.server.wait(programs.PATIENCE_S), 0)


if __name__ == "__main__":
    unittest.main()
