# SPDX-License-Identifier: MIT
"""Recording with COIR_TRACE costs a server less than 5 %, by its instructions for each request."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import unittest

import programs

VALGRIND = programs.tool("valgrind")
FEW, MANY = 300, 900  # requests; their difference counts, so that start and end are not in it


def instructions(requests, trace=None):
    """What the server takes until it begins to write the file, which happens at its end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [VALGRIND, "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        command += ["--dump-before=coir::detail::write_trace*"]
        variables = {**os.environ, "COIR_WORKERS": "1", "COIR_IO": "epoll"}
        if trace:
            variables["COIR_TRACE"] = os.path.join(folder, trace)
        options = {"under": command, "env": variables, "stderr": subprocess.DEVNULL}
        with programs.http_server("--port", "0", **options) as server:
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                for _ in range(requests):
                    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    assert client.recv(65536).startswith(b"HTTP/1.1 ")
            server.send_signal(signal.SIGTERM)
            server.wait(programs.PATIENCE_S)
        counts = pathlib.Path(folder, "out.1" if trace else "out").read_text()
        return int(re.search(r"^totals: (\d+)", counts, re.M)[1])


@unittest.skipIf(programs.IS_SANITIZED, "one tool at a time")
class Cost(unittest.TestCase):
    def test_a_server_hardly_notices(self):
        off = instructions(MANY) - instructions(FEW)
        on = instructions(MANY, "trace.json") - instructions(FEW, "trace.json")
        more = on / off - 1
        print(f"{off // (MANY - FEW)} instructions for a request, {more:+.1%} when recorded")
        self.assertGreater(more, 0.001)  # it does record
        self.assertLess(more, 0.05)


if __name__ == "__main__":
    unittest.main()
