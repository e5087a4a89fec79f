"""An event mixer of ternary weights and wide activations."""

from functools import cached_property

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value

from hdl.mixers.event import EventMixer
from hdl.primitives.registers import delayed
from hdl.primitives.selection import choosing_cycles, chosen
from hdl.primitives.trit_adder import trit_added
from quantize.formats import Integers
from quantize.layers.functions import TRIT_WIDTH
from quantize.mixing import TernaryProduct


class TernaryEventMixer(EventMixer):
    """`y = x T` by the rows of T whose x is not zero, additions only.

    Sums that leave are chosen by a bit for each lane: a register that loads and shifts takes half as much
    again.

    Parameters
    ----------
    product : TernaryProduct
    lanes : int
        Outputs computed at a time.
    split_rows : bool
        An input has two rows, one of the outputs that get x and one of those that get -x. A lane then takes
        its flip-flops' enable for the trit, and no look-up table beside its adder, but twice the cycles.

    Members
    -------
    i : In(stream of Beat), x
    o : Out(stream of Beat), y
    """

    def __init__(self, product: TernaryProduct, lanes: int, *, split_rows: bool = False):
        self.product, self.split_rows = product, split_rows
        bias = np.zeros(product.outputs, dtype=np.int64)
        super().__init__(product.table, bias, lanes, product.input_width)

    @property
    def multiplies(self) -> bool:
        return False

    @property
    def rows_of_event(self) -> int:
        return 2 if self.split_rows else 1

    @cached_property
    def weight_width(self) -> int:
        return 1 if self.split_rows else TRIT_WIDTH

    @property
    def sum_width(self) -> int:
        return self.product.sum_width

    @property
    def cycles_per_product(self) -> int:
        """The worst case: no x is zero."""
        return self.cycles_per_step

    def kept(self, activation: Value) -> Value:
        return activation

    def stored(self) -> Integers:
        """Of each trit whether it is not zero, and above it whether it is negative.

        Apart, whether it is 1 and, in the next row, whether it is -1.
        """
        trits = self.product.table
        if self.split_rows:
            return np.stack([trits == 1, trits == -1], axis=1).reshape(-1, self.outputs).astype(np.int64)
        return (trits != 0) | (trits < 0) << 1

    def addend(self, kept: Value, second: Value) -> Value:
        return Mux(second, -kept.as_signed(), kept.as_signed())

    def sum_up(
        self, m: Module, lane: int, total: Signal, field: Value, addend: Value, valid: Value, clear: Value
    ) -> None:
        if self.split_rows:
            self.keep(m, total, total + addend, valid & field[0], clear)
        else:
            added = trit_added(m, f"adder_{lane}", total, addend, field[0], field[1])
            self.keep(m, total, added, valid, clear)

    def let_leave(
        self, m: Module, sums: list[Signal], complete: Value, leaves: Signal, holding: Value, marks: Value
    ) -> tuple[Value, Value, Value]:
        held = [Signal.like(total, name=f"held_{lane}", reset_less=True) for lane, total in enumerate(sums)]
        turn, advance = Signal(self.lanes, reset_less=True), Signal()
        m.d.comb += [advance.eq(~self.o.valid | self.o.ready), leaves.eq(holding & advance)]
        with m.If(complete):
            m.d.sync += turn.eq(1)
            m.d.sync += [register.eq(value) for register, value in zip(held, sums, strict=True)]
        with m.Elif(leaves):
            m.d.sync += turn.eq(turn << 1)
        cycles = choosing_cycles(self.lanes)
        with m.If(advance):
            value = chosen(m, "sum", held, turn).as_signed()
            valid_after, marks_after = delayed(m, holding, cycles), delayed(m, marks, cycles)
        return value, valid_after, marks_after
