"""What a circuit is played when a few steps at the usual paces do not tell it from its reference.

Some thousands of steps, compiled: sequences of one step in a row, sequences longer than the network is made
for, values at both ends of the input's range or standing still at one of them; ends that hardly ever wait
and ends that nearly always do; and a reset in some moment of a step, again and again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from amaranth.lib.wiring import Component

from benchmarks.drawn import Drawn
from quantize.files import scratch_folder
from quantize.formats import Integers
from quantize.network import QuantizedNetwork
from sim.backends.cxxrtl import Cxxrtl
from sim.compare import compare
from sim.pace import FULL_SPEED, Pace, Varied
from sim.stimulus import Stimulus

SEQUENCES = 400
SHORT = 8
"""Most steps of a sequence that is not a long one."""
LONG = 40
"""Steps of a long one where a network has no limit of its own."""
RESETS = 100
MOST_WAIT = 60
"""Cycles from a beat to a reset."""
PACES = (Pace(0.0, 0.9), Pace(0.0, 0.99), Pace(0.5, 0.5), Pace(0.97, 0.0), Pace(0.3, 0.97))
WATCHDOG = 30_000


class Difference(StrEnum):
    """What tells a circuit from its reference."""

    MORE_DATA = "more data"
    """At full speed, or with the pauses that `sim.pace.Varied` has."""
    PACE = "other pauses"
    RESET = "resets"
    STOPPED = "stopped"


@dataclass(frozen=True)
class _Play:
    """Some of the sequences, and how they are played."""

    kind: Difference
    sequences: slice
    pace: Pace
    reset: tuple[int, int] | None = None
    """Which beat of the first sequence, modulo their number, and how many cycles after it."""

    def stimulus(self, chosen: list[Integers], seed: int) -> Stimulus:
        gaps, stalls = self.pace.input_gaps, self.pace.output_stalls
        if self.reset is None:
            return Stimulus(chosen, gaps, stalls, seed)
        beat, wait = self.reset
        return Stimulus(chosen, gaps, stalls, seed, reset_after=1 + beat % chosen[0].size, reset_wait=wait)


def _plays(seed: int) -> Iterator[_Play]:
    """All plays of one circuit, the likeliest to differ first."""
    usual = Varied().pauses()
    yield _Play(Difference.MORE_DATA, slice(SEQUENCES), FULL_SPEED)
    yield _Play(Difference.MORE_DATA, slice(SEQUENCES // 4), usual)
    for pace in PACES:
        yield _Play(Difference.PACE, slice(SEQUENCES // 8), pace)
    generator = np.random.default_rng(seed)
    for index in range(RESETS):
        first, beat, wait = (int(generator.integers(count)) for count in (SEQUENCES - 8, 1 << 16, MOST_WAIT))
        pace = (FULL_SPEED, Pace(0.0, 0.5), usual)[index % 3]
        yield _Play(Difference.RESET, slice(first, first + 3), pace, (beat, wait))


def sequences(network: QuantizedNetwork, seed: int) -> tuple[Integers, Integers]:
    """Inputs (sequences, steps, beats) and lengths (sequences,): short, some in a row, a few long."""
    generator = np.random.default_rng(seed)
    low, high = network.encoder.input_range
    longest = min(network.max_steps or LONG, LONG) + 2
    lengths = generator.integers(1, SHORT + 1, SEQUENCES)
    lengths[10:20] = 1
    lengths[[3, 30, 60, 61, 200]] = longest, longest - 2, longest - 1, longest, longest
    shape = (longest, network.beats_per_step)
    kinds = [
        lambda: generator.integers(low, high + 1, shape),
        lambda: generator.choice([low, high], shape),
        lambda: np.full(shape, generator.choice([low, high])),
        lambda: generator.choice([0, 0, 0, low, high, 1, -1], shape).clip(low, high),
        lambda: generator.integers(low, high + 1, shape) // 8,
    ]  # fmt: skip
    inputs = np.stack([kinds[int(generator.integers(len(kinds)))]() for _ in range(SEQUENCES)])
    return inputs.astype(np.int64), lengths


def difference(example: Drawn, circuit: Component, seed: int) -> Difference | None:
    """The first kind of play in which a circuit is not what its network computes; None if it always is.

    Raises
    ------
    StatespikeError
        If it cannot be compiled, or stops.
    """
    inputs, lengths = sequences(example.network, seed)
    with scratch_folder() as folder:
        play = Cxxrtl().prepare(circuit, folder)
        for index, one in enumerate(_plays(seed)):
            x, steps = inputs[one.sequences], lengths[one.sequences]
            chosen = [sequence[:length] for sequence, length in zip(x, steps, strict=True)]
            run = play(one.stimulus(chosen, seed + index), WATCHDOG)
            if not compare(example.network.compute(x, steps), run).bit_exact:
                return one.kind
    return None
