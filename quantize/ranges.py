"""What a network's real numbers reach on calibration samples: all that number formats need of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantize.blocks import blocks
from quantize.checkpoint import Checkpoint
from quantize.float_reference import FloatNetwork
from quantize.formats import Integers
from quantize.kinds import UNITS


@dataclass(frozen=True)
class Ranges:
    """Magnitudes and crossings, measured a block of sequences at a time.

    Parameters
    ----------
    largest : name -> float
        Largest magnitude of each tap of `FloatNetwork`, over all steps, and of what each array takes,
        `input_0` and so on: the tap before it with the array's offset.
    spikes : sequence of (H,)
        For each layer the steps in which its array's outputs exceed the unit's constant threshold; empty if
        the unit has none.
    """

    largest: dict[str, float]
    spikes: tuple[Integers, ...]

    @property
    def stream(self) -> float:
        """Largest magnitude of whatever has the residual stream's format."""
        kinds = ("encoder", "layer_", "input_", "sum_")
        return float(np.max([value for name, value in self.largest.items() if name.startswith(kinds)]))


def ranges_of(
    checkpoint: Checkpoint, samples: NDArray[np.floating], lengths: NDArray[np.int64] | None
) -> Ranges:
    """Measure a network in real numbers.

    Parameters
    ----------
    samples : (sequences, steps, features)
    lengths : (sequences,), optional
        Valid steps of each; only the spikes of these count.
    """
    network, config = FloatNetwork(checkpoint), checkpoint.config
    threshold = UNITS[config.model].spike_threshold
    steps = samples.shape[1]
    valid = np.full(len(samples), steps) if lengths is None else lengths
    largest: dict[str, float] = {}
    spikes = np.zeros((0 if threshold is None else config.layers, config.channels), np.int64)

    def reach(name: str, values: NDArray[np.float64]) -> None:
        # A maximum that keeps what is no number.
        largest[name] = float(np.maximum(largest.get(name, 0.0), np.abs(values).max()))

    before = {"encoder": 0} | {f"layer_{layer}": layer + 1 for layer in range(config.layers - 1)}
    arrays = {f"array_{layer}": layer for layer in range(config.layers)}
    for part in blocks(len(samples), steps * max(config.features, config.channels)):
        counts = np.arange(steps) < valid[part, None]
        for name, values in network.taps(samples[part].astype(np.float64)):
            reach(name, values)
            if name in before:
                reach(f"input_{before[name]}", values + network.arrays[before[name]].offset)
            if name in arrays and threshold is not None:
                spikes[arrays[name]] += (values[counts] > threshold).sum(0)
    return Ranges(largest, tuple(spikes))
