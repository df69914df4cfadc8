# SPDX-License-Identifier: MIT
"""http_client against nginx: every body as curl gets it, on reused connections."""

import hashlib
import json
import pathlib
import random
import tempfile
import unittest

import nginx
import programs

CURL = programs.tool("curl")
COUNT = 1000


def make_files(root):
    """Fills the folder with COUNT files of 0 bytes to 256 KiB; returns their names."""
    contents = random.Random(1)
    sizes = [0, 1, 1024, 65536, 262144]
    names = [f"file-{i}.bin" for i in range(COUNT)]
    for i, name in enumerate(names):
        size = sizes[i // 200] if i % 200 == 0 else contents.randrange(4096)
        (root / name).write_bytes(contents.randbytes(size))
    return names


def make_urls(address, names):
    """Returns a URL for each file: plain, in chunks, or by way of a redirect."""
    kinds = ["", "", "chunked/", "redirect/"]
    return [f"{address}/{kinds[i % len(kinds)]}{name}" for i, name in enumerate(names)]


def checksum(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def fetch_with_curl(urls, folder):
    """Returns the checksum of each URL's body as curl gets it."""
    paths = {url: folder / str(i) for i, url in enumerate(urls)}
    config = "".join(f'url = "{url}"\noutput = "{path}"\n' for url, path in paths.items())
    result = programs.run([CURL, "-sSfL", "-K", "-"], input=config)
    assert result.returncode == 0, result.stderr
    return {url: checksum(path) for url, path in paths.items()}


class ClientAgainstNginx(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(nginx.Nginx())
        cls.urls = make_urls(cls.server.address, make_files(cls.server.root))
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        (cls.folder / "curl").mkdir()
        cls.expected = fetch_with_curl(cls.urls, cls.folder / "curl")

    def fetch_and_compare(self, *arguments):
        with tempfile.TemporaryDirectory(dir=self.folder) as bodies:
            result = programs.fetch(
                "--json", "-o", bodies, *arguments, "-", input="\n".join(self.urls)
            )
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            *outcomes, last = [json.loads(line) for line in result.stdout.splitlines()]
            received = {o["url"]: checksum(o["file"]) for o in outcomes}
            self.assertEqual(len(outcomes), COUNT)
            self.assertEqual(received, self.expected)
            self.assertEqual(last["summary"]["succeeded"], COUNT)
            self.assertEqual(len(list(pathlib.Path(bodies).iterdir())), COUNT)

    def test_bodies_equal_curls_with_one_worker(self):
        self.fetch_and_compare("-c", "64", "--workers", "1")

    def test_bodies_equal_curls_with_two_workers(self):
        self.fetch_and_compare("-c", "64", "--workers", "2")

    def test_bodies_equal_curls_one_after_the_other(self):
        self.fetch_and_compare("--sequential")

    def test_connections_are_reused(self):
        before = len(self.server.requests())
        result = programs.fetch("-c", "8", "-", input="\n".join(self.urls))
        self.assertEqual(result.returncode, 0, result.stderr)
        requests = self.server.requests()[before:]
        self.assertEqual(len(requests), COUNT + COUNT // 4)  # a quarter is redirected
        connections = {connection for connection, *_ in requests}
        self.assertLessEqual(len(connections), 8 + 1)  # nginx closes one after 1,000

    def test_closing_table_counts_everything(self):
        missing = [f"{self.server.address}/missing-{i}" for i in range(3)]
        result = programs.fetch("-c", "64", "-", input="\n".join(self.urls + missing))
        self.assertEqual(result.returncode, 1)
        lines = sorted(result.stderr.splitlines())
        self.assertEqual(lines, [f"GET {url}: 404 Not Found" for url in missing])
        self.assertRegex(result.stdout, r"(?m)^200 +1000$")
        self.assertRegex(result.stdout, r"(?m)^404 +3$")
        self.assertRegex(result.stdout, r"(?m)^1000 of 1003 URLs, 3 failed, .* in [\d.]+ s")
        number = r"[\d.]+"
        self.assertRegex(
            result.stdout, rf"(?m)^latency p50 {number} ms, p90 {number} ms, p99 {number} ms$"
        )


class ClientAgainstImpatientNginx(unittest.TestCase):
    def test_connections_that_nginx_closes_are_replaced(self):
        with nginx.Nginx(keepalive_requests=7) as server:
            urls = make_urls(server.address, make_files(server.root))
            result = programs.fetch("-c", "16", "-", input="\n".join(urls))
            self.assertEqual((result.returncode, result.stderr), (0, ""))


if __name__ == "__main__":
    programs.main()
