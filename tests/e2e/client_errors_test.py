# SPDX-License-Identifier: MIT
"""http_client against servers that misbehave: a clear line for each failure, the rest unharmed."""

import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import tempfile
import unittest

import hostile_server
import ports
import programs

# For the servers that stall; the others have to answer within it on a busy machine, too.
TIMEOUT_S = 2

# What the client must say of each misbehaviour.
FAILURES = {
    "/silent": f"timed out after {TIMEOUT_S} s",
    "/stalled": f"timed out after {TIMEOUT_S} s",
    "/closed": "connection closed without an answer",
    "/half-header": "connection closed in the middle of the header",
    "/truncated": "body cut short: 10 of 1000 bytes",
    "/truncated-chunk": "body cut short after 3 bytes",
    "/no-chunk-end": "body cut short after 3 bytes",
    "/garbage": "malformed response: bad version",
    "/bad-length": "malformed response: bad Content-Length",
    "/two-lengths": "malformed response: bad Content-Length",
    "/bad-chunk": "malformed response: bad chunk",
    "/huge-length": "body larger than 268435456 bytes",
    "/huge-header": "malformed response: header limit exceeded",
    "/endless-chunk-size": "malformed response: a line without end",
    "/404": "404 Not Found",
    "/503": "503 Service Unavailable",
    "/redirect-loop": "redirect loop: back to {address}/redirect-loop",
    "/redirects/11": "more than 10 redirects",
    "/redirect-ftp": 'scheme "ftp" is not supported',
    "/redirect-nowhere": "302 without a Location",
}
SUCCESSES = {
    "/good": b"good",
    "/until-close": b"until close",
    "/chunked": b"hello world",
    "/hints": b"hinted",
    "/surplus": b"good",
    "/lies-keep-alive": b"bye",
    "/redirect": b"good",
    "/redirect-relative": b"good",
    "/redirects/8": b"good",
}


def read_terminal(terminal):
    """What was written to its other end, until that was closed: it comes piece by piece."""
    pieces = []
    with open(terminal, "rb", buffering=0) as end:
        while True:
            try:
                piece = end.read(65536)
            except OSError:  # EIO is how a terminal ends
                piece = b""
            if not piece:
                return b"".join(pieces).decode()
            pieces.append(piece)


class HostileTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(hostile_server.HostileServer())
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def fetch(self, *arguments, **options):
        return programs.fetch("--timeout", str(TIMEOUT_S), *arguments, **options)


class Failures(HostileTest):
    def check_all(self, *arguments, times=3):
        dead = f"http://127.0.0.1:{ports.free_port()}/"
        urls = [self.server.address + path for path in [*FAILURES, *SUCCESSES] * times] + [dead]
        result = self.fetch(*arguments, "--json", "-o", self.folder, "-", input="\n".join(urls))
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        *outcomes, last = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(sorted(o["url"] for o in outcomes), sorted(urls))
        for outcome in outcomes:
            self.check_outcome(outcome, dead)
        self.assertEqual(last["summary"]["failed"], times * len(FAILURES) + 1)
        self.assertEqual(last["summary"]["succeeded"], times * len(SUCCESSES))

    def check_outcome(self, outcome, dead):
        address = self.server.address
        path = outcome["url"].removeprefix(address)
        if path in SUCCESSES:
            self.assertIsNone(outcome["error"], path)
            self.assertEqual(pathlib.Path(outcome["file"]).read_bytes(), SUCCESSES[path])
        elif outcome["url"] == dead:
            port = dead.split(":")[2].strip("/")
            self.assertEqual(outcome["error"], f"connect 127.0.0.1:{port}: Connection refused")
        else:
            self.assertEqual(outcome["error"], FAILURES[path].format(address=address), path)

    def test_each_failure_is_told_and_the_rest_unharmed_with_one_worker(self):
        self.check_all("-c", "64", "--workers", "1")

    def test_each_failure_is_told_and_the_rest_unharmed_with_two_workers(self):
        self.check_all("-c", "64", "--workers", "2")

    def test_each_failure_is_told_and_the_rest_unharmed_in_sequence(self):
        self.check_all("--sequential", times=1)

    def test_a_failure_is_one_line_on_standard_error(self):
        result = self.fetch(f"{self.server.address}/truncated", f"{self.server.address}/good")
        self.assertEqual(result.returncode, 1)
        url = f"{self.server.address}/truncated"
        self.assertEqual(result.stderr, f"GET {url}: body cut short: 10 of 1000 bytes\n")

    def test_a_redirect_to_a_dead_port_names_the_address(self):
        result = self.fetch(f"{self.server.address}/redirect-dead")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r": connect 127\.0\.0\.1:\d+: Connection refused\n$")

    def test_an_unknown_host_is_told(self):
        host = "no-such-host.invalid"
        result = self.fetch(f"http://{host}/")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, f"^GET http://{host}/: .*{host}.*: .*\n$")

    def test_bad_urls_are_told(self):
        bad = {
            "http://": "no host",
            "http://a:0/": 'bad port "0"',
            "http://a:99999/": 'bad port "99999"',
            "http://u:p@a/": "user names in a URL are not supported",
            "http://a b/": 'bad host "a b"',
            "ftp://a/": 'scheme "ftp" is not supported',
            "http://a/\x1b[2J": "control character in the URL",
        }
        result = self.fetch(*bad)
        self.assertEqual(result.returncode, 1)
        expected = [f"GET {u}: {e}".replace("\x1b", "\\x1b") for u, e in bad.items()]
        self.assertEqual(sorted(result.stderr.splitlines()), sorted(expected))


class Behaviour(HostileTest):
    def test_a_stale_connection_is_replaced_once(self):
        urls = [f"{self.server.address}/lies-keep-alive"] * 5
        result = self.fetch("--sequential", *urls)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(self.server.count("/lies-keep-alive"), 5)

    def test_transient_failures_are_retried(self):
        url = f"{self.server.address}/flaky/2"
        self.assertEqual(self.fetch("--retries", "2", url).returncode, 0)
        self.assertEqual(self.server.count("/flaky/2"), 3)

    def test_retries_end(self):
        result = self.fetch("--retries", "2", f"{self.server.address}/truncated")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(self.server.count("/truncated"), 3)

    def test_a_404_is_not_retried(self):
        self.fetch("--retries", "2", f"{self.server.address}/404")
        self.assertEqual(self.server.count("/404"), 1)

    def test_file_names_cannot_leave_the_folder(self):
        tails = ["/good?../../../x", "/good?%2e%2e/y", "/good?" + "z" * 500, "/../../good"]
        result = self.fetch("-o", self.folder / "in", *[self.server.address + t for t in tails])
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual([p.name for p in self.folder.iterdir()], ["in"])
        files = list((self.folder / "in").iterdir())
        self.assertEqual(len(files), len(tails))
        self.assertTrue(all(f.is_file() and f.read_bytes() == b"good" for f in files))

    def test_an_unwritable_folder_is_told(self):
        (self.folder / "file").write_text("")
        result = self.fetch("-o", self.folder / "file" / "in", f"{self.server.address}/good")
        self.assertEqual(result.returncode, 2)
        self.assertIn("Not a directory", result.stderr)

    def test_mistakes_on_the_command_line_have_status_2(self):
        for arguments in [[], ["-c", "0", "x"], ["--timeout", "soon", "x"], ["--no-such"]]:
            self.assertEqual(self.fetch(*arguments).returncode, 2, arguments)

    def test_no_urls_at_all_is_a_success(self):
        result = self.fetch("-", input="\n\n")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("0 of 0 URLs", result.stdout)

    def test_an_interrupt_cancels_and_still_prints_the_table(self):
        urls = [f"{self.server.address}/silent"] * 20 + [f"{self.server.address}/good"]
        process = subprocess.Popen(
            [programs.example("http_client"), "-c", "32", "--timeout", "600", *urls],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "HTTP_CLIENT_CHECK_LEAKS": "1"},
        )
        with process:
            programs.eventually(lambda: self.server.count("/silent") == 20, "20 requests are out")
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=programs.PATIENCE_S)
        self.assertEqual((process.returncode, errors), (130, ""))
        # The good answer may still have been on its way.
        cancelled = int(re.search(r"(?m)^cancelled +(\d+)$", output)[1])
        self.assertIn(cancelled, (20, 21))
        self.assertIn(f"{21 - cancelled} of 21 URLs", output)

    def test_progress_is_drawn_on_a_terminal_only(self):
        urls = [f"{self.server.address}/silent", f"{self.server.address}/good"]
        self.assertNotIn("\r", self.fetch(*urls).stderr)
        terminal, other_end = pty.openpty()
        subprocess.run(
            [programs.example("http_client"), "--timeout", str(TIMEOUT_S), *urls],
            stdout=subprocess.DEVNULL,
            stderr=other_end,
            timeout=programs.PATIENCE_S,
        )
        os.close(other_end)
        drawn = read_terminal(terminal)
        self.assertRegex(drawn, r"\r\[#+\.+\] 1/2  .*/s  0 failed")
        self.assertIn(f"/silent: timed out after {TIMEOUT_S} s", drawn)


if __name__ == "__main__":
    programs.main()
