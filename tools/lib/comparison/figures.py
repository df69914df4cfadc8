# SPDX-License-Identifier: MIT
"""Owns the figures of all rounds, and how they are put into words and tables."""

import collections
import statistics


class Figures:
    """What each program gave for each row at each number of workers, round by round."""

    def __init__(self):
        self.rounds = collections.defaultdict(list)  # (row, workers, program) -> numbers
        self.failures = {}  # the same -> why

    def add(self, workers, program, figures):
        for row, value in figures.items():
            self.rounds[row, workers, program].append(value)

    def has(self, row, workers, program):
        return (row, workers, program) in self.rounds

    def least(self, row, workers, program):
        return min(self.rounds[row, workers, program])

    def median(self, row, workers, program):
        return statistics.median(self.rounds[row, workers, program])

    def programs(self):
        return list(dict.fromkeys(program for _, _, program in self.rounds))

    def rows(self, workers):
        """In the order in which they were first measured."""
        return list(dict.fromkeys(row for row, count, _ in self.rounds if count == workers))

    def workers(self):
        return sorted({count for _, count, _ in self.rounds})

    def ratio(self, row, workers, program):
        """How many times coir's figure the program's is; None where there is nothing to compare."""
        if not (self.has(row, workers, program) and self.has(row, workers, "coir")):
            return None
        ours = self.least(row, workers, "coir")
        return self.least(row, workers, program) / ours if ours else None

    def as_json(self):
        return [
            {
                "row": row,
                "workers": workers,
                "program": program,
                "minimum": min(numbers),
                "median": statistics.median(numbers),
                "rounds": numbers,
                "times_coir": self.ratio(row, workers, program),
            }
            for (row, workers, program), numbers in self.rounds.items()
        ]


def three_digits(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def unit_of(row):
    if row.endswith("_bytes"):
        return " B"
    if row.endswith("_by_min"):
        return ""
    return " ns"


def in_words(row, value):
    """A figure with its unit; nanoseconds go without one, great ones as milliseconds."""
    unit = unit_of(row)
    if unit == "":
        return f"{value:.2f}"
    if unit == " ns":
        return f"{three_digits(value / 1e6)} ms" if value >= 1e6 else three_digits(value)
    return three_digits(value) + unit


def cell(figures, row, workers, program):
    if not figures.has(row, workers, program):
        return "failed" if (row, workers, program) in figures.failures else "-"
    least = in_words(row, figures.least(row, workers, program))
    text = f"{least} ({in_words(row, figures.median(row, workers, program))})"
    ratio = figures.ratio(row, workers, program)
    return text if program == "coir" or ratio is None else f"{text} x{ratio:.2g}"


def compared(figures, workers):
    """The programs that have a figure at this number of workers, coir first."""
    present = [one for one in figures.programs() if one != "coir"]
    rows = figures.rows(workers)
    return ["coir"] + [one for one in present if any(figures.has(r, workers, one) for r in rows)]


def table(figures, workers):
    """A table in Markdown: minimum (median), and behind it how many times coir's minimum."""
    programs = compared(figures, workers)
    lines = [["row", *programs]]
    for row in figures.rows(workers):
        name = f"`{row}`" + (", CPU time" if row == "sleep_100k" else "")
        lines.append([name] + [cell(figures, row, workers, one) for one in programs])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    filled = ([text.ljust(width) for text, width in zip(line, widths)] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in filled)


def losses(figures):
    """The rows in which a peer is faster, worst first: (row, workers, peer, ratio)."""
    found = []
    for row, workers, program in figures.rounds:
        ratio = figures.ratio(row, workers, program)
        if program != "coir" and ratio is not None and ratio < 1:
            found.append((row, workers, program, ratio))
    return sorted(found, key=lambda one: one[3])
