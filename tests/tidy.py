#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns the rules of form that clang-format does not know: heads, width, that every source is built.

    tidy.py ROOT        checks a checkout
    tidy.py --self-test checks that each rule catches a planted violation
"""

import re
import sys

import source_tree

WIDTH = 100
LONGEST_EXAMPLE = 120  # lines of code: blank ones and those of comments do not count
LICENCE = "SPDX-License-Identifier: MIT"
SCRIPTS = (".py", ".sh", ".build")


def check_lines(path, text):
    errors = []
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > WIDTH:
            errors.append(f"{path}:{number}: {len(line)} columns, at most {WIDTH}")
        if "\t" in line:
            errors.append(f"{path}:{number}: a tab")
        if line != line.rstrip():
            errors.append(f"{path}:{number}: blanks at the end of the line")
    if text and not text.endswith("\n"):
        errors.append(f"{path}: no newline at the end of the file")
    return errors


def check_head(path, text):
    """The licence first; in a header the guard, then one sentence on what the file owns."""
    lines = text.split("\n")
    if lines[0] != f"// {LICENCE}":
        return [f"{path}:1: the first line is not // {LICENCE}"]
    if path.suffix != ".hpp":
        return []
    if len(lines) < 2 or lines[1] != "#pragma once":
        return [f"{path}:2: no #pragma once under the licence line"]
    rest = [line for line in lines[2:4] if line]
    if not rest or not rest[0].startswith("//"):
        return [f"{path}:3: no sentence that says what the file owns"]
    return []


def check_example(path, text):
    """A program to read: what it says about itself first, and no more than one can take in."""
    if path.parent.as_posix() != "examples" or path.suffix != ".cpp":
        return []
    lines = text.split("\n")
    code = [line for line in lines if line.strip() and not line.strip().startswith("//")]
    errors = []
    if len(lines) < 2 or not lines[1].startswith("// "):
        errors.append(f"{path}:2: no comment on what it teaches")
    if len(code) > LONGEST_EXAMPLE:
        errors.append(f"{path}: {len(code)} lines of code, at most {LONGEST_EXAMPLE}")
    return errors


def check_script(path, text):
    if LICENCE not in "\n".join(text.split("\n")[:3]):
        return [f"{path}:1: no {LICENCE} in the first lines"]
    return check_lines(path, text)


def check_is_built(root, path):
    """A source that no meson.build names would never be compiled, and so never fail."""
    is_source = path.suffix == ".cpp" or path.name.endswith("_test.py")
    if not is_source or "compile_fail" in path.parts:
        return []
    for folder in (root / path).parents:
        build_file = folder / "meson.build"
        if build_file.is_file():
            name = (root / path).relative_to(folder).as_posix()
            errors = check_is_named(root, build_file, path, {name, name.removesuffix(".cpp")})
            above = folder.parent / "meson.build"
            if above.is_file():
                errors += check_is_named(root, above, folder.relative_to(root), {folder.name})
            return errors
    return [f"{path}: no meson.build above it"]


def check_is_named(root, build_file, path, names):
    text = re.sub(r"#.*", "", build_file.read_text(encoding="utf-8"))
    if names & set(re.findall(r"'([^']*)'", text)):
        return []
    return [f"{path}: {build_file.relative_to(root)} does not name it"]


def check(root):
    errors = []
    for path, text in source_tree.sources(root):
        errors += check_head(path, text) + check_lines(path, text) + check_is_built(root, path)
        errors += check_example(path, text)
    for path, text in source_tree.sources(root, suffixes=SCRIPTS):
        errors += check_script(path, text) + check_is_built(root, path)
    for path, text in source_tree.sources(root, ("tools", ".ci"), suffixes=("", ".sh")):
        errors += check_script(path, text)
    return errors


HEAD = f"// {LICENCE}\n"
CLEAN = {
    "lib/base/meson.build": f"# {LICENCE}\nbase_sources = files('check.cpp')\n",
    "lib/base/check.cpp": HEAD + "// Short.\n",
    "include/coir/chan.hpp": HEAD + "#pragma once\n// Owns the channel.\n",
    "examples/meson.build": f"# {LICENCE}\nnames = ['du']\n",
    "examples/du.cpp": HEAD + "// Adds up.\n" + "int one;\n" * 120,
    "tests/layers.py": f"#!/usr/bin/env python3\n# {LICENCE}\n",
}
VIOLATIONS = [
    ("no licence line", {"lib/base/check.cpp": "// Short.\n"}, "the first line is not"),
    ("a script without licence", {"tests/layers.py": "import sys\n"}, "no SPDX"),
    ("a tool without licence", {"tools/test": "#!/usr/bin/env bash\n"}, "tools/test:1: no SPDX"),
    ("no guard", {"include/coir/chan.hpp": HEAD + "\n"}, "no #pragma once"),
    (
        "no sentence",
        {"include/coir/chan.hpp": HEAD + "#pragma once\n\n#include <vector>\n"},
        "no sentence",
    ),
    ("a long line", {"lib/base/check.cpp": HEAD + "x" * 101 + "\n"}, "101 columns"),
    ("a tab", {"lib/base/check.cpp": HEAD + "\tx\n"}, "a tab"),
    ("a trailing blank", {"lib/base/check.cpp": HEAD + "x \n"}, "blanks at the end"),
    ("no last newline", {"lib/base/check.cpp": HEAD + "x"}, "no newline"),
    ("a test nobody runs", {"tests/e2e/x_test.py": f"# {LICENCE}\n"}, "x_test.py: no meson.build"),
    (
        "a folder nobody builds",
        {"lib/meson.build": f"# {LICENCE}\n"},
        "lib/base: lib/meson.build does not name it",
    ),
    ("a long example", {"examples/du.cpp": HEAD + "// Long.\n" + "int a;\n" * 121}, "121 lines of"),
    ("an example without a word", {"examples/du.cpp": HEAD + "int a;\n"}, "du.cpp:2: no comment"),
    ("a source nobody builds", {"lib/base/lost.cpp": HEAD}, "lost.cpp: lib/base/meson.build"),
]


if __name__ == "__main__":
    sys.exit(source_tree.main(__doc__, check, CLEAN, VIOLATIONS))
