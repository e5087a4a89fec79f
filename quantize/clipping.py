"""What integers lose at the ends of their ranges: clipped inputs and saturated states, counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize.network import QuantizedNetwork

INPUT = "input"
"""Name of the input among the layers."""
WORTH_A_WARNING = 0.001
"""Share of a layer's values, clipped, that is worth a warning."""
MOST_VANISHED = 0.5
"""Share of the inputs that are not 0, rounded to 0, that is worth a warning."""


@dataclass(frozen=True)
class Clipping:
    """How many values were clipped.

    Parameters
    ----------
    clipped, values : mapping of name to int
        For the input and for each kind of value of each layer, see `quantize.trace.Trace`: values clipped,
        and values that could have been.
    vanished, nonzero : int
        Inputs that are not 0 but are rounded to it, and inputs that are not 0.
    """

    clipped: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, int] = field(default_factory=dict)
    vanished: int = 0
    nonzero: int = 0

    def __add__(self, other: "Clipping") -> "Clipping":
        def added(mine: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, int]:
            return {name: mine.get(name, 0) + theirs.get(name, 0) for name in {**mine, **theirs}}

        return Clipping(
            added(self.clipped, other.clipped),
            added(self.values, other.values),
            self.vanished + other.vanished,
            self.nonzero + other.nonzero,
        )

    def share(self, name: str) -> float:
        """Clipped values of a layer by all of its values, 0 to 1."""
        return self.clipped[name] / max(self.values[name], 1)

    def figures(self) -> dict[str, Any]:
        """All of it for a JSON file."""
        return {
            name: {"clipped": self.clipped[name], "values": self.values[name], "share": self.share(name)}
            for name in self.clipped
        }

    def vanishing(self) -> str | None:
        """A sentence about inputs that are rounded to 0, if most are."""
        if not self.nonzero or self.vanished < MOST_VANISHED * self.nonzero:
            return None
        return (
            f"{self.vanished / self.nonzero:.1%} of the inputs that are not 0 are less than half a unit of "
            "the input format, and count as 0: the data is far smaller than the largest calibration samples; "
            "scale it, or quantise on data like it"
        )

    def summary(self) -> str:
        """What was clipped, in a line."""
        parts = [
            f"{name} {self.clipped[name]:,} ({self.share(name):.3%})"
            for name in self.clipped
            if self.clipped[name]
        ]
        return f"clipped values: {', '.join(parts)}" if parts else "no value was clipped"

    def warning(self) -> str | None:
        """A sentence about the layer that is clipped most, if that is worth one."""
        worst = max(self.clipped, key=self.share, default=None)
        if worst is None or self.share(worst) < WORTH_A_WARNING:
            return None
        if worst == INPUT:
            why = "the data exceeds the calibration samples' range; scale it, or quantise on data like it"
        else:
            why = "they exceed those of the calibration samples; quantise on data like this"
        return f"warning: {self.share(worst):.1%} of the values of {worst} were clipped: {why}"


def clipping_of(
    network: QuantizedNetwork,
    saturations: Mapping[str, int],
    x: NDArray[np.floating],
    lengths: NDArray[np.integer] | None,
) -> Clipping:
    """Count what was clipped in a run of the reference.

    Parameters
    ----------
    saturations : mapping of name to int
        See `quantize.trace.Trace`.
    x : (sequences, steps, features)
        The real data that it ran on.
    lengths : (sequences,), optional
        Valid steps of each; the steps behind them are computed, but are no input.
    """
    inputs = input_clipping(network, x, lengths)
    clipped = {**inputs.clipped, **saturations}
    values = dict(inputs.values)
    steps = inputs.values[INPUT] // x.shape[2]
    for index, block in enumerate(network.blocks):
        array = block.array
        once = steps * array.channels
        values |= {
            f"array_{index} inputs": once,
            f"array_{index} states": once * array.modes * len(array.output_weights),
            f"array_{index} outputs": once,
            f"layer_{index} sums": once,
        }
    return Clipping(clipped, values, inputs.vanished, inputs.nonzero)


def input_clipping(
    network: QuantizedNetwork, x: NDArray[np.floating], lengths: NDArray[np.integer] | None
) -> Clipping:
    """Count what the input format clips, and what it rounds to 0; see `clipping_of`."""
    valid = np.full(len(x), x.shape[1]) if lengths is None else np.asarray(lengths)
    given = np.arange(x.shape[1]) < valid[:, None]
    clipped = int(np.count_nonzero(network.encoder.clips(x) & given[:, :, None]))
    nonzero = (np.asarray(x) != 0) & given[:, :, None]
    vanished = int(np.count_nonzero(network.encoder.vanishes(x) & nonzero))
    counted = {INPUT: int(given.sum()) * x.shape[2]}
    return Clipping({INPUT: clipped}, counted, vanished, int(np.count_nonzero(nonzero)))
