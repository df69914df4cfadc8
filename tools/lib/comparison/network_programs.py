# SPDX-License-Identifier: MIT
"""Owns the programs that are compared over the network, and how each is built."""

import shutil

from .network import Curl, NetworkProgram, Nginx
from .programs import (
    Absent, build_by_cargo, build_by_meson, find_go, run_quietly, version_of,
)  # fmt: skip

LOAD = "coir/bench/net/net_echo_load"


def build_coir(root, build):
    folder, compiler = build_by_meson(root, build, examples="enabled")
    commands = {
        "echo": [folder / "bench/net/net_echo_server"],
        "http": [folder / "examples/http_server"],
        "fetch": [folder / "examples/http_client", "-c", "64", "-"],
    }
    backends = {"coir": "uring", "coir epoll": "epoll"}
    return [
        NetworkProgram(name, compiler, commands, build / LOAD, environment={"COIR_IO": backend})
        for name, backend in backends.items()
    ]


def build_c(root, build):
    """Built with coir; the one for io_uring needs liburing 2.3 as well, so both are there."""
    folder, compiler = build_by_meson(root, build, examples="enabled")
    return [
        NetworkProgram(
            f"C {kind}", compiler, {"echo": [folder / f"bench/peers/c/peer_{kind}_echo"]},
            build / LOAD, counts=(1,),
        )
        for kind in ("epoll", "uring")
    ]  # fmt: skip


def build_go(root, build):
    go = find_go()
    program = build / "go_net"
    run_quietly([go, "build", "-o", program, "./net"], root / "bench/peers/go")
    commands = {kind: [program, kind] for kind in ("echo", "http")}
    commands["fetch"] = [program, "fetch", "64"]
    return [NetworkProgram("Go", version_of([go, "version"]), commands, build / LOAD)]


def build_rust(root, build):
    folder = build / "rust_net"
    crate = build_by_cargo(root / "bench/peers/rust_net", folder)
    program = folder / "target/release/tokio_net"
    commands = {kind: [program, kind] for kind in ("echo", "http")}
    version = f"{crate('tokio')}; {crate('hyper')}"
    return [NetworkProgram("tokio", version, commands, build / LOAD)]


def find_nginx(_root, _build):
    if not shutil.which("nginx"):
        raise Absent("no nginx (Debian: nginx-light)")
    return [Nginx("nginx, one process")]


def find_curl(_root, _build):
    if not shutil.which("curl"):
        raise Absent("no curl (Debian: curl)")
    return [Curl(" ".join(version_of(["curl", "--version"]).split()[:2]))]


PEERS = {
    "c": build_c,
    "go": build_go,
    "rust": build_rust,
    "nginx": find_nginx,
    "curl": find_curl,
}
