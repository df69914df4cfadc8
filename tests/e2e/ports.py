# SPDX-License-Identifier: MIT
"""Owns the choice of ports that must be known before anybody listens on them, or stay dead."""

import random
import socket


def free_port():
    """Returns a port of 127.0.0.1 on which nobody listens. It is not of those that the system gives
    to sockets that ask for any, so tests that run beside this one do not get it."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
