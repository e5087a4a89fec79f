"""An event mixer of ternary weights and wide activations."""

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from hdl.primitives.bank_walk import BlockDrain, ages, keep_sum
from hdl.primitives.component import Component
from hdl.primitives.counters import CounterWithLast
from hdl.primitives.event_walk import EventWalk
from hdl.primitives.memory import rom, rows_of_blocks
from hdl.primitives.registers import delayed
from hdl.primitives.selection import choosing_cycles, chosen
from hdl.primitives.streams import beats, marks_of
from hdl.primitives.trit_adder import trit_added
from quantize.formats import Integers
from quantize.layers.functions import TRIT_WIDTH
from quantize.mixing import TernaryProduct


class TernaryEventMixer(Component):
    """`y = x T` by the rows of T whose x is not zero, additions only.

    The inputs of a product that are not zero are listed in one of two banks, while the other bank's list is
    walked once for each block of `lanes` outputs. Cycles follow the activity; the worst case is that no input
    is zero. Sums that leave are chosen by a bit for each lane: a register that loads and shifts takes half as
    much again.

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

    # Cycles from the issue of a block's last row until its sums stand in the output registers.
    BLOCK_LATENCY = 4

    def __init__(self, product: TernaryProduct, lanes: int, *, split_rows: bool = False):
        if not 1 <= lanes <= product.outputs:
            raise ValueError(
                f"a mixer of {product.outputs} outputs has 1 to {product.outputs} lanes, not {lanes}"
            )
        self.product, self.lanes, self.split_rows = product, lanes, split_rows
        # Rows of memory that an input has, and bits of a lane's field in a row.
        self.rows_of_event, self.weight_width = (2, 1) if split_rows else (1, TRIT_WIDTH)
        super().__init__({"i": In(beats(product.input_width)), "o": Out(beats(product.sum_width))})

    @property
    def blocks(self) -> int:
        return -(-self.product.outputs // self.lanes)

    def cycles(self, events: int) -> int:
        """From one product's walk to the next, with so many inputs that are not zero."""
        rows = max(events, 1) * self.rows_of_event + 1
        rest = self.product.outputs - (self.blocks - 1) * self.lanes
        drained = self.BLOCK_LATENCY + self.lanes
        return (self.blocks - 1) * max(rows, drained) + max(rows + 1, self.BLOCK_LATENCY + rest)

    @property
    def cycles_per_product(self) -> int:
        """The worst case: no x is zero."""
        return self.cycles(self.product.inputs)

    def weight_rows(self) -> list[int]:
        """The weight memory, block by block.

        Of each trit whether it is not zero, and above it whether it is negative. With split rows, whether it
        is 1 and, in the next row, whether it is -1.
        """
        return rows_of_blocks(self._fields(), self.weight_width, self.lanes)

    def _fields(self) -> Integers:
        trits = self.product.table
        if self.split_rows:
            return np.stack([trits == 1, trits == -1], axis=1).reshape(-1, trits.shape[1]).astype(np.int64)
        return (trits != 0) | (trits < 0) << 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        walk = EventWalk(self.product.inputs, self.blocks, self.rows_of_event)
        arrived = walk.take(m, self.i, self.product.input_width)
        walk.list(m, arrived.value)
        walk.walk(m)

        # Cycle 1: an event of the list, its weight row's address. 2: the row. 3: sums.
        valid, last = ages(m, 3, valid=walk.issue & ~walk.empty, last=walk.issue & walk.block_ends)
        weights = rom(m, "weights", self.weight_rows(), self.lanes * self.weight_width)
        address, x_1 = walk.event(m)
        if self.split_rows:
            second = delayed(m, walk.second, 1, reset_less=True)
            address, x_1 = Cat(second, address), Mux(second, -x_1.as_signed(), x_1.as_signed())
        x_2 = Signal(x_1.shape(), reset_less=True)
        m.d.comb += weights.addr.eq(address)
        m.d.sync += x_2.eq(x_1)
        fields = [weights.data.word_select(lane, self.weight_width) for lane in range(self.lanes)]
        sums = self._sums(m, fields, x_2, valid[2], last[3])
        self._drain(m, walk, sums, last[3])
        return m

    def _sums(self, m: Module, fields: list[Value], x: Value, valid: Value, clear: Value) -> list[Signal]:
        """The lanes' sums, to which a row is added where `valid`."""
        sums = [Signal(signed(self.product.sum_width), name=f"sum_{lane}") for lane in range(self.lanes)]
        for lane, (total, field) in enumerate(zip(sums, fields, strict=True)):
            if self.split_rows:
                keep_sum(m, total, total + x, valid & field[0], clear)
            else:
                added = trit_added(m, f"adder_{lane}", total, x, field[0], field[1])
                keep_sum(m, total, added, valid, clear)
        return sums

    def _drain(self, m: Module, walk: EventWalk, sums: list[Signal], complete: Value) -> None:
        """A block's sums one by one, chosen over some cycles."""
        drain, output = BlockDrain(self.lanes), CounterWithLast("output", self.product.outputs)
        held = [Signal.like(total, name=f"held_{lane}", reset_less=True) for lane, total in enumerate(sums)]
        turn, advance = Signal(self.lanes, reset_less=True), Signal()
        m.d.comb += [advance.eq(~self.o.valid | self.o.ready), drain.leaves.eq(drain.holding & advance)]
        with m.If(complete):
            m.d.sync += turn.eq(1)
            m.d.sync += [register.eq(value) for register, value in zip(held, sums, strict=True)]
        with m.Elif(drain.leaves):
            m.d.sync += turn.eq(turn << 1)
        cycles = choosing_cycles(self.lanes)
        with m.If(advance):
            value = chosen(m, "sum", held, turn).as_signed()
            valid, marks = delayed(m, drain.holding, cycles), delayed(m, drain.marks, cycles)
        m.d.comb += [
            self.o.valid.eq(valid),
            marks_of(self.o.payload).eq(marks),
            self.o.payload.value.eq(value),
        ]
        with m.If(drain.leaves):
            output.advance(m)
        drain.count(m, walk.issue & walk.block_ends, complete, output.last, walk.pending, walk.marks)
