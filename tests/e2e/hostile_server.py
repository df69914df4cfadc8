# SPDX-License-Identifier: MIT
"""Owns a server that behaves as badly as the path of a request tells it to."""

import socket
import threading

import ports


def answers():
    """Maps paths to (bytes to send, whether to leave the connection open and silent afterwards)."""

    def ok(body, *fields):
        head = "\r\n".join(["HTTP/1.1 200 OK", *fields])
        return head.encode() + b"\r\n\r\n" + body

    def moved(to):
        return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()

    length = "Content-Length: "
    chunked = "Transfer-Encoding: chunked"
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    return {
        "/good": (ok(b"good", length + "4"), True),
        "/until-close": (ok(b"until close"), False),
        "/chunked": (
            ok(b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\n", chunked),
            True,
        ),
        "/hints": (hints + ok(b"hinted", length + "6"), True),
        "/lies-keep-alive": (ok(b"bye", length + "3"), False),
        "/surplus": (ok(b"good" + b"HTTP/1.1 500 Not Asked For\r\n\r\n", length + "4"), True),
        "/silent": (b"", True),
        "/stalled": (ok(b"begin", length + "1000"), True),
        "/closed": (b"", False),
        "/half-header": (b"HTTP/1.1 200 OK\r\nContent-Le", False),
        "/truncated": (ok(b"0123456789", length + "1000"), False),
        "/truncated-chunk": (ok(b"ff\r\nabc", chunked), False),
        "/no-chunk-end": (ok(b"3\r\nabc\r\n", chunked), False),
        "/garbage": (b"220 mail.example.org ESMTP\r\n", True),
        "/bad-length": (ok(b"abc", length + "three"), True),
        "/two-lengths": (ok(b"abc", length + "3", length + "2"), True),
        "/bad-chunk": (ok(b"xyz\r\nabc\r\n0\r\n\r\n", chunked), True),
        "/huge-length": (ok(b"abc", length + "99999999999999999"), True),
        "/huge-header": (ok(b"", *[f"X-{i}: {'x' * 200}" for i in range(1000)]), True),
        "/endless-chunk-size": (ok(b"0" * 1_000_000, chunked), True),
        "/escape": (b"HTTP/1.1 404 \x80 [2J\r\nContent-Length: 0\r\n\r\n", True),
        "/404": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", True),
        "/503": (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", True),
        "/redirect": (moved("/dir/../good"), True),
        "/redirect-relative": (moved("good?x#fragment"), True),
        "/redirect-loop": (moved("/redirect-loop-2"), True),
        "/redirect-loop-2": (moved("/redirect-loop"), True),
        "/redirect-ftp": (moved("ftp://127.0.0.1/"), True),
        "/redirect-nowhere": (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", True),
        "/redirect-dead": (moved(f"http://127.0.0.1:{ports.free_port()}/"), True),
    }


class HostileServer:
    """Serves at `address`, a thread for each connection, as a context manager. `seen` lists the
    paths asked for; /flaky/N answers 503 N times, then 200; /redirects/N redirects N times."""

    def __enter__(self):
        self.answers = answers()
        self.seen = []
        self.connections = set()
        self.is_open = True
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.is_open = False
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for connection in self.connections:
                connection.close()

    def count(self, path):
        with self.lock:
            return self.seen.count(path)

    def _accept(self):
        while self.is_open:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections.add(connection)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        try:
            with connection:
                self._serve_requests(connection)
        except (OSError, ValueError):
            pass  # the client has gone, as it may
        finally:
            with self.lock:
                self.connections.discard(connection)

    def _serve_requests(self, connection):
        input = connection.makefile("rb")
        while request := input.readline():
            while input.readline() not in (b"\r\n", b""):
                pass
            path = request.split()[1].decode().partition("?")[0]
            with self.lock:
                self.seen.append(path)
            answer, stays_open = self._answer(path)
            connection.sendall(answer)
            if not stays_open:
                return

    def _answer(self, path):
        parts = path.split("/")
        if parts[1] == "flaky":
            return self.answers["/503" if self.count(path) <= int(parts[2]) else "/good"]
        if parts[1] == "redirects":
            to = "/good" if parts[2] == "0" else f"/redirects/{int(parts[2]) - 1}"
            head = f"HTTP/1.1 301 Moved Permanently\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
            return head.encode(), True
        return self.answers[path]
