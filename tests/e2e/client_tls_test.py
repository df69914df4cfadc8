# SPDX-License-Identifier: MIT
"""http_client over https, against python's own TLS: whom it trusts, and what it fetches."""

import contextlib
import http.server
import pathlib
import ssl
import subprocess
import tempfile
import threading
import unittest

import programs


def make_certificate(folder):
    """A certificate for 127.0.0.1 that is its own authority; returns its file and its key's."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [programs.tool("openssl"), "req", "-x509", "-newkey", "ec"]
        + ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        + ["-subj", "/CN=coir test", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    return certificate, key


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "//" + self.headers["Host"] + "/page")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.server.resumed.append(self.connection.session_reused)
        body = b"secret " * 50_000
        self.send_response(200)
        if self.path == "/once":
            self.send_header("Connection", "close")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def https_server(certificate, key):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.resumed = []  # for each request, whether its connection resumed a session
    server.handle_error = lambda *_: None  # clients that refuse us are part of the test
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Https(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.certificate, key = make_certificate(self.folder)
        self.server = self.enterContext(https_server(self.certificate, key))
        self.place = f"127.0.0.1:{self.server.server_port}"

    def test_pages_come_whole_also_by_a_redirect_without_a_scheme(self):
        pages = self.folder / "pages"
        urls = [f"https://{self.place}/{path}" for path in ("page", "moved")]
        result = programs.fetch("--cacert", str(self.certificate), "-o", str(pages), *urls)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        bodies = [file.read_bytes() for file in pages.iterdir()]
        self.assertEqual(bodies, [b"secret " * 50_000] * 2)

    def test_all_connections_but_the_first_resume_a_session(self):
        urls = [f"https://{self.place}/once"] * 4
        result = programs.fetch("--cacert", str(self.certificate), "-c", "1", *urls)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(self.server.resumed, [False, True, True, True])

    def test_a_file_that_holds_no_certificates_is_told(self):
        junk = self.folder / "junk.pem"
        junk.write_text("junk")
        result = programs.fetch("--cacert", str(junk), f"https://{self.place}/page")
        self.assertEqual(result.returncode, 1)
        self.assertIn("TLS context", result.stdout + result.stderr)

    def test_who_is_not_trusted_is_refused(self):
        result = programs.fetch(f"https://{self.place}/page")
        self.assertEqual(result.returncode, 1)
        self.assertIn("certificate verify failed", result.stdout + result.stderr)

    def test_plain_http_to_a_tls_port_and_the_reverse_are_errors(self):
        result = programs.fetch(f"http://{self.place}/page")
        self.assertEqual(result.returncode, 1)
        with programs.http_server("--port", "0") as plain:
            result = programs.fetch(f"https://127.0.0.1:{plain.port}/")
            self.assertEqual(result.returncode, 1)
            self.assertIn("TLS handshake", result.stdout + result.stderr)


if __name__ == "__main__":
    programs.main()
