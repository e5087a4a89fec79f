"""Drawings in SVG: bars, ranges, histograms, rasters. Colours are classes of the page's style."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

WIDTH = 640
"""Units of a drawing; it shrinks with the window."""
LABEL, ROW, BAR, TOTAL = 170, 20, 14, 60
"""Width of the names at the left, height of a row, of the bar in it, width of a figure behind it."""


def svg(height: float, parts: Sequence[str], title: str) -> str:
    """A drawing."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" role="img" aria-label="{escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )


def text(x: float, y: float, words: str, anchor: str = "start") -> str:
    """A line of text."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, colour: str, title: str = "") -> str:
    """A filled rectangle; the title appears under the pointer."""
    shape = (
        f'<rect x="{x:.2f}" y="{y:.2f}" width="{max(width, 0):.2f}" height="{height:.2f}" class="{colour}"'
    )
    return f"{shape}><title>{escape(title)}</title></rect>" if title else f"{shape}/>"


def bars(values: Mapping[str, float], title: str, limit: float | None = None) -> str:
    """A bar for each name; a line where a limit is."""
    most = max([*values.values(), limit or 0.0, 1e-300])
    scale = (WIDTH - LABEL - 80) / most
    parts = []
    for place, (name, value) in enumerate(values.items()):
        y = place * ROW
        parts += [
            text(LABEL - 6, y + 13, name, "end"),
            box(LABEL, y + 3, value * scale, BAR, "first"),
            text(LABEL + value * scale + 4, y + 13, f"{value:.4g}"),
        ]
    height = len(values) * ROW
    if limit is not None:
        x = LABEL + limit * scale
        parts.append(f'<line x1="{x:.2f}" x2="{x:.2f}" y1="0" y2="{height}" class="line"/>')
    return svg(height, parts, title)


def ranges(values: Mapping[str, tuple[float, float]], title: str) -> str:
    """A bar from the low to the high value of each name, on a logarithmic axis."""
    positive = [low for low, _ in values.values() if low > 0] or [1e-3]
    first, last = (
        math.floor(math.log10(min(positive))),
        math.ceil(math.log10(max(h for _, h in values.values()))),
    )
    last = max(last, first + 1)
    scale = (WIDTH - LABEL - 20) / (last - first)

    def across(value: float) -> float:
        return LABEL + (max(math.log10(value), first) - first) * scale if value > 0 else LABEL

    height = len(values) * ROW
    parts = []
    for power in range(first, last + 1):
        x = across(10.0**power)
        parts += [
            f'<line x1="{x:.2f}" x2="{x:.2f}" y1="0" y2="{height}" stroke="currentColor" opacity="0.25"/>',
            text(x, height + 14, f"{10.0**power:g}", "middle"),
        ]
    for place, (name, (low, high)) in enumerate(values.items()):
        y = place * ROW
        label = f"{name}: {low:.3g} to {high:.3g}"
        width = max(across(high) - across(low), 2.0)
        parts += [text(LABEL - 6, y + 13, name, "end"), box(across(low), y + 3, width, BAR, "first", label)]
    return svg(height + ROW, parts, title)


COLOURS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
"""Classes of parts in the order in which they are told apart best, by eyes that confuse colours too."""
LEGEND_COLUMNS = 3


def stacked(rows: Mapping[str, Mapping[str, float]], title: str) -> str:
    """For each name a bar in up to eight parts, and its whole; a legend above in the same order."""
    kinds = list(next(iter(rows.values())))
    step = (WIDTH - LABEL) / min(len(kinds), LEGEND_COLUMNS)
    parts = []
    for place, (kind, colour) in enumerate(zip(kinds, COLOURS, strict=False)):
        x, y = LABEL + place % LEGEND_COLUMNS * step, place // LEGEND_COLUMNS * ROW
        parts += [box(x, y + 3, 12, 12, colour), text(x + 16, y + 13, kind)]
    above = -(-len(kinds) // LEGEND_COLUMNS)
    most = max(sum(row.values()) for row in rows.values()) or 1.0
    for place, (name, row) in enumerate(rows.items(), start=above):
        y, x = place * ROW, float(LABEL)
        parts.append(text(LABEL - 6, y + 13, name, "end"))
        for (kind, value), colour in zip(row.items(), COLOURS, strict=False):
            width = value / most * (WIDTH - LABEL - TOTAL)
            parts.append(box(x, y + 3, width, BAR, colour, f"{name}, {kind}: {value:.4g}"))
            x += width
        parts.append(text(x + 4, y + 13, f"{sum(row.values()):,.5g}"))
    return svg((len(rows) + above) * ROW, parts, title)


def histogram(counts: NDArray[np.int64], names: Sequence[str], title: str) -> str:
    """A column for each count, in per cent of all; the last one is the edge of the range."""
    height, left, top = 80, 10, 4
    width = (WIDTH - 2 * left) / len(counts)
    total = max(int(counts.sum()), 1)
    most = max(int(counts.max()), 1)
    parts = []
    for place, (count, name) in enumerate(zip(counts, names, strict=True)):
        tall = int(count) / most * (height - top)
        x = left + place * width
        colour = "second" if place == len(counts) - 1 else "first"
        label = f"{name} bits: {int(count) / total:.2%}"
        parts += [
            box(x + 1, height - tall, width - 2, tall, colour, label),
            text(x + width / 2, height + 14, name, "middle"),
        ]
    return svg(height + 18, parts, title)


def raster(signs: NDArray[np.int64], title: str) -> str:
    """A row for each channel, a mark in each step whose activation is not zero; another colour below zero.

    Parameters
    ----------
    signs : (steps, channels)
    title : str
    """
    steps, channels = signs.shape
    wide, tall = WIDTH / steps, max(3.0, min(10.0, 240 / channels))
    parts = [box(0, 0, WIDTH, tall * channels, "faint")]
    for colour, sign in (("first", 1), ("second", -1)):
        marks = "".join(
            f"M{step * wide:.2f} {channel * tall:.2f}h{wide:.2f}v{tall - 1:.2f}h-{wide:.2f}z"
            for step, channel in np.argwhere(np.sign(signs) == sign)
        )
        parts.append(f'<path d="{marks}" class="{colour}"/>')
    return svg(tall * channels, parts, title)


def scatter(points: Mapping[str, tuple[float, float]], title: str) -> str:
    """A named dot for each pair; names stand beside their dots, lower where they would cover another.

    Parameters
    ----------
    points : name -> (x, y)
    title : str
    """
    left, top, height = 50, 30, 300
    wide, tall = WIDTH - left - 110, height - top - 40
    across, up = ([point[axis] for point in points.values()] for axis in (0, 1))
    x_low, x_high = min(across), max(max(across), min(across) + 1e-9)
    y_low, y_high = min(up), max(max(up), min(up) + 1e-9)
    parts = [text(left, 14, title)]
    for share in (0.0, 0.5, 1.0):
        x, y = left + share * wide, top + (1 - share) * tall
        parts += [
            text(x, height - 8, f"{x_low + share * (x_high - x_low):,.4g}", "middle"),
            text(left - 10, y + 4, f"{y_low + share * (y_high - y_low):.3g}", "end"),
            f'<line x1="{left}" x2="{left + wide}" y1="{y:g}" y2="{y:g}" class="line" opacity="0.25"/>',
        ]
    taken: list[tuple[float, float]] = []
    for name, (x_value, y_value) in sorted(points.items(), key=lambda point: point[1][1], reverse=True):
        x = left + (x_value - x_low) / (x_high - x_low) * wide
        y = top + (y_high - y_value) / (y_high - y_low) * tall
        beside = y + 4
        while any(abs(beside - other_y) < 13 and abs(x - other_x) < 100 for other_x, other_y in taken):
            beside += 3
        taken.append((x, beside))
        parts += [f'<circle cx="{x:.2f}" cy="{y:.2f}" r="4" class="first"/>', text(x + 8, beside, name)]
    return svg(height, parts, title)
