"""Integer functions of one variable: GELU, sigmoid and tanh from a table of their even part, square root."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from quantize.formats import Format, Integers, signed_width

TABLE_DEPTH = 512
TABLE_WIDTH = 8
TRIT_WIDTH = 2
"""Of an activation that is -1, 0 or 1: a mixer then only adds."""


def _normal_tail(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(X > x) of a standard normal variable, from the series-free rational of Python's own erfc."""
    from math import erfc

    return np.array([0.5 * erfc(value / np.sqrt(2.0)) for value in x])


@dataclass(frozen=True)
class EvenTable:
    """512 unsigned bytes over the magnitude of the argument: one iCE40 block RAM.

    `index = min(m >> index_shift, 511)` for the magnitude m in one's complement (x, or -x - 1), so finding it
    takes no adder; entry k is the function in the middle of its interval, at `k + 1/2` table steps.

    Parameters
    ----------
    input : Format
        Of the argument.
    step_fraction : int
        A table step is `2**-step_fraction`.
    """

    input: Format
    step_fraction: int

    @property
    def index_shift(self) -> int:
        return self.input.fraction - self.step_fraction

    @property
    def arguments(self) -> NDArray[np.float64]:
        """The 512 magnitudes at which the table holds values."""
        return (np.arange(TABLE_DEPTH, dtype=np.float64) + 0.5) * 2.0**-self.step_fraction

    def index(self, x: Integers) -> Integers:
        """Table index of each argument."""
        return np.minimum(np.where(x < 0, -x - 1, x) >> self.index_shift, TABLE_DEPTH - 1)


@dataclass(frozen=True)
class Gelu:
    """GELU(x) = x P(X <= x) as `max(x, 0) - tail(|x|)`, tail(m) = m P(X > m).

    The tail is even, at most 0.17 and gone at 4. Error against the real function: under 0.0025 (nearest
    entry: slope 1/2 times half a step of 2**-7, plus half a unit of 2**-10).
    """

    argument: Format = Format(16, 11)

    @property
    def output(self) -> Format:
        """The argument's."""
        return self.argument

    @property
    def table(self) -> EvenTable:
        return EvenTable(self.argument, step_fraction=7)

    @property
    def tail_shift(self) -> int:
        """Left shift of an entry (2**-10) to the argument's fraction."""
        return self.argument.fraction - 10

    @cached_property
    def entries(self) -> Integers:
        magnitudes = self.table.arguments
        return np.round(magnitudes * _normal_tail(magnitudes) * 2.0**10).astype(np.int64)

    def compute(self, x: Integers) -> Integers:
        """GELU of arguments, in the argument's format."""
        return np.maximum(x, 0) - (self.entries[self.table.index(x)] << self.tail_shift)


@dataclass(frozen=True)
class Sigmoid:
    """sigmoid(x) = 1/2 + sign(x) rise(|x|), the rise from a table up to 8.

    Output: unsigned with 9 fraction bits (0..1022 of 512ths over two: see `fraction`). Error against the real
    function: under 0.003 (slope 1/4 times half a step of 2**-6, plus half a unit of 2**-9).
    """

    argument: Format = Format(16, 11)

    fraction: int = 9

    @property
    def table(self) -> EvenTable:
        return EvenTable(self.argument, step_fraction=6)

    @cached_property
    def entries(self) -> Integers:
        rise = 1.0 / (1.0 + np.exp(-self.table.arguments)) - 0.5
        return np.minimum(np.round(rise * 2.0**self.fraction), (1 << TABLE_WIDTH) - 1).astype(np.int64)

    def rise(self, x: Integers) -> Integers:
        """Sigmoid of arguments less one half, `fraction` fraction bits."""
        rise = self.entries[self.table.index(x)]
        return np.where(x < 0, -rise, rise)

    def compute(self, x: Integers) -> Integers:
        """Sigmoid of arguments, `fraction` fraction bits."""
        return (1 << (self.fraction - 1)) + self.rise(x)


@dataclass(frozen=True)
class Tanh:
    """tanh(x) = 2 (sigmoid(2 x) - 1/2): the sigmoid's rise, both ways read with a fraction bit less.

    Error against the real function: under 0.006, twice the sigmoid's.
    """

    sigmoid: Sigmoid = Sigmoid()

    @property
    def argument(self) -> Format:
        """The word of x is that of 2 x in the sigmoid's format."""
        return Format(self.sigmoid.argument.width, self.sigmoid.argument.fraction + 1)

    @property
    def output(self) -> Format:
        """A sign and the table's entries as they are."""
        return Format(TABLE_WIDTH + 1, self.sigmoid.fraction - 1)

    def compute(self, x: Integers) -> Integers:
        """tanh of arguments, in the output format."""
        return self.sigmoid.rise(x)


def integer_square_root(values: Integers) -> Integers:
    """Largest r with r*r <= value, for values under 2**52."""
    root = np.floor(np.sqrt(values.astype(np.float64))).astype(np.int64)
    root -= root * root > values
    return root + ((root + 1) * (root + 1) <= values)


def bit_length(values: Integers) -> Integers:
    """Bits of each non-negative value; 0 has none."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def exact_matmul(values: Integers, matrix: Integers) -> Integers:
    """Integer matrix product through floating point, exact while sums stay under 2**53."""
    return (values.astype(np.float64) @ matrix.astype(np.float64)).astype(np.int64)


BIAS_WIDTH = 24
"""Bits of a mixer's biases, which have the scale of its sums."""


def mixed_width(matrix: Integers, bias: Integers, activation_width: int) -> int:
    """Bits that no sum `a M + b` exceeds, for activations a of a width."""
    largest = 1 << (activation_width - 1) if activation_width > TRIT_WIDTH else 1
    return signed_width(int((np.abs(matrix).sum(0) * largest + np.abs(bias)).max(initial=0)))
