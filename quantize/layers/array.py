"""What all kinds of neuron arrays share: channels of modes, their input and output, and the skip path."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from quantize.formats import OPERAND_WIDTH, STREAM_WIDTH, Format, Integers, saturate, signed_width
from quantize.specification import QuantizedNetworkError, Specification, integer, words

COEFFICIENT_WIDTH = OPERAND_WIDTH
OUTPUT_WEIGHT_WIDTH = 12
MOST_SHIFT = 47
"""Of the coefficients' and output weights' scales."""
SHIFT_CODE_WIDTH = 3
SHIFT_STEP = 2
"""State shifts are even: half a bit of scale on average against a stage of each shifter."""
MOST_STATE_SHIFT = SHIFT_STEP * ((1 << SHIFT_CODE_WIDTH) - 1)


class Saturations(NamedTuple):
    """How many values of an array were clipped, by kind.

    Parameters
    ----------
    inputs : int
        Sums of an input and its channel's offset.
    states : int
    outputs : int
    """

    inputs: int
    states: int
    outputs: int


@dataclass(frozen=True)
class LinearModes:
    """The modes of an array as linear recurrences of two states, `x <- M x + b u + errors`, in integer units.

    Parameters
    ----------
    transition : (H, N, 2, 2)
        A kind of one state leaves the second at 0.
    drive : (H, N, 2)
    errors : sequence of (H, N, 2)
        Directions in which rounding moves the states, by half a unit at most; 0 where nothing is rounded.
    driven : sequence of bool
        Of each error whether there is none without an input.
    readouts : (H, N, R, 2)
        Sums of the states: each state, then the aligned sum of the mode's products if it has one, then what
        it adds to y.
    feedback_width : int or None
        Bits that the circuit has for that aligned sum.
    """

    transition: NDArray[np.float64]
    drive: NDArray[np.float64]
    errors: tuple[NDArray[np.float64], ...]
    driven: tuple[bool, ...]
    readouts: NDArray[np.float64]
    feedback_width: int | None = None


@dataclass(frozen=True, eq=False)
class ArraySpec(Specification):
    """H channels of N modes with their skip path; the normalisation before them is folded in.

    With `u = saturate(x + offset)` a step computes, for each channel and from the states before the step,

        y = round_shift(skip u + sum of the states times their output weights, output_shift)

    and moves the states on, which is what kinds of arrays differ in. Everything saturates by definition;
    `compute` counts how often.

    Parameters
    ----------
    input, output : Format
        Of x and u, and of y.
    state_width : int
        Bits of a state.
    accumulator_fraction : int
        Fraction bits of the output accumulator.
    offset : (H,) in the input format
    skip : (H,) at the scale of the output accumulator
    """

    input: Format
    output: Format
    state_width: int = integer(4, OPERAND_WIDTH)
    accumulator_fraction: int = integer(-32, MOST_SHIFT)
    offset: Integers = words("H", STREAM_WIDTH)
    skip: Integers = words("H", COEFFICIENT_WIDTH)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.modes < 1 or self.channels < 1:
            raise QuantizedNetworkError(f"{self.kind} needs at least one channel and one mode")
        if self.output_shift < 0:
            raise QuantizedNetworkError(
                f"{self.kind}.output has more fraction bits than its accumulator: {self.output}"
            )

    def shapes(self) -> Mapping[str, int]:
        return {"H": self.channels, "N": self.modes}

    @property
    def channels(self) -> int:
        return len(self.offset)

    @property
    @abstractmethod
    def modes(self) -> int:
        """Of a channel."""

    @property
    @abstractmethod
    def multiplications(self) -> int:
        """Products a step."""

    @property
    @abstractmethod
    def products_saved(self) -> int:
        """Products a step that the plain form of the same modes would take more."""

    @property
    @abstractmethod
    def output_weights(self) -> tuple[Integers, ...]:
        """Tables (H, N) of what the states are multiplied by on their way to y, one for each of a mode's."""

    @property
    @abstractmethod
    def state_names(self) -> tuple[str, ...]:
        """What a mode's states are, in the order of `linear`."""

    @abstractmethod
    def linear(self) -> LinearModes:
        """The modes without saturation."""

    @property
    def state_bits(self) -> int:
        """Bits of the states of all modes."""
        return len(self.output_weights) * self.channels * self.modes * self.state_width

    @property
    def output_shift(self) -> int:
        """Shift from the accumulator to the output format."""
        return self.accumulator_fraction - self.output.fraction

    @cached_property
    def accumulator_width(self) -> int:
        """Bits that no sum of a step can exceed, whatever the states."""
        tables = [self.magnitudes(table, OUTPUT_WEIGHT_WIDTH) for table in self.output_weights]
        skip = self.magnitudes(self.skip, COEFFICIENT_WIDTH)
        weights = sum(table.sum(1) for table in tables)
        bound = (weights << (self.state_width - 1)) + (skip << (self.input.width - 1))
        return signed_width(int(bound.max()))

    def lane(self, index: int, lanes: int) -> Self:
        """The channels `index`, `index + lanes`, `index + 2 lanes`, ... by themselves."""
        return self.changed(**{name: getattr(self, name)[index::lanes] for name in self._tables()})

    def followed_by(self, others: Sequence[Self]) -> Self:
        """The channels of other arrays in the same formats behind its own."""
        arrays = (self, *others)
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(array, name) for array in arrays]) for name in self._tables()
        }
        return self.changed(**joined)

    def _tables(self) -> list[str]:
        return [item.name for item in fields(self) if "shape" in item.metadata]

    def cleared(self, sequences: int) -> Integers:
        """The states before the first step of so many sequences, (sequences, H, N, states of a mode)."""
        return np.zeros((sequences, self.channels, self.modes, len(self.output_weights)), dtype=np.int64)

    def compute(
        self, x: Integers, lengths: Integers | None = None, states: Integers | None = None
    ) -> tuple[Integers, Saturations]:
        """Outputs of sequences, each from a cleared state unless `states` are given.

        Parameters
        ----------
        x : (sequences, steps, H) in the input format
        lengths : (sequences,), optional
            Valid steps of each sequence, all by default: what is clipped behind them does not count.
        states : as of `cleared`, optional
            Where the sequences go on from; afterwards the states behind all of their steps.

        Returns
        -------
        y : (sequences, steps, H) in the output format
        saturations : Saturations
        """
        valid = np.full(len(x), x.shape[1]) if lengths is None else np.asarray(lengths, dtype=np.int64)
        u = saturate(x + self.offset, self.input.width)
        clipped = (u != x + self.offset) & (np.arange(x.shape[1]) < valid[:, None])[:, :, None]
        y = np.empty(x.shape, dtype=np.int64)
        counts = np.zeros((len(x), 2), dtype=np.int64)
        begun = self.cleared(len(x)) if states is None else states
        self._scan(np.ascontiguousarray(u), valid, begun, y, counts)
        states, outputs = counts.sum(0)
        return y, Saturations(int(np.count_nonzero(clipped)), int(states), int(outputs))

    def outputs(self, x: Integers) -> Integers:
        """The y of `compute` alone."""
        return self.compute(x)[0]

    @abstractmethod
    def _scan(self, u: Integers, valid: Integers, states: Integers, y: Integers, counts: Integers) -> None:
        """Fill in y (sequences, steps, H), and the counts (sequences, 2) of clipped states and outputs.

        The `states`, see `cleared`, move on. Of each sequence only so many steps are `valid`, and count.
        """
