"""An array of complex modes: one S4D layer in integers, in the leapfrog form of `quantize.poles`."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from quantize.formats import EXACT_WIDTH, Integers, signed_width
from quantize.layers.array import (
    COEFFICIENT_WIDTH,
    MOST_SHIFT,
    OUTPUT_WEIGHT_WIDTH,
    SHIFT_CODE_WIDTH,
    SHIFT_STEP,
    ArraySpec,
    LinearModes,
)
from quantize.poles import is_stable
from quantize.specification import QuantizedNetworkError, integer, words


@dataclass(frozen=True, eq=False)
class LeapfrogSpec(ArraySpec):
    """An `ArraySpec` of complex modes, of which each has a position p and a velocity q.

    The sum of a channel is that of `position_weight p + velocity_weight q`, and each mode moves on by

        q <- saturate(q + round_shift(u, input_shift) - round_shift(damping q + stiffness p))
        p <- saturate(p + round_shift(q, position_shift))

    where the two products are aligned exactly before their one rounding.

    Parameters
    ----------
    damping, stiffness : (H, N) positive words
        `2**damping_shift` and `2**stiffness_shift` times the coefficients of the integer states.
    position_weight, velocity_weight : (H, N)
    input_shift, position_shift : (H, N), even, in 0..14
    """

    kind: ClassVar[str] = "array"

    damping_shift: int = integer(1, MOST_SHIFT)
    stiffness_shift: int = integer(1, MOST_SHIFT)
    damping: Integers = words("HN", COEFFICIENT_WIDTH - 1, unsigned=True)
    stiffness: Integers = words("HN", COEFFICIENT_WIDTH - 1, unsigned=True)
    position_weight: Integers = words("HN", OUTPUT_WEIGHT_WIDTH)
    velocity_weight: Integers = words("HN", OUTPUT_WEIGHT_WIDTH)
    input_shift: Integers = words("HN", SHIFT_CODE_WIDTH + 1, unsigned=True)
    position_shift: Integers = words("HN", SHIFT_CODE_WIDTH + 1, unsigned=True)

    @property
    def modes(self) -> int:
        return self.damping.shape[1] if self.damping.ndim == 2 else 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if ((self.input_shift | self.position_shift) % SHIFT_STEP).any():
            raise QuantizedNetworkError("array.input_shift and array.position_shift must be even")
        if self.feedback_width > EXACT_WIDTH:
            raise QuantizedNetworkError(
                f"array.damping_shift {self.damping_shift} and array.stiffness_shift {self.stiffness_shift} "
                f"are too far apart: the feedback takes {self.feedback_width} bits of {EXACT_WIDTH}"
            )
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
        """Bits of the aligned sum: what the largest words and states can reach.

        At least one more than are shifted out, where that is so little that it is always rounded to 0.
        """
        damping, stiffness = (
            self.magnitudes(words, COEFFICIENT_WIDTH) - self.any_contents
            for words in (self.damping, self.stiffness)
        )
        largest = (damping << self.damping_alignment) + (stiffness << self.stiffness_alignment)
        return max(signed_width(int(largest.max()) << (self.state_width - 1)), self.feedback_shift + 1)

    @property
    def output_weights(self) -> tuple[Integers, ...]:
        return self.position_weight, self.velocity_weight

    @property
    def state_names(self) -> tuple[str, ...]:
        return "velocity", "position"

    def linear(self) -> LinearModes:
        """Velocity, then position, then the feedback."""
        damping = self.damping * 2.0**-self.damping_shift
        stiffness = self.stiffness * 2.0**-self.stiffness_shift
        fall, drive = 2.0**-self.position_shift, 2.0**-self.input_shift
        one, none = np.ones(damping.shape), np.zeros(damping.shape)
        kept = np.stack([1.0 - damping, -stiffness], -1)
        moved = np.stack([fall * (1.0 - damping), 1.0 - fall * stiffness], -1)
        velocity = np.stack([one, fall], -1)
        position = np.stack([none, one], -1)
        feedback = [self.damping << self.damping_alignment, self.stiffness << self.stiffness_alignment]
        return LinearModes(
            np.stack([kept, moved], -2),
            velocity * drive[:, :, None],
            (
                velocity * (self.input_shift > 0)[:, :, None],
                velocity,
                position * (self.position_shift > 0)[:, :, None],
            ),
            (True, False, False),
            np.stack(
                [
                    np.stack([one, none], -1),
                    position,
                    np.stack(feedback, -1).astype(np.float64),
                    np.stack([self.velocity_weight, self.position_weight], -1).astype(np.float64),
                ],
                -2,
            ),
            self.feedback_width,
        )

    @property
    def multiplications(self) -> int:
        """Products a step: four a mode and one a channel."""
        return self.channels * (4 * self.modes + 1)

    @property
    def products_saved(self) -> int:
        """Products a step that the plain complex form would take more: six a mode (Gu et al. 2022)."""
        return 2 * self.channels * self.modes

    def _scan(self, u: Integers, valid: Integers, states: Integers, y: Integers, counts: Integers) -> None:
        from quantize import recurrences  # with numba: where something is computed

        recurrences.leapfrog(
            u,
            self.skip,
            self.damping << self.damping_alignment,
            self.stiffness << self.stiffness_alignment,
            self.feedback_shift,
            self.position_weight,
            self.velocity_weight,
            self.input_shift,
            self.position_shift,
            self.state_width,
            min(self.output_shift, EXACT_WIDTH),
            self.output.width,
            valid,
            states,
            y,
            counts,
        )
