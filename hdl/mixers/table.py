"""The table mixer: a row of lanes, a tree of adders over them, and a ternary table in memory."""

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from hdl.mixers.signed_tree import SignedTree, aged
from hdl.mixers.trits import pack, packed_width, unpack
from hdl.primitives.component import Component
from hdl.primitives.memory import concatenate, ram, rom
from hdl.primitives.streams import beats
from quantize.formats import Integers
from quantize.mixing import TernaryProduct


@dataclass(frozen=True)
class Inputs:
    """A block's inputs in the lanes.

    Parameters
    ----------
    held : list of Signal
        Of the block walked.
    marks : Signal
        Of its product.
    full : Signal
        The next block has arrived.
    start : Signal
        It is taken over. Set by the walk.
    first, last : Value
        The next block is a product's first one; its last one.
    """

    held: list[Signal]
    marks: Signal
    full: Signal
    start: Signal
    first: Value
    last: Value


@dataclass(frozen=True)
class Rows:
    """The rows of the walk.

    Parameters
    ----------
    issue : Signal
        A row is issued.
    step, row : Signal
        Its output, and its place in the table.
    block : Value
        Whether its block is the first, and the last one; the marks of its product.
    """

    issue: Signal
    step: Signal
    row: Signal
    block: Value


class TableMixer(Component):
    """`y = x T` by `lanes` inputs at a time: for each such block, all outputs one after the other.

    A block's inputs are shifted in while the block before it is at work, and held. Every cycle a row of the
    table says what the next output takes of them. Sums wait in memory from block to block.

    Parameters
    ----------
    product : TernaryProduct
    lanes : int
        Inputs worked on at a time.
    packed : bool
        Five trits in a byte of memory (`hdl.mixers.trits`), and signs in gates, which takes some six look-up
        tables a lane more. Otherwise two bits a lane say at once which are zero, and the tree's signs.

    Members
    -------
    i : In(stream of Beat), x
    o : Out(stream of Beat), y
    """

    # A sum must have been written before the next block reads it.
    SHORTEST_WALK = 3

    def __init__(self, product: TernaryProduct, lanes: int, *, packed: bool = False):
        if not 1 <= lanes <= product.inputs:
            raise ValueError(
                f"a mixer of {product.inputs} inputs has 1 to {product.inputs} lanes, not {lanes}"
            )
        self.product, self.lanes, self.packed = product, lanes, packed
        self.tree = SignedTree(lanes)
        super().__init__({"i": In(beats(product.input_width)), "o": Out(beats(product.sum_width))})

    @property
    def blocks(self) -> int:
        return -(-self.product.inputs // self.lanes)

    @property
    def walk(self) -> int:
        """Cycles over all outputs."""
        return self.product.outputs if self.blocks == 1 else max(self.product.outputs, self.SHORTEST_WALK)

    @property
    def last_block(self) -> int:
        """Inputs of the last block."""
        return self.product.inputs - (self.blocks - 1) * self.lanes

    @property
    def cycles_per_product(self) -> int:
        """From one product to the next, if inputs come and sums leave at once."""
        return (self.blocks - 1) * max(self.walk, self.lanes) + max(self.walk, self.last_block)

    @property
    def latency(self) -> int:
        """Cycles from a product's first input to its first sum, if nothing is in its way."""
        first = self.lanes if self.blocks > 1 else self.last_block
        rest = 0 if self.blocks == 1 else (self.blocks - 2) * max(self.walk, self.lanes)
        rest += 0 if self.blocks == 1 else max(self.walk, self.last_block)
        return first + rest + self.row_latency

    @property
    def row_latency(self) -> int:
        """Cycles from a row's issue until its sum is there: read, made terms, a level each, added up."""
        return self.tree.depth + 3

    def trits(self) -> Integers:
        """The table as the lanes walk it: block by block, a row for each output, a trit for each lane."""
        rows = np.zeros((self.blocks, self.product.outputs, self.lanes), dtype=np.int64)
        for block in range(self.blocks):
            part = self.product.table[block * self.lanes : (block + 1) * self.lanes]
            rows[block, :, self.lanes - len(part) :] = part.T  # what is shifted in last ends at the last lane
        return rows.reshape(-1, self.lanes)

    @property
    def row_width(self) -> int:
        """Bits of the table's memory for a row of lanes."""
        return packed_width(self.lanes) if self.packed else 2 * self.lanes

    def words(self) -> list[int]:
        """The table's memory: the trits of each row, or whether each lane is zero and the tree's signs."""
        trits = self.trits()
        if self.packed:
            return [pack(row) for row in trits]
        fields = np.concatenate([trits == 0, self.tree.signs(trits)], axis=1)
        return [concatenate([(bit, 1) for bit in row]) for row in fields]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        m.d.comb += advance.eq(self.o.ready | ~self.o.valid)
        y = Signal(signed(self.product.sum_width), reset_less=True)
        inputs = self._take(m)
        rows = self._walk(m, advance, inputs)
        self._sum(m, advance, inputs, rows, y)
        return m

    def _take(self, m: Module) -> Inputs:
        """A block's inputs, shifted in from the last lane on, and taken over as its walk starts."""
        product, lanes, blocks = self.product, self.lanes, self.blocks
        arriving = [
            Signal(signed(product.input_width), name=f"arriving_{k}", reset_less=True) for k in range(lanes)
        ]
        held = [Signal.like(register, name=f"held_{k}") for k, register in enumerate(arriving)]
        arrived = Signal(range(lanes + 1))
        arriving_last = Signal(init=blocks == 1)
        arriving_block = Signal(range(blocks))
        arriving_marks, held_marks = Signal(2, reset_less=True), Signal(2, reset_less=True)
        full, take, start = Signal(), Signal(), Signal()
        m.d.comb += [
            full.eq(arrived == (Mux(arriving_last, self.last_block, lanes))),
            self.i.ready.eq(~full | start),
            take.eq(self.i.valid & self.i.ready),
        ]
        m.d.sync += arrived.eq(Mux(start, 0, arrived) + take)
        with m.If(take):
            m.d.sync += arriving_marks.eq(Cat(self.i.payload.first, self.i.payload.last))
            following = [*arriving[1:], self.i.payload.value]
            m.d.sync += [register.eq(value) for register, value in zip(arriving, following, strict=True)]
        with m.If(start):
            m.d.sync += held_marks.eq(arriving_marks)
            m.d.sync += [register.eq(value) for register, value in zip(held, arriving, strict=True)]
            m.d.sync += [
                arriving_block.eq(Mux(arriving_last, 0, arriving_block + 1)),
                arriving_last.eq(1 if blocks == 1 else Mux(arriving_last, 0, arriving_block == blocks - 2)),
            ]
        return Inputs(held, held_marks, full, start, arriving_block == 0, arriving_last)

    def _walk(self, m: Module, advance: Signal, inputs: Inputs) -> Rows:
        """A row of the table for each output, the first one as the block is taken over."""
        blocks, outputs = self.blocks, self.product.outputs
        issue = Signal()
        step = Signal(range(self.walk))
        first_block, last_block = Signal(reset_less=True), Signal(reset_less=True)
        row = Signal(range(blocks * outputs))
        m.d.comb += [
            inputs.start.eq(inputs.full & advance & (step == 0)),
            issue.eq((inputs.start | (step != 0)) & (step < outputs)),
        ]
        with m.If(advance & (inputs.start | (step != 0))):
            m.d.sync += step.eq(Mux(step == self.walk - 1, 0, step + 1))
        with m.If(advance & issue):
            m.d.sync += row.eq(Mux(row == blocks * outputs - 1, 0, row + 1))
        with m.If(inputs.start):
            m.d.sync += [first_block.eq(inputs.first), last_block.eq(inputs.last)]
        return Rows(issue, step, row, Cat(first_block, last_block, inputs.marks))

    def _sum(self, m: Module, advance: Signal, inputs: Inputs, rows: Rows, y: Signal) -> None:
        """Cycle 1: the row. 2: terms. Then a level of the tree a cycle, and the sum with what was there."""
        product, blocks, depth = self.product, self.blocks, self.tree.depth
        words = rom(m, "table", self.words(), self.row_width)
        m.d.comb += [words.addr.eq(rows.row), words.en.eq(advance)]
        total = self.tree.build(
            m,
            advance,
            inputs.held,
            self.tree.signs_in_gates(m, advance, *unpack(words.data, self.lanes))
            if self.packed
            else aged(m, advance, words.data, depth + 1, "row"),
        )

        valid = [rows.issue]
        for age in range(1, self.row_latency + 1):
            valid.append(Signal(name=f"valid_{age}"))
            with m.If(advance):
                m.d.sync += valid[age].eq(valid[age - 1])
        # A row and its block, from cycle 1 on.
        steps = aged(m, advance, rows.step, self.row_latency, "step")
        block = aged(m, advance, rows.block, depth + 2, "block")
        reaching, leaving = block[depth + 1], block[depth + 2]
        if blocks > 1:
            write, read = ram(m, "sums", product.outputs, product.sum_width)
            m.d.comb += [
                read.addr.eq(steps[depth + 1]),
                read.en.eq(advance),
                write.addr.eq(steps[self.row_latency]),
                write.data.eq(self.o.payload.value),
                write.en.eq(advance & valid[self.row_latency] & ~leaving[1]),
            ]
            total = total + Mux(reaching[0], 0, read.data)
        with m.If(advance):
            m.d.sync += y.eq(total)
        m.d.comb += [
            self.o.valid.eq(valid[self.row_latency] & leaving[1]),
            Cat(self.o.payload.first, self.o.payload.last).eq(leaving[2:4]),
            self.o.payload.value.eq(y),
        ]
