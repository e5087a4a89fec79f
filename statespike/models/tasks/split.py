"""Which sequences are held out, and which calibrate: drawn with a seed, whatever order they stand in."""

import numpy as np
from numpy.typing import NDArray


def held_out(labels: NDArray[np.integer], every: int, least: int, seed: int = 0) -> NDArray[np.bool_]:
    """Draw every `every`-th sequence of each class.

    Parameters
    ----------
    labels : (sequences,)
    every : int
        The share of a class is rounded to the nearest number of sequences.
    least : int
        Fewest sequences of a class that are drawn; one is left in any case.
    seed : int
        Decides, with the labels, what is drawn.

    Returns
    -------
    bool array (sequences,)
    """
    drawn = np.zeros(len(labels), bool)
    generator = np.random.default_rng(seed)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        count = min(max(round(len(members) / every), least), len(members) - 1)
        drawn[members[:count]] = True
    return drawn


def drawn(count: int, most: int, seed: int = 0) -> NDArray[np.int64]:
    """Return the indices of `most` of so many sequences, or of all; sorted."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])
