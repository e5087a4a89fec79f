"""Sequences a few at a time, so that what is computed of them takes bounded memory."""

from collections.abc import Iterator

MOST_VALUES = 1 << 19
"""Of one layer in a block: 4 MB in double precision. A longer sequence is a block of its own."""


def blocks(sequences: int, values: int, most: int | None = None) -> Iterator[slice]:
    """Slices that cover so many sequences in order.

    Parameters
    ----------
    sequences : int
    values : int
        Of one sequence in the widest layer: steps times features or channels.
    most : int, optional
        Values in a block; by default `MOST_VALUES`.
    """
    count = max(1, (most or MOST_VALUES) // max(1, values))
    for start in range(0, sequences, count):
        yield slice(start, min(start + count, sequences))
