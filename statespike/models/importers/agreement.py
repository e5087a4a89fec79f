"""Whether an imported network computes what its author's does, and which assumption would make it so."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize import float_reference
from quantize.checkpoint import Checkpoint
from quantize.configuration import DISCRETISATIONS, NORM_POSITIONS, POOLINGS
from quantize.errors import StatespikeError
from quantize.kinds import UNITS
from quantize.npz import Npz

TOLERANCE = 1e-4
"""Largest difference of logits that counts as equal, of the largest logit: float32 on either side."""
OPTIONS = {
    "norm_position": NORM_POSITIONS,
    "pooling": POOLINGS,
    "model": tuple(UNITS),
    "discretisation": DISCRETISATIONS,
}
"""What no tensor tells, and its choices."""


@dataclass(frozen=True)
class Agreement:
    """Outcome of a comparison with an author's own logits.

    Parameters
    ----------
    difference : float
        Largest difference of logits, divided by the largest logit.
    alternatives : tuple of dict
        Other assumptions under which the network agrees: option -> value, the fewest changes first. Empty if
        it agrees as it is.
    """

    difference: float
    alternatives: tuple[dict[str, str], ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether the network computes the given logits."""
        return self.difference <= TOLERANCE


def read_logits(
    path: Path,
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.int64] | None]:
    """Read an author's own inputs and logits from an `.npz` file: x, logits, and perhaps lengths.

    Raises
    ------
    StatespikeError
        If the file is missing, damaged, or does not hold arrays of real numbers by these names.
    """
    file = Npz(path, "give an .npz with the arrays x and logits, as numpy.savez writes it")
    arrays = {name: file.rows(name) for name in ("x", "logits", "lengths") if name in file.headers}
    for name in ("x", "logits"):
        if name not in arrays:
            raise StatespikeError(f"{path}: no array {name}; an .npz to check with holds x and logits")
        if arrays[name].dtype.kind not in "fiu":
            raise StatespikeError(
                f"{path}: {name} is of type {arrays[name].dtype}; it must hold real numbers"
            )
    lengths = arrays.get("lengths")
    steps = arrays["x"].shape[1] if arrays["x"].ndim == 3 else 0
    if lengths is not None and not (
        lengths.dtype.kind in "iu"
        and lengths.shape == arrays["x"].shape[:1]
        and ((lengths >= 1) & (lengths <= steps)).all()
    ):
        raise StatespikeError(f"{path}: lengths must be whole numbers from 1 to the {steps} steps of x")
    return arrays["x"], arrays["logits"], None if lengths is None else lengths.astype(np.int64)


def agreement(
    checkpoint: Checkpoint,
    x: NDArray[np.floating],
    logits: NDArray[np.floating],
    lengths: NDArray[np.int64] | None = None,
) -> Agreement:
    """Compare a network with logits that its author computed, and try the other assumptions if they differ.

    Parameters
    ----------
    x : (sequences, steps, features)
    logits : (sequences, classes)
    lengths : (sequences,), optional
        Valid steps of each sequence; all by default.

    Raises
    ------
    StatespikeError
        If the shapes do not suit the network.
    """
    config = checkpoint.config
    if x.ndim != 3 or x.shape[2] != config.features or logits.shape != (len(x), config.classes):
        raise StatespikeError(
            f"x of shape {x.shape} and logits of shape {logits.shape} do not suit the network, which takes "
            f"(sequences, steps, {config.features}) and gives (sequences, {config.classes})"
        )
    if not len(x) or not (np.isfinite(x).all() and np.isfinite(logits).all()):
        raise StatespikeError("x and logits must hold at least one sequence, and finite numbers only")
    values = x.astype(np.float64)

    def difference(candidate: Checkpoint) -> float:
        found = float_reference.forward(candidate, values, lengths)["logits"]
        return float(np.abs(found - logits).max() / max(np.abs(logits).max(), 1e-30))

    found = difference(checkpoint)
    if found <= TOLERANCE:
        return Agreement(found)
    agreeing = [
        changes for changes, candidate in _alternatives(checkpoint) if difference(candidate) <= TOLERANCE
    ]
    return Agreement(found, tuple(sorted(agreeing, key=len)))


def _alternatives(checkpoint: Checkpoint) -> Iterator[tuple[dict[str, str], Checkpoint]]:
    """Every other reading of the same tensors, with what it changes."""
    config = checkpoint.config
    shapes = UNITS[config.model].tensors(config.channels)
    for values in product(*OPTIONS.values()):
        reading: dict[str, Any] = dict(zip(OPTIONS, values, strict=True))
        changes = {name: value for name, value in reading.items() if getattr(config, name) != value}
        same_tensors = UNITS[reading["model"]].tensors(config.channels) == shapes
        if changes and same_tensors:
            yield changes, replace(checkpoint, config=replace(config, **changes))
