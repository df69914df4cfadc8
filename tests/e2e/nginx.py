# SPDX-License-Identifier: MIT
"""Owns an nginx of the tests' own, with its own configuration, free port and folder."""

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

import ports
import programs

PROGRAM = programs.tool("nginx", "nginx-light")
CONFIG = """
daemon off;
pid {folder}/pid;
error_log stderr warn;
{user}
worker_processes 1;
events {{ worker_connections 4096; }}
http {{
    log_format connections '$connection $status $request_uri';
    access_log {folder}/access.log connections;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {folder}/root;
        default_type application/octet-stream;
        keepalive_requests {keepalive_requests};
        # A filter that may change the length makes nginx send the body in chunks.
        location /chunked/ {{
            alias {folder}/root/;
            sub_filter 'what no file contains' '';
            sub_filter_types *;
        }}
        location /redirect/ {{ rewrite ^/redirect/(.*)$ /$1 redirect; }}
    }}
}}
"""


class Nginx:
    """Serves `root` (a pathlib.Path) at `address`, as a context manager."""

    def __init__(self, keepalive_requests=1000):
        self.keepalive_requests = keepalive_requests

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="coir-nginx-"))
        self.root = self.folder / "root"
        self.root.mkdir()
        try:
            # Somebody else may take the port between the probe and nginx's bind.
            if not any(self._start() for _ in range(5)):
                raise AssertionError((self.folder / "errors").read_text())
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)

    def _start(self):
        self.port = ports.free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        user = pwd.getpwuid(os.geteuid()).pw_name
        (self.folder / "nginx.conf").write_text(
            CONFIG.format(
                folder=self.folder,
                port=self.port,
                keepalive_requests=self.keepalive_requests,
                user=f"user {user};" if os.geteuid() == 0 else "",
            )
        )
        with open(self.folder / "errors", "w") as errors:
            self.process = subprocess.Popen(
                [PROGRAM, "-p", self.folder, "-c", self.folder / "nginx.conf"], stderr=errors
            )
        while self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return True
            time.sleep(0.01)
        return False

    def requests(self):
        """Returns (connection, status, path) of every request so far."""
        lines = (self.folder / "access.log").read_text().splitlines()
        return [(line.split()[0], int(line.split()[1]), line.split()[2]) for line in lines]
