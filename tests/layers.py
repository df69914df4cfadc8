#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns the direction of includes: a lower layer sees no upper one, a public header never lib/.

    layers.py ROOT        checks a checkout
    layers.py --self-test checks that each rule catches a planted violation
"""

import re
import sys

import source_tree

# Bottom up. Neighbours on one line do not include each other.
ORDER = [
    {"base"},
    {"fiber", "ring", "timer"},
    {"sched"},
    {"wait"},
    {"chan", "sync"},
    {"time", "task"},
    {"io"},
    {"net", "fs", "os"},
    {"debug", "testing"},
]
RANK = {layer: rank for rank, line in enumerate(ORDER) for layer in line}

# The layer of each public header, relative to include/coir; one in a folder that bears a layer's
# name belongs to that layer.
TOP = "everything"
PUBLIC = {
    "coir.hpp": TOP,
    "sendable.hpp": "base",
    "version.hpp": "base",
    "runtime_options.hpp": "sched",
    "cancel.hpp": "wait",
    "cancelled.hpp": "wait",
    "chan.hpp": "chan",
    "synchronized.hpp": "sync",
    "time.hpp": "time",
    "run.hpp": "task",
    "task.hpp": "task",
    "select.hpp": "task",  # its cases are channels and tasks
    "blocking.hpp": "task",
    "group.hpp": "task",
    "sync/wait_group.hpp": "task",  # its go starts tasks
    "local.hpp": "task",
    "debug.hpp": "debug",
    "testing.hpp": "testing",
    "io/backend.hpp": "ring",
    "detail/config.hpp": "base",
    "detail/scheduling_point.hpp": "base",
    "detail/durations.hpp": "base",
    "detail/clocks.hpp": "base",
    "detail/deadline.hpp": "base",
    "detail/clocks.hpp": "base",
    "detail/countdown.hpp": "sync",
    "detail/sync_state.hpp": "sync",
    "detail/tls_carrier.hpp": "net",
    "detail/kernel_copy.hpp": "io",
    "detail/channel_core.hpp": "chan",
    "detail/channel_handles.hpp": "chan",
    "detail/select_entry.hpp": "chan",
    "detail/select_cases.hpp": "chan",
    "detail/countdown.hpp": "sync",
    "detail/sync_state.hpp": "sync",
    "detail/descriptor.hpp": "io",
    "detail/io_case.hpp": "io",
    "detail/read_buffer.hpp": "io",
    "detail/socket_file.hpp": "net",
    "detail/socket_stream.hpp": "net",
    "detail/group_parts.hpp": "task",
    "detail/launch.hpp": "task",
    "detail/run_main.hpp": "task",
}
RANK[TOP] = len(ORDER)

# A user has coir's headers and the standard library; what coir itself is built on stays in lib/.
NOT_FOR_USERS = ("boost/", "liburing", "valgrind/", "sanitizer/")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(text):
    return [(quote == '"', target) for quote, target in INCLUDE.findall(text)]


def public_layer(header):
    """The layer of a header named relative to include/coir, or None."""
    folder = header.split("/")[0]
    return PUBLIC.get(header) or (folder if folder in RANK else None)


def may_include(layer, target):
    return layer == target or RANK[target] < RANK[layer]


def check_edge(layer, path, target, target_layer):
    if target_layer is None:
        return [f"{path}: includes {target}, whose layer tests/layers.py does not know"]
    if may_include(layer, target_layer):
        return []
    neighbour = RANK[layer] == RANK[target_layer]
    relation = "its neighbour" if neighbour else "the upper layer"
    return [f"{path}: {layer} includes {relation} {target_layer} ({target})"]


def check_library_file(root, path, text):
    layer = path.parts[1] if len(path.parts) > 2 else None
    if layer not in RANK or layer == TOP:
        return [f"{path}: lib/{path.parts[1]} is no layer that tests/layers.py knows"]
    errors = []
    for quoted, target in includes(text):
        if quoted and not (root / "lib" / target).is_file():
            errors.append(f'{path}: "{target}" is not in lib/; write "layer/file.hpp"')
        elif quoted:
            errors += check_edge(layer, path, target, target.split("/")[0])
        elif target.startswith("coir/"):
            errors += check_edge(layer, path, target, public_layer(target[len("coir/") :]))
    return errors


def check_public_header(path, text):
    header = "/".join(path.parts[2:])
    layer = public_layer(header)
    if layer is None:
        return [f"{path}: say in PUBLIC of tests/layers.py which layer this header belongs to"]
    errors = []
    for quoted, target in includes(text):
        if quoted:
            errors.append(f'{path}: a public header writes <coir/...>, not "{target}"')
        elif target.startswith(NOT_FOR_USERS):
            errors.append(f"{path}: <{target}> would become a dependency of every user")
        elif target.startswith("coir/"):
            errors += check_edge(layer, path, target, public_layer(target[len("coir/") :]))
    return errors


def check_example(path, text):
    return [
        f'{path}: an example sees only public headers, not "{target}"'
        for quoted, target in includes(text)
        if quoted and target.split("/")[0] in RANK
    ]


def find_cycles(graph):
    """Reports each include cycle once, as the path that closes it."""
    errors, finished = [], set()

    def visit(node, trail):
        if node in trail:
            errors.append("include cycle: " + " -> ".join(trail[trail.index(node) :] + [node]))
        elif node not in finished:
            for target in graph.get(node, ()):
                visit(target, trail + [node])
            finished.add(node)

    for node in graph:
        visit(node, [])
    return errors


def check(root):
    errors, public_graph, library_graph = [], {}, {}
    for path, text in source_tree.sources(root, ("lib",)):
        errors += check_library_file(root, path, text)
        library_graph[str(path.relative_to("lib"))] = [t for quoted, t in includes(text) if quoted]
    for path, text in source_tree.sources(root, ("include",)):
        errors += check_public_header(path, text)
        public_graph[str(path.relative_to("include"))] = [t for _, t in includes(text)]
    for path, text in source_tree.sources(root, ("examples",)):
        errors += check_example(path, text)
    return errors + find_cycles(public_graph) + find_cycles(library_graph)


CLEAN = {
    "include/coir/chan.hpp": "#include <coir/sendable.hpp>\n#include <vector>\n",
    "include/coir/sendable.hpp": "",
    "include/coir/time.hpp": "#include <coir/chan.hpp>\n",
    "include/coir/coir.hpp": "#include <coir/chan.hpp>\n#include <coir/time.hpp>\n",
    "lib/base/check.hpp": "#include <coir/sendable.hpp>\n",
    "lib/fiber/stack.hpp": '#include "base/check.hpp"\n',
    "lib/timer/heap.hpp": '#include "base/check.hpp"\n',
    "lib/sched/worker.hpp": '#include "fiber/stack.hpp"\n#include "timer/heap.hpp"\n',
    "lib/sched/worker.cpp": '#include "sched/worker.hpp"\n',
    "examples/farm.cpp": '#include <coir/coir.hpp>\n#include "http/client.hpp"\n',
}
VIOLATIONS = [
    (
        "a lower layer includes an upper one",
        {"lib/base/check.hpp": '#include "sched/worker.hpp"\n'},
        "base includes the upper layer sched",
    ),
    (
        "a neighbour includes its neighbour",
        {"lib/fiber/stack.hpp": '  #  include "timer/heap.hpp"\n'},
        "fiber includes its neighbour timer",
    ),
    (
        "a lower layer includes an upper layer's public header",
        {"lib/timer/heap.hpp": "#include <coir/chan.hpp>\n"},
        "timer includes the upper layer chan",
    ),
    (
        "a public header includes an upper one",
        {"include/coir/sendable.hpp": "#include <coir/time.hpp>\n"},
        "base includes the upper layer time",
    ),
    (
        "a public header includes lib/",
        {"include/coir/chan.hpp": '#include "sched/worker.hpp"\n'},
        "a public header writes <coir/...>",
    ),
    (
        "a public header includes lib/ by a detour",
        {"include/coir/chan.hpp": '#include "../../lib/sched/worker.hpp"\n'},
        "a public header writes <coir/...>",
    ),
    (
        "a public header includes a dependency",
        {"include/coir/chan.hpp": "#include <liburing.h>\n"},
        "dependency of every user",
    ),
    (
        "public headers include each other",
        {
            "include/coir/chan.hpp": "#include <coir/select.hpp>\n",
            "include/coir/select.hpp": "#include <coir/chan.hpp>\n",
        },
        "include cycle: coir/chan.hpp -> coir/select.hpp -> coir/chan.hpp",
    ),
    (
        "internal headers of one layer include each other",
        {
            "lib/sched/worker.hpp": '#include "sched/queue.hpp"\n',
            "lib/sched/queue.hpp": '#include "sched/worker.hpp"\n',
        },
        "include cycle: sched/",
    ),
    ("an unknown layer", {"lib/utils/x.hpp": ""}, "lib/utils is no layer"),
    ("an unknown public header", {"include/coir/misc.hpp": ""}, "say in PUBLIC"),
    (
        "an include relative to the file",
        {"lib/sched/worker.cpp": '#include "worker.hpp"\n'},
        'write "layer/file.hpp"',
    ),
    (
        "an example that reaches inside",
        {"examples/farm.cpp": '#include "sched/worker.hpp"\n'},
        "an example sees only public headers",
    ),
]


if __name__ == "__main__":
    sys.exit(source_tree.main(__doc__, check, CLEAN, VIOLATIONS))
