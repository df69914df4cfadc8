# SPDX-License-Identifier: MIT
"""crawler and link_checker against a site that knows who asked for what, and when."""

import collections
import http.server
import signal
import subprocess
import threading
import time
import unittest

import programs

PAGES = 60
ROBOTS = "User-agent: other\nDisallow: /\n\nUser-agent: *\nDisallow: /private # no\nDisallow:\n"


class Site(http.server.ThreadingHTTPServer):
    """Pages 0 to PAGES - 1, each with links to two more, some broken, and to other places."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.arrivals = []  # (path, time)
        self.under_way = 0
        self.most_under_way = 0
        self.release = threading.Event()  # lets go what asked for /slow
        self.address = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.release.set()
        self.shutdown()
        self.thread.join()
        self.server_close()

    def handle_error(self, request, client_address):
        pass  # clients that were interrupted

    def paths(self):
        with self.lock:
            return collections.Counter(path for path, _ in self.arrivals)


def page(number):
    targets = [f"page/{2 * number + 1}", f"/page/{2 * number + 2}"] if number == 0 else [
        f"{2 * number + 1}", f"/page/{2 * number + 2}#part"]
    links = [f'<a href="{target}">' for i, target in enumerate(targets)
             if 2 * number + 1 + i < PAGES]
    links += ['<a href="/">', '<a href="mailto:nobody@example.org">', "<a href='/private/x'>",
              '<a href="http://127.0.0.1:1/elsewhere">']
    if number == 5:
        links.append('<a href="/missing">')
    if number == 6:
        links.append('<a href="/moved">')
    return "".join(links)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        with self.server.lock:
            self.server.arrivals.append((self.path, time.monotonic()))
            self.server.under_way += 1
            self.server.most_under_way = max(self.server.most_under_way, self.server.under_way)
        try:
            self.answer()
        finally:
            with self.server.lock:
                self.server.under_way -= 1

    def answer(self):
        status, body, headers = 200, "", {}
        if self.path == "/robots.txt":
            body = ROBOTS
        elif self.path == "/":
            body = page(0)
        elif self.path.startswith("/page/"):
            body = page(int(self.path.removeprefix("/page/")))
        elif self.path == "/list":
            body = "".join(f'<a href="{target}">' for target in [
                "/page/1", "page/2", "/page/1", "/missing", "/slow", "mailto:x@example.org",
                "http://127.0.0.1:1/nobody", f"http://127.0.0.1:{self.server.server_port}/page/3"])
        elif self.path == "/many":
            body = "".join(f'<a href="/wait/{i}">' for i in range(40))
        elif self.path.startswith("/wait/"):
            time.sleep(0.05)
        elif self.path == "/stuck":
            body = "".join(f'<a href="/slow/{i}">' for i in range(10))
        elif self.path.startswith("/slow"):
            self.server.release.wait(programs.PATIENCE_S)
        elif self.path == "/moved":
            status, headers = 302, {"Location": "/page/7"}
        else:
            status = 404
        if self.request_version == "HTTP/1.0":
            self.close_connection = True
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body.encode())


class Crawler(unittest.TestCase):
    def setUp(self):
        self.site = self.enterContext(Site())

    def crawl(self, *arguments, path="/"):
        return programs.run([programs.example("crawler"), self.site.address + path, *arguments])

    def test_visits_each_page_once_and_keeps_away_from_what_is_private(self):
        result = self.crawl("--pause", "0.001")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        *lines, last = result.stdout.splitlines()
        expected = [f"200 {self.site.address}/"]
        expected += [f"200 {self.site.address}/page/{i}" for i in range(1, PAGES)]
        expected += [f"404 {self.site.address}/missing", f"302 {self.site.address}/moved"]
        self.assertEqual(sorted(lines), sorted(expected))
        self.assertEqual(last, f"{PAGES + 2} pages, 0 left")
        paths = self.site.paths()
        self.assertEqual(set(paths.values()), {1}, paths)
        self.assertEqual(len(paths), PAGES + 3)  # and robots.txt
        self.assertNotIn("/private/x", paths)

    def test_is_bounded(self):
        result = self.crawl("--pause", "0.001", "-c", "3", path="/many")
        self.assertEqual(result.stdout.splitlines()[-1], "41 pages, 0 left")
        self.assertLessEqual(self.site.most_under_way, 3)
        self.assertGreater(self.site.most_under_way, 1)
        result = self.crawl("--pause", "0.001", "--limit", "10")
        self.assertEqual(result.stdout.splitlines()[-1], "10 pages, 0 left")

    def test_pauses_between_requests(self):
        begin = time.monotonic()
        result = self.crawl("--pause", "0.02", "--limit", "20")
        self.assertEqual(result.stdout.splitlines()[-1], "20 pages, 0 left")
        self.assertGreaterEqual(time.monotonic() - begin, 20 * 0.02)

    def test_an_interrupt_cuts_short_what_is_under_way(self):
        with subprocess.Popen(
            [programs.example("crawler"), self.site.address + "/stuck", "--pause", "0.001",
             "-c", "4", "--timeout", "1000"],
            stdout=subprocess.PIPE, text=True,
        ) as process:
            programs.eventually(lambda: self.site.under_way == 4, "four requests that hang")
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=programs.PATIENCE_S)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(output.splitlines()[-1], "1 pages, 10 left")

    def test_a_page_that_takes_too_long_is_told(self):
        result = self.crawl("--pause", "0.001", "-c", "10", "--timeout", "2", path="/stuck")
        self.assertEqual(result.returncode, 0)
        self.assertEqual(sum("timed out" in line for line in result.stdout.splitlines()), 10)

    def test_what_cannot_be_had_is_told(self):
        result = programs.run([programs.example("crawler"), "http://127.0.0.1:1/"])
        self.assertEqual(result.returncode, 1)
        self.assertIn("crawler: connect", result.stderr)


class LinkChecker(unittest.TestCase):
    def setUp(self):
        self.site = self.enterContext(Site())

    def check(self, url):
        return programs.run([programs.example("link_checker"), url])

    def test_names_the_links_that_are_broken(self):
        result = self.check(self.site.address + "/list")
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        *broken, last = result.stdout.splitlines()
        self.assertEqual(last, "6 links, 3 broken")
        self.assertIn(f"{self.site.address}/missing: 404", broken)
        told = "\n".join(broken)
        self.assertRegex(told, r"(?m)^http://127\.0\.0\.1:1/nobody: .*refused")
        self.assertRegex(told, rf"(?m)^{self.site.address}/slow: .*timed out")
        self.assertEqual(set(self.site.paths().values()), {1})

    def test_checks_many_at_a_time_and_no_more_than_16(self):
        result = self.check(self.site.address + "/many")
        self.assertEqual((result.returncode, result.stdout), (0, "40 links, 0 broken\n"))
        self.assertGreater(self.site.most_under_way, 1)
        self.assertLessEqual(self.site.most_under_way, 16)

    def test_what_cannot_be_had_is_told(self):
        result = self.check("http://127.0.0.1:1/")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("link_checker: connect", result.stderr)
        self.assertEqual(programs.run([programs.example("link_checker")]).returncode, 2)


if __name__ == "__main__":
    programs.main()
