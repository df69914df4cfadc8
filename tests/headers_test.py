#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns the promise that each public header stands alone: it compiles without another."""

import argparse
import concurrent.futures
import os
import pathlib
import sys
import tempfile

import installed


def check_header(coir, folder, header):
    source = pathlib.Path(folder) / (header.replace("/", "_") + ".cpp")
    source.write_text(f"#include <{header}>\n#include <{header}>\n", encoding="utf-8")
    diagnostics = coir.compile(source)
    return f"<{header}> does not stand alone:\n{diagnostics}" if diagnostics else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("include", type=pathlib.Path)
    installed.add_arguments(parser)
    options = parser.parse_args()
    headers = sorted(str(p.relative_to(options.include)) for p in options.include.rglob("*.hpp"))
    if not headers:
        print(f"no header under {options.include}")
        return 1
    with (
        installed.Installation(options) as coir,
        tempfile.TemporaryDirectory(prefix="coir-headers-") as folder,
        concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        results = pool.map(lambda header: check_header(coir, folder, header), headers)
        errors = [error for error in results if error]
    for error in errors:
        print(error)
    print(f"{len(headers)} headers, {len(errors)} failures")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
