"""An array of real modes: one layer of S4D-Real in integers, two products a mode."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from quantize.formats import Integers
from quantize.layers.array import (
    COEFFICIENT_WIDTH,
    MOST_SHIFT,
    OUTPUT_WEIGHT_WIDTH,
    SHIFT_CODE_WIDTH,
    SHIFT_STEP,
    ArraySpec,
    LinearModes,
)
from quantize.specification import QuantizedNetworkError, integer, words


@dataclass(frozen=True, eq=False)
class RealModesSpec(ArraySpec):
    """An `ArraySpec` of real modes, of which each has one state x and a pole `a = 1 - decay`, 0 < a < 1.

    The sum of a channel is that of `weight x`, and each mode moves on by

        x <- saturate(x + round_shift(u, input_shift) - round_shift(decay x, decay_shift))

    Parameters
    ----------
    decay_shift : int
    decay : (H, N) positive words
        `2**decay_shift` times what a mode loses in a step.
    weight : (H, N)
    input_shift : (H, N), even, in 0..14
    """

    kind: ClassVar[str] = "s4d_real"

    decay_shift: int = integer(1, MOST_SHIFT)
    decay: Integers = words("HN", COEFFICIENT_WIDTH - 1, unsigned=True)
    weight: Integers = words("HN", OUTPUT_WEIGHT_WIDTH)
    input_shift: Integers = words("HN", SHIFT_CODE_WIDTH + 1, unsigned=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.input_shift % SHIFT_STEP).any():
            raise QuantizedNetworkError(f"{self.kind}.input_shift must be even")
        unstable = np.argwhere((self.decay < 1) | (self.decay >= 1 << self.decay_shift))
        if len(unstable):
            channel, mode = unstable[0]
            raise QuantizedNetworkError(
                f"{self.kind} has a pole outside 0 to 1 at channel {channel}, mode {mode}: "
                f"decay {self.decay[channel, mode]} of {1 << self.decay_shift}"
            )

    @property
    def modes(self) -> int:
        return self.decay.shape[1] if self.decay.ndim == 2 else 0

    @property
    def output_weights(self) -> tuple[Integers, ...]:
        return (self.weight,)

    @property
    def state_names(self) -> tuple[str, ...]:
        return ("state",)

    def linear(self) -> LinearModes:
        """The one state."""
        shape = self.decay.shape
        transition = np.zeros((*shape, 2, 2))
        transition[:, :, 0, 0] = 1.0 - self.decay * 2.0**-self.decay_shift
        along = np.zeros((*shape, 2))
        along[:, :, 0] = 1.0
        return LinearModes(
            transition,
            along * (2.0**-self.input_shift)[:, :, None],
            (along * (self.input_shift > 0)[:, :, None], along),
            (True, False),
            np.stack([along, along * self.weight[:, :, None]], -2),
        )

    @property
    def multiplications(self) -> int:
        """Products a step: two a mode and one a channel."""
        return self.channels * (2 * self.modes + 1)

    @property
    def products_saved(self) -> int:
        """None: the plain form of a real mode has two products too."""
        return 0

    def _scan(self, u: Integers, valid: Integers, states: Integers, y: Integers, counts: Integers) -> None:
        from quantize import recurrences  # with numba: where something is computed

        recurrences.real_modes(
            u, self.skip, self.decay, self.decay_shift, self.weight, self.input_shift, self.state_width,
            self.output_shift, self.output.width, valid, states, y, counts,
        )  # fmt: skip
