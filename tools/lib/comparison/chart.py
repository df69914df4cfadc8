# SPDX-License-Identifier: MIT
"""Owns the charts: SVG written by hand, so that nothing but Python is needed.

Two kinds: dots, a line of a row each with a dot for every program; and a curve over a growing N.
"""

import html
import math

COLOURS = {
    "coir": "#d1495b",
    "Go": "#00798c",
    "tokio": "#edae49",
    "crossbeam": "#edae49",
    "Boost.Fiber": "#66829b",
}
OTHER = "#7f7f7f"
FONT = "font-family='sans-serif' font-size='11'"


def text(x, y, words, anchor="start", more=""):
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' {more}>{html.escape(words)}</text>"


def line(x1, y1, x2, y2, colour="#dddddd"):
    return f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}'/>"


def dot(x, y, colour, words):
    title = f"<title>{html.escape(words)}</title>"
    return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='{colour}'>{title}</circle>"


def drawing(width, height, parts):
    body = "\n".join(parts)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' {FONT}>\n"
        f"<rect width='100%' height='100%' fill='white'/>\n{body}\n</svg>\n"
    )


class LogAxis:
    """Maps the powers of ten around `values` to the pixels from `start` to `end`."""

    def __init__(self, values, start, end):
        values = [one for one in values if one > 0]
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self.start, self.end = start, end

    def at(self, value):
        share = (math.log10(max(value, 10**self.low)) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self):
        return [10**power for power in range(self.low, self.high + 1)]


def tick_words(nanoseconds):
    for limit, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if nanoseconds >= limit:
            return f"{nanoseconds / limit:g} {unit}"
    return f"{nanoseconds:g} ns"


def legend(programs, x, y):
    parts = []
    for program in programs:
        parts.append(dot(x, y - 4, COLOURS.get(program, OTHER), program))
        parts.append(text(x + 8, y, program))
        x += 30 + 7 * len(program)
    return parts


def dots(title, figures, workers, programs):
    """A chart of the times of all rows with one number of workers."""
    rows = [
        row
        for row in figures.rows(workers)
        if not row.endswith(("_bytes", "_by_min")) and figures.has(row, workers, "coir")
    ]
    if not rows:
        return None
    left, top, step, width = 240, 66, 16, 900
    values = [
        figures.least(row, workers, one)
        for row in rows
        for one in programs
        if figures.has(row, workers, one)
    ]
    axis = LogAxis(values, left, width - 30)
    bottom = top + step * len(rows)
    parts = [text(10, 20, title, more="font-weight='bold'"), *legend(programs, 14, 42)]
    for tick in axis.ticks():
        parts.append(line(axis.at(tick), top - 8, axis.at(tick), bottom))
        parts.append(text(axis.at(tick), bottom + 16, tick_words(tick), "middle"))
    for i, row in enumerate(rows):
        y = top + step * i + step / 2
        parts.append(text(left - 10, y + 4, row, "end"))
        parts.append(line(left, y, width - 30, y, "#f2f2f2"))
        for one in reversed(programs):  # coir on top
            if figures.has(row, workers, one):
                least = figures.least(row, workers, one)
                words = f"{row}, {one}: {least:,.1f} ns"
                parts.append(dot(axis.at(least), y, COLOURS.get(one, OTHER), words))
    return drawing(width, bottom + 30, parts)


def curve(title, points, what):
    """A chart of nanoseconds over N, both in powers of ten. `points`: pairs of N and ns."""
    left, top, right, bottom = 80, 50, 600, 330
    across = LogAxis([n for n, _ in points], left, right)
    up = LogAxis([value for _, value in points], bottom, top)
    parts = [text(10, 20, title, more="font-weight='bold'"), text(10, 38, what)]
    for tick in across.ticks():
        parts.append(line(across.at(tick), top, across.at(tick), bottom))
        parts.append(text(across.at(tick), bottom + 18, f"{tick:,.0f}", "middle"))
    for tick in up.ticks():
        parts.append(line(left, up.at(tick), right, up.at(tick)))
        parts.append(text(left - 8, up.at(tick) + 4, tick_words(tick), "end"))
    places = [(across.at(n), up.at(value)) for n, value in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts.append(f"<polyline points='{path}' fill='none' stroke='{COLOURS['coir']}'/>")
    for (x, y), (n, value) in zip(places, points):
        parts.append(dot(x, y, COLOURS["coir"], f"N = {n:,}: {value:,.1f} ns"))
        parts.append(text(x, y - 9, f"{value:,.0f}" if value >= 100 else f"{value:.1f}", "middle"))
    return drawing(640, 370, parts)
