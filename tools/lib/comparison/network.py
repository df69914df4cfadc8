# SPDX-License-Identifier: MIT
"""Owns how the rows of the network are run: servers and clients, each with the same counterpart.

    echo_N             64 bytes there and back over N connections
    echo_64_idle_9000  the same beside 9,000 connections that say nothing
    http_64            GET of "Hello, world!" by wrk over 64 connections
    fetch_64           the other side: GET of 1 KiB from nginx, 64 at a time

What is compared is the CPU time per request of the program alone, user and system of all its
threads: it is far steadier than requests per second, which depend on who happens to sleep when.
The program is pinned to the first cores, its counterpart to the last.
"""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

ECHO_ROWS = ["echo_1", "echo_64", "echo_1000", "echo_64_idle_9000"]
FETCHES = 20_000  # so that the start of the program does not count

NGINX_OPTIONS = """
daemon off; master_process off; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    location = /hello {{ return 200 "Hello, world!\\n"; }}
    location / {{ root {folder}; }}
  }}
}}
"""


def on_cores(cores):
    return lambda: os.sched_setaffinity(0, cores)


def cpu_time_ns(process):
    """Of all threads of a process that lives, as its scheduler counts it."""
    ran = pathlib.Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(float(path.read_text().split()[0]) for path in ran)


def output_of(command, cores, timeout):
    done = subprocess.run(
        list(map(str, command)), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=timeout, preexec_fn=on_cores(cores),
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


@contextlib.contextmanager
def running(command, cores, environment=None, **more):
    """The process of a command, which ends with the block."""
    process = subprocess.Popen(
        list(map(str, command)), env=environment, preexec_fn=on_cores(cores), **more
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def nginx(cores):
    """Its process and its port; it has a greeting, and a file of 1 KiB."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "1k").write_text("x" * 1024)
        pathlib.Path(folder).chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        options = pathlib.Path(folder) / "nginx.conf"
        options.write_text(NGINX_OPTIONS.format(folder=folder, port=port))
        with running(["nginx", "-p", folder, "-c", options], cores) as process:
            wait_until_open(port)
            yield process, port


def wait_until_open(port):
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise RuntimeError(f"nobody listens at {port}") from None
            time.sleep(0.01)


class NetworkProgram:
    """`commands` has what serves `echo` and `http` and what can `fetch`. A server prints a line that
    ends with its port; a fetcher reads URLs."""

    def __init__(self, name, version, commands, load, counts=(1, 2), environment=None):
        self.name = name
        self.version = version
        self.commands = commands
        self.load = load  # what keeps an echo server busy
        self.environment = environment or {}
        rows = ECHO_ROWS if "echo" in commands else []
        rows = rows + [f"{kind}_64" for kind in ("http", "fetch") if kind in commands]
        self.rows = {row: {count: row for count in counts} for row in rows}

    def run(self, row, workers, cores, seconds, timeout, _messages):
        """The figures of one run. Raises RuntimeError."""
        cores = sorted(cores)
        own, other = set(cores[:workers]), {cores[-1]}
        measure = getattr(self, "measure_" + row.split("_")[0])
        try:
            return measure(row, workers, own, other, seconds, timeout)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"not done after {timeout} s") from None

    def environment_for(self, workers):
        counts = dict.fromkeys(["COIR_WORKERS", "GOMAXPROCS", "BENCH_WORKERS"], str(workers))
        return os.environ | counts | self.environment

    @contextlib.contextmanager
    def serving(self, kind, workers, cores):
        with running(
            self.commands[kind], cores, self.environment_for(workers), text=True,
            stdout=subprocess.PIPE,
        ) as process:  # fmt: skip
            told = re.search(r"(\d+)\s*$", process.stdout.readline())
            if told is None:
                raise RuntimeError(f"{self.commands[kind][0]} does not say where it listens")
            yield process, int(told[1])

    def measure_echo(self, row, workers, own, other, seconds, timeout):
        count, *idle = re.findall(r"\d+", row)
        with self.serving("echo", workers, own) as (process, port):
            load = [self.load, port, process.pid, count, seconds, *idle]
            lines = output_of(load, other, timeout).splitlines()
        told = {name: float(value) for name, value in (line.split() for line in lines)}
        figures = {row: told["cpu_us"] * 1e3, f"{row}_p99": told["p99_us"] * 1e3}
        return figures | ({f"{row}_resident_bytes": told["connection_bytes"]} if idle else {})

    def measure_http(self, row, workers, own, other, seconds, timeout):
        with self.serving("http", workers, own) as (process, port):
            wrk = ["wrk", "-t1", "-c64", "--latency", f"-d{max(1, round(seconds))}s"]
            before = cpu_time_ns(process.pid)
            told = output_of([*wrk, f"http://127.0.0.1:{port}/hello"], other, timeout)
            used = cpu_time_ns(process.pid) - before
        requests = re.search(r"(\d+) requests in", told)
        p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", told)
        scale = {"us": 1e3, "ms": 1e6, "s": 1e9}
        return {row: used / int(requests[1]), f"{row}_p99": float(p99[1]) * scale[p99[2]]}

    def measure_fetch(self, row, workers, own, other, _seconds, _timeout):
        with nginx(other) as (_, port), tempfile.TemporaryFile("w+") as urls:
            urls.write(self.line_for(f"http://127.0.0.1:{port}/1k") * FETCHES)
            urls.seek(0)
            quiet = {"stdin": urls, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            environment = self.environment_for(workers)
            with running(self.commands["fetch"], own, environment, **quiet) as process:
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"{self.commands['fetch'][0]} ended with {process.returncode}")
        return {row: (used.ru_utime + used.ru_stime) * 1e9 / FETCHES}

    def line_for(self, url):
        return f"{url}\n"


class Curl(NetworkProgram):
    """Fetches by one process, many at a time."""

    def __init__(self, version):
        fetch = ["curl", "--silent", "--parallel", "--parallel-max", "64", "--config", "-"]
        super().__init__("curl", version, {"fetch": fetch}, None, counts=(1,))

    def line_for(self, url):
        return f"url={url}\noutput=/dev/null\n"


class Nginx(NetworkProgram):
    """Serves by one process."""

    def __init__(self, version):
        super().__init__("nginx", version, {"http": ["nginx"]}, None, counts=(1,))

    @contextlib.contextmanager
    def serving(self, _kind, _workers, cores):
        with nginx(cores) as server:
            yield server
