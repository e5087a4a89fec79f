"""The product of integers with a constant ternary matrix: what every build of a mixer computes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from quantize.errors import StatespikeError
from quantize.formats import Integers
from quantize.layers.functions import bit_length, exact_matmul


def interval(plus: Integers, minus: Integers, width: int) -> tuple[Integers, Integers]:
    """Smallest and largest value of a sum of `plus` integers of `width` bits less `minus` others."""
    low, high = -(1 << (width - 1)), (1 << (width - 1)) - 1
    return plus * low - minus * high, plus * high - minus * low


def interval_width(low: Integers, high: Integers) -> Integers:
    """Smallest two's complement width that holds every integer in low..high."""
    return np.maximum(bit_length(np.maximum(high, 0)), bit_length(np.maximum(-low - 1, 0))) + 1


@dataclass(frozen=True, eq=False)
class TernaryProduct:
    """`y = x T` for signed integers x.

    Parameters
    ----------
    table : (inputs, outputs)
        T, of -1, 0 and 1.
    input_width : int
        Bits of each x, the sign included.

    Raises
    ------
    StatespikeError
        If the table is not a ternary matrix, or a width is not in 1..32.
    """

    table: Integers
    input_width: int

    def __post_init__(self) -> None:
        table = np.array(self.table, dtype=np.int64)
        if table.ndim != 2 or not table.size or np.abs(table).max() > 1:
            raise StatespikeError(
                f"a mixer's table is a matrix of -1, 0 and 1, not one of shape {table.shape} within "
                f"{table.min(initial=0)}..{table.max(initial=0)}"
            )
        if not 1 <= self.input_width <= 32:
            raise StatespikeError(f"a mixer's inputs have 1 to 32 bits, not {self.input_width}")
        table.setflags(write=False)
        object.__setattr__(self, "table", table)

    @property
    def inputs(self) -> int:
        return self.table.shape[0]

    @property
    def outputs(self) -> int:
        return self.table.shape[1]

    @cached_property
    def sum_width(self) -> int:
        """Bits that hold every y."""
        plus, minus = (self.table > 0).sum(0), (self.table < 0).sum(0)
        low, high = interval(plus, minus, self.input_width)
        return int(interval_width(low, high).max())

    def compute(self, x: Integers) -> Integers:
        """y (..., outputs) of x (..., inputs)."""
        return exact_matmul(x, self.table)
