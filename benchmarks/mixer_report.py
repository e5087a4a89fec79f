"""What was measured of mixers, as tables: one for each matrix and part."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from benchmarks.peers import THEIRS
from benchmarks.results import markdown_table

HEADER = ["adders", "cycles", "latency", "LUT4", "/ better peer", "estimate", "flip-flops", "block memories"]


def title_of(row: dict[str, Any]) -> str:
    """Which matrix on which part a row is of."""
    inputs, outputs = row["shape"]
    zeros = f"{row['zeros']:.0%} zeros"
    return f"{row['matrix']}, {inputs} x {outputs}, {zeros}, {row['input_width']} bits, {row['device']}"


def better_peer(rows: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The smallest of the peers' circuits as their users get them, of one matrix on one part.

    Their graphs mapped by our synthesis are not among them.
    """
    theirs = [row for row in rows if row.get("flow") in THEIRS]
    return min(theirs, key=lambda row: row["lut"], default=None)


def side_by_side(rows: list[dict[str, Any]]) -> str:
    """A short table for each matrix, with the cells on every part."""
    tables = []
    for matrix, found in groupby(sorted(rows, key=_matrix_of), _matrix_of):
        group = list(found)
        parts = list(dict.fromkeys(row["device"] for row in group))
        named: dict[str, dict[str, dict[str, Any]]] = {}
        for row in sorted(group, key=_order):
            named.setdefault(row["name"], {})[row["device"]] = row
        lines = []
        for name, on in named.items():
            one = next(iter(on.values()))
            cells = (_number(on.get(part, {}).get(cell)) for part in parts for cell in ("lut", "ff", "bram"))
            lines.append([name, _number(one["cycles"]), _number(one.get("latency")), *cells])
        header = [text for part in parts for text in (f"{part}: LUT4", "FF", "BRAM")]
        tables += [matrix, markdown_table(["build", "cycles", "latency", *header], lines, names=1)]
    return "\n\n".join(tables)


def _matrix_of(row: dict[str, Any]) -> str:
    inputs, outputs = row["shape"]
    zeros = f"{row['zeros']:.0%} zeros"
    return f"`{row['matrix']}`, {inputs} x {outputs}, {zeros}, inputs of {row['input_width']} bits:"


def _order(row: dict[str, Any]) -> tuple[bool, int, int]:
    """Ours first, then by speed and size."""
    return "flow" in row, row["cycles"], row["lut"]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}"


def _cycles(row: dict[str, Any]) -> str:
    """Cycles a product; of an event mixer also those of a vector half of which is zero."""
    half = row.get("half_cycles")
    return _number(row["cycles"]) if half is None else f"{row['cycles']:,} ({half:,} if half are zero)"


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """A table for each matrix and part."""
    tables = []
    for title, found in groupby(sorted(rows, key=title_of), title_of):
        group = list(found)
        best = better_peer(group)
        lines = [
            [
                row["name"],
                _number(row["adders"]),
                _cycles(row),
                _number(row.get("latency")),
                _number(row["lut"]),
                f"{row['lut'] / best['lut']:.3f}" if best else "",
                _number(row.get("estimated", {}).get("lut")),
                _number(row["ff"]),
                _number(row["bram"]),
            ]
            for row in sorted(group, key=_order)
        ]
        tables.append(markdown_table([title, *HEADER], lines, names=1))
    return "\n\n".join(tables)
