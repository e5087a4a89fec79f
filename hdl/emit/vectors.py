"""Vectors of a network's test benches: a few sequences, and what the reference makes of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hdl.emit.interface import Interface
from quantize.formats import Integers
from quantize.network import QuantizedNetwork

LENGTHS = (1, 4, 2, 6)
"""Steps of the sequences, where the network takes so many."""
SHORT = 16
"""Steps that a network takes at most if its vectors have a sequence that is too long."""
SEED = 1
DRAWN = "drawn uniformly from all that the input's format holds"


@dataclass(frozen=True)
class Vectors:
    """Sequences for a network behind an interface.

    Inputs are drawn uniformly from all that the input's format holds, both ends among them. A network of
    short sequences is given one that is too long.

    Parameters
    ----------
    network : QuantizedNetwork
    interface : Interface
    """

    network: QuantizedNetwork
    interface: Interface

    @cached_property
    def sequences(self) -> list[Integers]:
        """Each (steps, beats)."""
        most = self.network.max_steps or max(LENGTHS)
        lengths = [min(length, most) for length in LENGTHS]
        if self.network.max_steps is not None and most <= SHORT:
            lengths.append(most + 1)
        low, high = self.network.encoder.input_range
        dice = np.random.default_rng(SEED)
        drawn = [dice.integers(low, high + 1, (length, self.network.beats_per_step)) for length in lengths]
        drawn[0][0], drawn[-1][0] = low, high
        return drawn

    @property
    def inputs(self) -> list[int]:
        """Words of all transfers into the network."""
        return [word for steps in self.sequences for word in self.interface.input_words(self.network, steps)]

    @property
    def expected(self) -> list[int]:
        """Words of all transfers out of it."""
        words = []
        for steps in self.sequences:
            trace = self.network.compute(steps[None], taps=False)
            words += self.interface.output_words(self.network, trace.logits[0], bool(trace.overruns[0]))
        return words

    def most_cycles(self, cycles_per_step: int, latency_cycles: int) -> int:
        """Cycles in which everything has passed even with pauses: four times those of full speed."""
        steps = sum(len(steps) for steps in self.sequences)
        return 4 * (steps * cycles_per_step + len(self.sequences) * latency_cycles) + 1000


def hexadecimal(words: list[int]) -> str:
    """Words as a file for `$readmemh`, one a line."""
    return "".join(f"{word:x}\n" for word in words)
