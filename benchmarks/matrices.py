"""Ternary matrices by name: drawn at random, trained, or from a file."""

from pathlib import Path

import numpy as np

from benchmarks.hardware import load
from quantize.errors import StatespikeError
from quantize.formats import Integers
from quantize.layers.gsu import GatedProductSpec
from statespike.library.matrices import matrix_of

ZEROS = {"half": 0.5, "sparse": 0.8}


def matrix(name: str, seed: int) -> Integers:
    """A named ternary matrix.

    Parameters
    ----------
    name : str
        `half-N` or `sparse-N`: N x N drawn at random with 50 or 80 % zeros. `NETWORK:K`: the table of layer K
        of a shipped network of Gated Spiking Units. `FILE.npy`: see `statespike.library.matrices`.

    Raises
    ------
    StatespikeError
        If there is none of that name, or a file is not such a matrix.
    """
    if name.endswith(".npy"):
        return matrix_of(Path(name)).table
    network, trained, layer = name.partition(":")
    if trained and layer.isdigit():
        blocks = load(network)[0].blocks
        unit = blocks[int(layer)].unit if int(layer) < len(blocks) else None
        if isinstance(unit, GatedProductSpec):
            return unit.table
    kind, _, number = name.partition("-")
    if number.isdigit() and int(number) and kind in ZEROS:
        zeros = ZEROS[kind]
        shape = (int(number), int(number))
        chances = [(1 - zeros) / 2, zeros, (1 - zeros) / 2]
        return np.random.default_rng(seed).choice([-1, 0, 1], p=chances, size=shape)
    raise StatespikeError(
        f"unknown matrix {name!r}; known are half-N, sparse-N, a file FILE.npy, and NETWORK:K, the table of "
        "layer K of a shipped network of Gated Spiking Units, such as smnist-gsu:0"
    )
