"""The neuron array: one S4D layer in integers, its modes in the leapfrog form of `quantize.poles`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numba
import numpy as np

from quantize.formats import Format, Integers, saturate, signed_width
from quantize.poles import is_stable
from quantize.specification import QuantizedNetworkError, Specification, integer, words

COEFFICIENT_WIDTH = 16
OUTPUT_WEIGHT_WIDTH = 12
MOST_SHIFT = 47
"""Of the coefficients' and output weights' scales."""
SHIFT_CODE_WIDTH = 3
SHIFT_STEP = 2
"""State shifts are even: half a bit of scale on average against a stage of each shifter."""
MOST_STATE_SHIFT = SHIFT_STEP * ((1 << SHIFT_CODE_WIDTH) - 1)


@dataclass(frozen=True, eq=False)
class ArraySpec(Specification):
    """H channels of N modes with their skip path; the normalisation before them is folded in.

    With `u = saturate(x + offset)` a step computes, for each channel and from the state before the step,

        y  = round_shift(skip u + sum_n (position_weight p + velocity_weight q), output_shift)

    and then, for each mode,

        q <- saturate(q + round_shift(u, input_shift) - round_shift(damping q + stiffness p))
        p <- saturate(p + round_shift(q, position_shift))

    where the two products are aligned exactly before their one rounding. Everything saturates by definition;
    `compute` counts how often.

    Parameters
    ----------
    input, output : Format
        Of x and u, and of y.
    state_width : int
        Bits of p and of q.
    offset : (H,) in the input format
    skip : (H,) at the scale of the output accumulator
    damping, stiffness : (H, N) positive words
        `2**damping_shift` and `2**stiffness_shift` times the coefficients of the integer states.
    position_weight, velocity_weight : (H, N)
    input_shift, position_shift : (H, N), even, in 0..14
    accumulator_fraction : int
        Fraction bits of the output accumulator.
    """

    kind: ClassVar[str] = "array"

    input: Format
    output: Format
    state_width: int = integer(4, 16)
    damping_shift: int = integer(1, MOST_SHIFT)
    stiffness_shift: int = integer(1, MOST_SHIFT)
    accumulator_fraction: int = integer(-32, MOST_SHIFT)
    offset: Integers = words("H", 16)
    skip: Integers = words("H", COEFFICIENT_WIDTH)
    damping: Integers = words("HN", COEFFICIENT_WIDTH - 1, unsigned=True)
    stiffness: Integers = words("HN", COEFFICIENT_WIDTH - 1, unsigned=True)
    position_weight: Integers = words("HN", OUTPUT_WEIGHT_WIDTH)
    velocity_weight: Integers = words("HN", OUTPUT_WEIGHT_WIDTH)
    input_shift: Integers = words("HN", SHIFT_CODE_WIDTH + 1, unsigned=True)
    position_shift: Integers = words("HN", SHIFT_CODE_WIDTH + 1, unsigned=True)

    def shapes(self) -> Mapping[str, int]:
        return {"H": self.channels, "N": self.modes}

    @property
    def state_bits(self) -> int:
        """Bits of p and q of all modes."""
        return 2 * self.channels * self.modes * self.state_width

    @property
    def channels(self) -> int:
        return len(self.offset)

    @property
    def modes(self) -> int:
        return self.damping.shape[1] if self.damping.ndim == 2 else 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.modes < 1 or self.channels < 1:
            raise QuantizedNetworkError("array needs at least one channel and one mode")
        if self.output_shift < 0:
            raise QuantizedNetworkError(
                f"array.output has more fraction bits than its accumulator: {self.output}"
            )
        if ((self.input_shift | self.position_shift) % SHIFT_STEP).any():
            raise QuantizedNetworkError("array.input_shift and array.position_shift must be even")
        unstable = np.argwhere(~is_stable(*self.real_coefficients))
        if len(unstable):
            channel, mode = unstable[0]
            raise QuantizedNetworkError(
                f"array has an unstable pole at channel {channel}, mode {mode}: "
                f"damping {self.damping[channel, mode]}, stiffness {self.stiffness[channel, mode]}"
            )

    @property
    def real_coefficients(self) -> tuple[np.ndarray, np.ndarray]:
        """Damping and stiffness (H, N) that the words stand for, in the units of `quantize.poles`."""
        return (
            self.damping * 2.0**-self.damping_shift,
            self.stiffness * 2.0 ** -(self.stiffness_shift + self.position_shift),
        )

    @property
    def feedback_shift(self) -> int:
        """Shift of the aligned sum of the two state products."""
        return max(self.damping_shift, self.stiffness_shift)

    @property
    def damping_alignment(self) -> int:
        """Left shift of the damping product before the sum."""
        return self.feedback_shift - self.damping_shift

    @property
    def stiffness_alignment(self) -> int:
        """Left shift of the stiffness product before the sum."""
        return self.feedback_shift - self.stiffness_shift

    @cached_property
    def feedback_width(self) -> int:
        """Bits of the aligned sum: what the largest words and states can reach."""
        largest = (self.damping << self.damping_alignment) + (self.stiffness << self.stiffness_alignment)
        return signed_width(int(largest.max()) << (self.state_width - 1))

    @property
    def output_shift(self) -> int:
        """Shift from the accumulator to the output format."""
        return self.accumulator_fraction - self.output.fraction

    @cached_property
    def accumulator_width(self) -> int:
        """Bits that no sum of a step can exceed, whatever the states."""
        weights = np.abs(self.position_weight).sum(1) + np.abs(self.velocity_weight).sum(1)
        bound = (weights << (self.state_width - 1)) + (np.abs(self.skip) << (self.input.width - 1))
        return signed_width(int(bound.max()))

    @property
    def multiplications(self) -> int:
        """Products a step: four a mode and one a channel."""
        return self.channels * (4 * self.modes + 1)

    @property
    def products_saved(self) -> int:
        """Products a step that the plain complex form would take more: six a mode (Gu et al. 2022)."""
        return 2 * self.channels * self.modes

    def lane(self, index: int, lanes: int) -> "ArraySpec":
        """The channels `index`, `index + lanes`, `index + 2 lanes`, ... by themselves."""
        rows = {
            name: getattr(self, name)[index::lanes]
            for name in (
                "offset", "skip", "damping", "stiffness", "position_weight", "velocity_weight",
                "input_shift", "position_shift",
            )
        }  # fmt: skip
        return replace(self, **rows)

    def compute(self, x: Integers) -> tuple[Integers, int]:
        """Outputs of whole sequences, each from a cleared state.

        Parameters
        ----------
        x : (sequences, steps, H) in the input format

        Returns
        -------
        y : (sequences, steps, H) in the output format
        saturations : int
            How many inputs, states and outputs were clipped.
        """
        u = saturate(x + self.offset, self.input.width)
        clipped = int(np.count_nonzero(u != x + self.offset))
        y = np.empty(x.shape, dtype=np.int64)
        counts = np.zeros(len(x), dtype=np.int64)
        _scan(
            np.ascontiguousarray(u),
            self.skip,
            self.damping << self.damping_alignment,
            self.stiffness << self.stiffness_alignment,
            self.feedback_shift,
            self.position_weight,
            self.velocity_weight,
            self.input_shift,
            self.position_shift,
            self.state_width,
            self.output_shift,
            self.output.width,
            y,
            counts,
        )
        return y, clipped + int(counts.sum())


@numba.njit(inline="always")
def _round_shift(value, shift):
    return (value + ((1 << shift) >> 1)) >> shift


@numba.njit(parallel=True, cache=True)
def _scan(
    u, skip, damping, stiffness, feedback_shift, position_weight, velocity_weight, input_shift,
    position_shift, state_width, output_shift, output_width, y, counts,
):  # fmt: skip
    """The recurrence of `ArraySpec` over (sequences, steps, H); numba, for numpy needs a pass a step."""
    sequences, steps, channels = u.shape
    modes = damping.shape[1]
    state_top = (1 << (state_width - 1)) - 1
    output_top = (1 << (output_width - 1)) - 1
    for sequence in numba.prange(sequences):
        clipped = 0
        for channel in range(channels):
            p = np.zeros(modes, dtype=np.int64)
            q = np.zeros(modes, dtype=np.int64)
            for step in range(steps):
                value = u[sequence, step, channel]
                total = skip[channel] * value
                for n in range(modes):
                    total += position_weight[channel, n] * p[n] + velocity_weight[channel, n] * q[n]
                    feedback = damping[channel, n] * q[n] + stiffness[channel, n] * p[n]
                    velocity = (
                        q[n]
                        + _round_shift(value, input_shift[channel, n])
                        - _round_shift(feedback, feedback_shift)
                    )
                    q[n] = min(max(velocity, -state_top - 1), state_top)
                    position = p[n] + _round_shift(q[n], position_shift[channel, n])
                    p[n] = min(max(position, -state_top - 1), state_top)
                    clipped += (q[n] != velocity) + (p[n] != position)
                total = _round_shift(total, output_shift)
                y[sequence, step, channel] = min(max(total, -output_top - 1), output_top)
                clipped += y[sequence, step, channel] != total
        counts[sequence] = clipped
