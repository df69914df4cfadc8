#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owns what Doxygen is shown of a header: the house's comments, in the form that it understands.

Declarations that stand together, without a blank line, share the comment above the first: overloads,
and twins that take a std::error_code. Doxygen wants one for each. Lines keep their numbers.
"""

import re
import sys

SPECIAL = [
    (re.compile(r"= delete"), None),
    (re.compile(r"operator==\(|operator<=>\("), "Compares."),
    (re.compile(r"^\s+(\w+)\(\1&& \w+\)|operator=\((\w+)&& \w+\)|\(\w+&&\) noexcept"), "Moves."),
    (re.compile(r"^\s+(\w+)\(const \1&( \w+)?\)|operator=\(const \w+&"), "Copies."),
    (re.compile(r"^\s+\w+\(\)( noexcept)? = default"), "Makes an empty one."),
]
# There for templates of ours, or nothing that could be called.
OURS = re.compile(r"friend synchronized<|is_error_code_enum|select_entry& entry|void prepare|void complete|enable_sendable<unsafe")
NO_DECLARATION = re.compile(r"^\s*($|/\*\*|//|#|[{}]|public:|private:|protected:|friend class|namespace)")


OPENS_SCOPE = re.compile(r"^\s*(template .*)?(class|struct|union|enum( class)?|namespace) [^;]*\{$")
HEAD_OF_CLASS = re.compile(r"^\s*(class|struct) .*[,{]$")


def special_comment(line):
    for pattern, comment in SPECIAL:
        if pattern.search(line):
            return comment
    return None


def ends_declaration(line):
    code = line.split("//")[0].strip()
    if code.startswith("requires") and code.endswith("}"):
        return False  # a condition, behind which the body comes
    return code.endswith((";", "}", "};"))


def without_internals(lines):
    """Blanks out namespace detail, and members that are defined behind their class."""
    hidden = None
    for line in lines:
        if hidden is None and line.startswith("namespace detail {"):
            hidden = "} // namespace detail"
        elif hidden is None and re.match(r"(template .*|\w+ )\w+<\w+>::~?\w+\(", line):
            hidden = "}"
        yield "\n" if hidden or OURS.search(line) else line
        if hidden and (line.rstrip() == hidden or (hidden == "}" and line.endswith(" }\n"))):
            hidden = None


def filtered(lines):
    shared, indent, inside, body, comment = None, None, False, False, []
    for line in lines:
        # Functions of a namespace without a comment would be left out, whatever they say.
        line = re.sub(r"^(inline )?namespace coir", r"/** See the files. */ \g<0>", line)
        stripped = line.strip()
        here = len(line) - len(line.lstrip())
        if stripped.startswith("///") and not stripped.startswith("///<"):
            if not inside:
                comment.append(stripped[3:].strip())
        elif inside and HEAD_OF_CLASS.match(line):
            inside, shared = not line.rstrip().endswith("{"), None
        elif inside:
            body = body or line.rstrip().endswith("{")
            if ends_declaration(line) and (here == indent or not body):
                inside = False
        elif NO_DECLARATION.match(line):
            shared, comment = None, []
        else:
            if comment:
                # Up to the example, which one of them is enough for.
                text = " ".join(comment[: comment.index("")] if "" in comment else comment)
                shared, indent, comment = text.replace("*/", ""), here, []
            elif here == indent or shared is None:
                text = special_comment(line) or (shared if here == indent else None)
                if text and "///<" not in line:
                    line = line[:here] + f"/** {text} */ " + line[here:]
                indent = here if shared is None else indent
            if OPENS_SCOPE.match(line):
                shared = None
            else:
                inside, body = not ends_declaration(line), line.rstrip().endswith("{")
        yield line


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as header:
        text = header.read()
    # Words in angle brackets are headers, not HTML.
    text = re.sub(r"(?m)^\s*///.*$", lambda one: re.sub(r"<([a-z_/.]+)>", r"`\1`", one[0]), text)
    sys.stdout.write("".join(filtered(without_internals(text.splitlines(keepends=True)))))
