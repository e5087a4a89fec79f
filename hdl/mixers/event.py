"""The event mixer: adds a weight row for each activation that is not zero, and skips the rest."""

from itertools import pairwise

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.fixed import add_trit, count_width
from hdl.primitives.memory import buffer, concatenate, table, words_of
from hdl.streams import beats
from quantize.formats import Integers, signed_width


class EventMixer(wiring.Component):
    """`sum_i activation_i weight_ij + bias_j` for ternary or binary activations, additions only.

    The channels of a step that are not zero are listed, with their signs, in one of two banks, while the
    other bank's list is walked once for each block of `lanes` outputs. Cycles follow the activity; the worst
    case is that every channel fires.

    Parameters
    ----------
    weight : (H, outputs) words of `weight_width` bits
    bias : (outputs,)
    lanes : int
        Outputs computed at a time.

    Members
    -------
    i : In(stream of Beat(2)), H activations -1, 0 or 1 a step
    o : Out(stream of Beat), `outputs` sums a step
    """

    # Cycles from the issue of a block's last row until its sums stand in the output registers.
    BLOCK_LATENCY = 4

    def __init__(self, weight: Integers, bias: Integers, weight_width: int, lanes: int):
        self.weight, self.bias, self.weight_width, self.lanes = weight, bias, weight_width, lanes
        self.channels, self.outputs = weight.shape
        if not 1 <= lanes <= self.outputs:
            raise ValueError(f"a mixer of {self.outputs} outputs has 1 to {self.outputs} lanes, not {lanes}")
        super().__init__({"i": In(beats(2)), "o": Out(beats(self.sum_width))})

    @property
    def sum_width(self) -> int:
        """Bits that no sum exceeds."""
        return signed_width(int((np.abs(self.weight).sum(0) + np.abs(self.bias)).max()))

    @property
    def blocks(self) -> int:
        return -(-self.outputs // self.lanes)

    def cycles(self, events: int) -> int:
        """From one step's walk to the next, with so many activations that are not zero."""
        rows = max(events, 1) + 1
        rest = self.outputs - (self.blocks - 1) * self.lanes
        drained = self.BLOCK_LATENCY + self.lanes
        return (self.blocks - 1) * max(rows, drained) + max(rows + 1, self.BLOCK_LATENCY + rest)

    @property
    def cycles_per_step(self) -> int:
        """The worst case: every channel fires."""
        return self.cycles(self.channels)

    def weight_rows(self) -> list[int]:
        """The weight memory: block by block, a row for each input channel, a word for each lane."""
        padded = np.zeros((self.channels, self.blocks * self.lanes), dtype=np.int64)
        padded[:, : self.outputs] = self.weight
        return [
            concatenate([(word, self.weight_width) for word in padded[channel, start : start + self.lanes]])
            for start in range(0, padded.shape[1], self.lanes)
            for channel in range(self.channels)
        ]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        channels, lanes = self.channels, self.lanes

        # Collecting: the list of events into the bank that is not walked.
        index_width = count_width(channels)
        write, read = buffer(m, "events", 2 * channels, index_width + 1)
        filled = Signal(range(3))
        given = Signal(index_width)
        listed = Signal(range(channels + 1))
        walking, collecting_bank = Signal(), Signal()
        events = Signal(range(channels + 1), reset_less=True)
        marks = Signal(2, reset_less=True)
        take, collect_ends, walk_ends = Signal(), Signal(), Signal()
        nonzero = self.i.payload.value != 0
        listed_next = Signal.like(listed)
        m.d.comb += [
            # A full list waits until its length has been taken over: the next step would replace it.
            self.i.ready.eq((filled == 0) | ((filled == 1) & walking)),
            take.eq(self.i.valid & self.i.ready),
            collect_ends.eq(take & (given == channels - 1)),
            listed_next.eq(listed + nonzero),
            write.en.eq(take & nonzero),
            write.addr.eq(listed + Mux(collecting_bank, channels, 0)),
            write.data.eq(Cat(given, self.i.payload.value[1])),
        ]
        m.d.sync += filled.eq(filled + collect_ends - walk_ends)
        with m.If(take):
            m.d.sync += [
                given.eq(given + 1),
                listed.eq(listed_next),
                marks.eq(Cat(self.i.payload.first, self.i.payload.last)),
            ]
            with m.If(collect_ends):
                m.d.sync += [given.eq(0), listed.eq(0), events.eq(listed_next)]
                m.d.sync += collecting_bank.eq(~collecting_bank)

        # Walking: `row` along the list, `block` within the step; a cycle without a row after every block.
        pausing, bank = Signal(), Signal()
        row = Signal(range(channels))
        block = Signal(range(self.blocks))
        base = Signal(range(self.blocks * channels))
        length = Signal(range(channels + 1), reset_less=True)
        walk_marks = Signal(2, reset_less=True)
        pending, issue = Signal(), Signal()
        last_row = (row + 1 == length) | (length == 0)
        last_block = block == self.blocks - 1
        m.d.comb += [
            issue.eq(walking & ~pausing & ~(last_row & pending)),
            walk_ends.eq(issue & last_row & last_block),
            read.addr.eq(row + Mux(bank, channels, 0)),
        ]
        m.d.sync += pausing.eq(issue & last_row)
        with m.If(issue):
            m.d.sync += row.eq(Mux(last_row, 0, row + 1))
            with m.If(last_row):
                m.d.sync += block.eq(Mux(last_block, 0, block + 1))
                m.d.sync += base.eq(Mux(last_block, 0, base + channels))
        with m.If(walk_ends):
            m.d.sync += [walking.eq(0), bank.eq(~bank)]
        with m.Elif(~walking & ~pausing & (filled != 0)):
            m.d.sync += [walking.eq(1), length.eq(events), walk_marks.eq(marks)]

        # Cycle 1: an event of the list, its weight row's address. 2: the row. 3: the sums.
        valid_1, valid_2 = Signal(), Signal()
        last_1, last_2, last_3 = Signal(), Signal(), Signal()
        base_1 = Signal.like(base, reset_less=True)
        negative_2 = Signal(reset_less=True)
        weights = table(m, "weights", self.weight_rows(), lanes * self.weight_width)
        m.d.comb += weights.addr.eq(base_1 + read.data.as_unsigned()[:index_width])
        m.d.sync += [
            valid_1.eq(issue & (length != 0)),
            valid_2.eq(valid_1),
            last_1.eq(issue & last_row),
            last_2.eq(last_1),
            last_3.eq(last_2),
            base_1.eq(base),
            negative_2.eq(read.data[index_width]),
        ]
        sums = [Signal(signed(self.sum_width), name=f"sum_{lane}") for lane in range(lanes)]
        for lane, total in enumerate(sums):
            weight = weights.data.word_select(lane, self.weight_width).as_signed()
            with m.If(valid_2):
                m.d.sync += total.eq(add_trit(total, weight, valid_2, negative_2))
            with m.Elif(last_3):
                m.d.sync += total.eq(0)

        # Outputs: a block's sums move through the first register, where the bias is added.
        held = [Signal(signed(self.sum_width), name=f"held_{lane}", reset_less=True) for lane in range(lanes)]
        left = Signal(range(lanes + 1))
        output, next_output = Signal(range(self.outputs)), Signal(range(self.outputs))
        out_marks = Signal(2, reset_less=True)
        biases = table(m, "biases", words_of(self.bias, self.sum_width), self.sum_width)
        leaves = Signal()
        step_ends = output == self.outputs - 1
        m.d.comb += [
            next_output.eq(Mux(leaves, Mux(step_ends, 0, output + 1), output)),
            biases.addr.eq(next_output),
            self.o.valid.eq(left != 0),
            Cat(self.o.payload.first, self.o.payload.last).eq(out_marks),
            self.o.payload.value.eq(held[0] + biases.data.as_signed()),
            leaves.eq(self.o.valid & self.o.ready),
        ]
        m.d.sync += output.eq(next_output)
        with m.If(issue & last_row):
            m.d.sync += [pending.eq(1), out_marks.eq(walk_marks)]
        with m.If(last_3):
            m.d.sync += left.eq(lanes)
            m.d.sync += [register.eq(value) for register, value in zip(held, sums, strict=True)]
        with m.Elif(leaves):
            m.d.sync += [register.eq(value) for register, value in pairwise(held)]
            m.d.sync += left.eq(Mux(step_ends, 0, left - 1))
            with m.If((left == 1) | step_ends):
                m.d.sync += pending.eq(0)
        return m
