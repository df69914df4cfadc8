# SPDX-License-Identifier: MIT
"""Recording with COIR_TRACE costs a server less than 5 %, in instructions for each request."""

import os
import pathlib
import re
import tempfile
import unittest

import programs

VALGRIND = programs.tool("valgrind")
FEW, MANY = 500, 2500  # requests; their difference counts, so that start and end are not in it


def instructions(requests, trace=None):
    """What a client and its server take, until they begin to write the file at their end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [VALGRIND, "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        command += ["--dump-before=coir::detail::write_trace*"]
        variables = {name: text for name, text in os.environ.items() if name != "COIR_TRACE"}
        if trace:
            variables["COIR_TRACE"] = os.path.join(folder, trace)
        result = programs.run(
            [*command, os.environ["COIR_TRACE_SUBJECT"], str(requests)], env=variables
        )
        assert result.returncode == 0, result.stderr
        counts = pathlib.Path(folder, "out.1" if trace else "out").read_text()
        return int(re.search(r"^totals: (\d+)", counts, re.M)[1])


@unittest.skipIf(programs.IS_SANITIZED, "one tool at a time")
class Cost(unittest.TestCase):
    def test_a_server_hardly_notices(self):
        off = instructions(MANY) - instructions(FEW)
        on = instructions(MANY, "trace.json") - instructions(FEW, "trace.json")
        print(f"{off // (MANY - FEW)} instructions for a request, "
              f"{on / off - 1:+.1%} when recorded")  # fmt: skip
        self.assertGreater(on, 1.001 * off)  # it does record
        self.assertLess(on, 1.05 * off)


if __name__ == "__main__":
    unittest.main()
