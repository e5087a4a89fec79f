"""Heads that answer again and again: at each step, or a running mean at every so many steps."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from quantize.answers import answer_steps, answers_within
from quantize.constants import MOST_STEPS, MOST_TIME_SHIFT
from quantize.formats import Integers
from quantize.layers.head import HeadSpec
from quantize.specification import integer


@dataclass(frozen=True, eq=False)
class EveryStepSpec(HeadSpec):
    """Each step as it is: the decoder reads all of them."""

    kind: ClassVar[str] = "every_step"

    @property
    def answer_stride(self) -> int:
        return 1

    def compute(self, x: Integers, lengths: Integers) -> Integers:
        return _taken(x, answer_steps(lengths, x.shape[1], self.answer_stride))

    def go_on(self, x: Integers, position: int, states: Integers, *, ended: bool) -> Integers:
        return x


@dataclass(frozen=True, eq=False)
class RunningSpec(HeadSpec):
    """A leaky mean over the steps, read after every `stride` steps and at the end of a sequence.

    A channel keeps its mean with `time_shift` bits more than the stream, as a sum that leaks:

        sum <- sum + x - round_shift(sum, time_shift)
        pooled = round_shift(sum, time_shift)

    It begins with the value of a sequence's first step, `x 2**time_shift`, so it is a mean from the start,
    and a gain and an offset before it equal those behind it. Its time constant is `2**time_shift` steps. No
    step leads out of the range from `-2**(15 + time_shift)` to
    `(2**15 - 1) 2**time_shift + 2**(time_shift - 1) - 1`, so `16 + time_shift` bits hold the sum, and 16 bits
    what is read, for sequences of any length. A constant x is reached to within a unit.

    Parameters
    ----------
    time_shift : int
    stride : int
    """

    kind: ClassVar[str] = "running"

    time_shift: int = integer(1, MOST_TIME_SHIFT)
    stride: int = integer(1, MOST_STEPS)

    @property
    def answer_stride(self) -> int:
        return self.stride

    @property
    def sum_width(self) -> int:
        """Bits of a channel's sum."""
        return self.input.width + self.time_shift

    @property
    def state_bits(self) -> int:
        return self.channels * self.sum_width

    def compute(self, x: Integers, lengths: Integers) -> Integers:
        from quantize import recurrences  # with numba: where something is computed

        pooled = np.empty_like(x)
        recurrences.leaky_sums(x, x[:, 0] << self.time_shift, self.time_shift, pooled)
        return _taken(pooled, answer_steps(lengths, x.shape[1], self.answer_stride))

    def cleared(self, sequences: int) -> Integers:
        """The sums, (sequences, H)."""
        return np.zeros((sequences, self.channels), dtype=np.int64)

    def go_on(self, x: Integers, position: int, states: Integers, *, ended: bool) -> Integers:
        from quantize import recurrences  # with numba: where something is computed

        if position == 0:
            states[...] = x[0] << self.time_shift
        pooled = np.empty_like(x)
        recurrences.leaky_sums(x[None], states[None], self.time_shift, pooled[None])
        return pooled[answers_within(position, len(x), self.stride, ended=ended)]


def _taken(x: Integers, steps: Integers) -> Integers:
    """Some steps of each sequence: (sequences, steps, H) to (sequences, answers, H)."""
    return np.take_along_axis(x, steps[:, :, None], axis=1)
