#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns the promise that what the pages point at is there: links, headings, files and coir's names.

    links.py ROOT        checks a checkout
    links.py --self-test checks that each rule catches a planted violation
"""

import re
import sys

import source_tree

# What git does not hold is not ours to check.
SKIPPED = {".git", "build", "subprojects"}
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
# A file of ours by its full name: `lib/ring/poller.hpp`, but not `lib/LAYER/x.hpp` or `tests/*`.
FILE = re.compile(r"(?:\.ci|\.github|bench|docs|examples|include|lib|tests|tools)/[a-z0-9_./-]+")


# A name of ours: `coir::this_task::id()`, `auto t = coir::go(f);`, `COIR_TRACE=file`.
NAME = re.compile(r"\bcoir((?:::[a-z_]+)+)")
VARIABLE = re.compile(r"\bCOIR_[A-Z_]+")
# What stands for coir's side in a table, where coir has nothing.
NOTHING = ("", "none")


def pages(root):
    for path in sorted(root.rglob("*.md")):
        if not SKIPPED & set(path.relative_to(root).parts):
            yield path.relative_to(root), path.read_text(encoding="utf-8")


def without_fences(text):
    """Blanks out code blocks, keeping the numbers of the lines."""
    return FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)


def anchors(text):
    """The names that forges give to headings: lower case, blanks to hyphens, no punctuation."""
    names = set()
    for heading in HEADING.findall(without_fences(text)):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        suffix = 0
        while name + (f"-{suffix}" if suffix else "") in names:
            suffix += 1
        names.add(name + (f"-{suffix}" if suffix else ""))
    return names


def check_target(root, page, target):
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None  # elsewhere: a test must not depend on the network
    name, _, anchor = target.partition("#")
    path = (root / page).parent / name if name else root / page
    if root.resolve() not in [path.resolve(), *path.resolve().parents]:
        return "leads out of the repository"
    if not path.exists():
        return "leads nowhere"
    if anchor and path.suffix == ".md" and anchor not in anchors(path.read_text(encoding="utf-8")):
        return f"there is no heading {anchor} in {path.name}"
    return None


def check_index(root, folder):
    """The README of a folder is its index: what it does not name is not found."""
    index = root / folder / "README.md"
    linked = set(LINK.findall(index.read_text(encoding="utf-8"))) if index.is_file() else set()
    names = [path.name for path in sorted((root / folder).glob("*.*"))]
    wanted = [name for name in names if name.endswith((".md", ".cpp")) and name != index.name]
    return [f"{folder}/README.md does not name {name}" for name in wanted if name not in linked]


def check(root):
    errors = check_index(root, "docs") + check_index(root, "examples")
    declared = words_of(root, "include")
    variables = words_of(root, "include", "lib", "tests", "tools", ".ci")
    for page, text in pages(root):
        prose = without_fences(text)
        errors += check_names(page, prose, declared, variables)
        if page.name.startswith("coming-from-"):
            errors += check_comparison(page, prose)
        for found in LINK.finditer(CODE.sub(lambda code: "`" + "x" * len(code[1]) + "`", prose)):
            line = prose.count("\n", 0, found.start()) + 1
            if problem := check_target(root, page, found[1]):
                errors.append(f"{page}:{line}: ({found[1]}): {problem}")
        for found in CODE.finditer(prose):
            if FILE.fullmatch(found[1]) and not (root / found[1].rstrip("/")).exists():
                line = prose.count("\n", 0, found.start()) + 1
                errors.append(f"{page}:{line}: there is no {found[1]}")
    return errors


def words_of(root, *folders):
    return {
        word
        for folder in folders
        for path in sorted((root / folder).rglob("*"))
        if path.is_file() and path.suffix in (".hpp", ".cpp", ".py", ".build", "")
        for word in re.findall(r"\w+", path.read_text(encoding="utf-8", errors="ignore"))
    }


def check_names(page, prose, declared, variables):
    """What a page calls coir's must be in its headers; its variables somewhere in the source."""
    for code in CODE.finditer(prose):
        line = prose.count("\n", 0, code.start()) + 1
        names = [name for names in NAME.findall(code[1]) for name in names.split("::")[1:]]
        for name in names:
            if name not in declared:
                yield f"{page}:{line}: no header has {name} of {code[0]}"
        for name in VARIABLE.findall(code[1]):
            if name.rstrip("_") not in variables and not name.endswith("_"):
                yield f"{page}:{line}: nothing knows {name}"


def check_comparison(page, text):
    """Whoever comes from elsewhere finds something beside each construct, or why there is not."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.startswith("| "):
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != 3:
            yield f"{page}:{number}: {len(cells)} cells, not 3"
        elif cells[1] in NOTHING and not cells[2]:
            yield f"{page}:{number}: nothing beside {cells[0]}, and no word on why"


CLEAN = {
    "README.md": "# Top\n[a](docs/a.md), [b](docs/a.md#what-is-it), [c](https://example.org/x)\n"
    "[d](#top) `tools/test --suite unit` `lib/LAYER/x.hpp` `lib/base/check.hpp`\n"
    "```sh\n[not a link](nowhere)\n```\n`[nor](this)`\n",
    "docs/a.md": "# A\n[up](../README.md) ![](chart.svg)\n\n## What *is* `it`?\n\n## Twice\n\n"
    "## Twice\n[second](#twice-1)\n",
    "docs/README.md": "[a](a.md) [c](coming-from-x.md)\n",
    "docs/coming-from-x.md": "| X | coir | note |\n|---|---|---|\n| `go f` | `coir::go(f)` | |\n"
    "| `a \\|\\| b` | none | not yet |\n",
    "include/coir/task.hpp": "auto go(f); // COIR_TRACE\n",
    "docs/chart.svg": "",
    "lib/base/check.hpp": "",
}
VIOLATIONS = [
    ("a broken link", {"README.md": "[a](docs/b.md)\n"}, "README.md:1: (docs/b.md): leads nowhere"),
    ("a broken image", {"docs/a.md": "\n![x](none.svg)\n"}, "docs/a.md:2: (none.svg)"),
    ("a heading that is not there", {"README.md": "[a](docs/a.md#when)\n"}, "no heading when"),
    ("a heading in a code block", {"docs/a.md": "```\n# B\n```\n[b](#b)\n"}, "no heading b"),
    ("a link out", {"README.md": "[a](../../etc/passwd)\n"}, "leads out of the repository"),
    ("a file that has moved", {"README.md": "see `lib/base/gone.hpp`\n"}, "no lib/base/gone.hpp"),
    ("a page nobody finds", {"docs/lost.md": "# Lost\n"}, "docs/README.md does not name lost.md"),
    ("an example nobody finds", {"examples/lost.cpp": ""}, "examples/README.md does not name lost"),
    ("a name that is gone", {"README.md": "`coir::spawn(f)`\n"}, "no header has spawn"),
    ("a variable that is gone", {"README.md": "`COIR_TRACES=1`\n"}, "nothing knows COIR_TRACES"),
    (
        "nothing beside a construct",
        {"docs/coming-from-x.md": "| `y` | none | |\n"},
        "coming-from-x.md:1: nothing beside `y`",
    ),
    (
        "a row that is cut short",
        {"docs/coming-from-x.md": "| `y` | why |\n"},
        "coming-from-x.md:1: 2 cells",
    ),
    ("a link in a table", {"README.md": "|x|\n|---|\n| [`a`](b.md) |\n"}, "README.md:3: (b.md)"),
]


if __name__ == "__main__":
    sys.exit(source_tree.main(__doc__, check, CLEAN, VIOLATIONS))
