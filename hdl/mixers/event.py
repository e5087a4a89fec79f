"""Event mixers: they add up weight rows, once or times the activation, and skip what is zero."""

from functools import cached_property
from itertools import pairwise

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.fixed import count_width, shift_left
from hdl.primitives.memory import concatenate, ram, rom, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.streams import Beat, beats
from hdl.primitives.trit_adder import trit_added
from quantize.formats import Integers, stored_width, trailing_zeros
from quantize.layers.functions import TRIT_WIDTH, mixed_width


class EventMixer(wiring.Component):
    """`sum_i activation_i weight_ij + bias_j`; activations of two bits, -1, 0 or 1, take additions only.

    The channels of a step that are not zero are listed, with their activations, in one of two banks, while
    the other bank's list is walked once for each block of `lanes` outputs. Cycles follow the activity; the
    worst case is that no channel is zero.

    Parameters
    ----------
    weight : (H, outputs)
        Memory and sums do without the bits that are zero in all of them.
    bias : (outputs,)
    lanes : int
        Outputs computed at a time; each has a multiplier if the activations have more than two bits.
    activation_width : int
    target : DeviceFeatures

    Members
    -------
    i : In(stream of Beat(activation_width)), H activations a step
    o : Out(stream of Beat), `outputs` sums a step
    """

    def __init__(
        self,
        weight: Integers,
        bias: Integers,
        lanes: int,
        activation_width: int,
        target: DeviceFeatures = MULTIPLIER_BLOCKS,
    ):
        self.weight, self.bias, self.lanes, self.activation_width = weight, bias, lanes, activation_width
        self.target = target
        self.channels, self.outputs = weight.shape
        if not 1 <= lanes <= self.outputs:
            raise ValueError(f"a mixer of {self.outputs} outputs has 1 to {self.outputs} lanes, not {lanes}")
        super().__init__({"i": In(beats(activation_width)), "o": Out(beats(self.sum_width))})

    @property
    def multiplies(self) -> bool:
        """Whether activations are more than signs."""
        return self.activation_width > TRIT_WIDTH

    @property
    def multipliers(self) -> int:
        return self.lanes if self.multiplies else 0

    def kept(self, activation: Value) -> Value:
        """What an event keeps of its activation: of -1 and 1, the sign is enough."""
        return activation if self.multiplies else activation[-1:]

    @cached_property
    def dropped(self) -> int:
        """Low bits that memory and sums do without."""
        return trailing_zeros(self.weight)

    @cached_property
    def weight_width(self) -> int:
        """Bits of a lane's field in the weight memory."""
        return stored_width(self.weight)

    @property
    def rows_of_event(self) -> int:
        """Rows of the weight memory that an event adds, one after the other: 1 or 2."""
        return 1

    def stored(self) -> Integers:
        """The lanes' fields in the weight memory, (H * rows_of_event, outputs)."""
        return self.weight >> self.dropped

    @property
    def block_latency(self) -> int:
        """Cycles from the issue of a block's last row until its sums stand in the output registers."""
        return 4 + self.product_latency

    @property
    def product_latency(self) -> int:
        """Cycles of a product, if there are any."""
        return self.target.product_latency if self.multiplies else 0

    @property
    def sum_width(self) -> int:
        """Bits that no sum exceeds."""
        return mixed_width(self.weight, self.bias, self.activation_width)

    @property
    def blocks(self) -> int:
        return -(-self.outputs // self.lanes)

    def cycles(self, events: int) -> int:
        """From one step's walk to the next, with so many activations that are not zero."""
        rows = max(events, 1) * self.rows_of_event + 1
        rest = self.outputs - (self.blocks - 1) * self.lanes
        drained = self.block_latency + self.lanes
        return (self.blocks - 1) * max(rows, drained) + max(rows + 1, self.block_latency + rest)

    @property
    def cycles_per_step(self) -> int:
        """The worst case: no activation is zero."""
        return self.cycles(self.channels)

    def weight_rows(self) -> list[int]:
        """The weight memory: block by block, the rows of each input channel, a word for each lane."""
        stored = self.stored()
        padded = np.zeros((len(stored), self.blocks * self.lanes), dtype=np.int64)
        padded[:, : self.outputs] = stored
        return [
            concatenate([(word, self.weight_width) for word in row[start : start + self.lanes]])
            for start in range(0, padded.shape[1], self.lanes)
            for row in padded
        ]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        channels, lanes = self.channels, self.lanes

        # Collecting: the list of events into the bank that is not walked.
        # An activation is registered first: much lies between y and it, and from it to its place in the list.
        arrived = Signal(Beat(self.activation_width), reset_less=True)
        sequential, waits_next, may_take = Signal(), Signal(), Signal(init=1)
        m.d.comb += [self.i.ready.eq(may_take), waits_next.eq(Mux(may_take, self.i.valid, sequential))]
        m.d.sync += sequential.eq(waits_next)
        with m.If(may_take):
            m.d.sync += arrived.eq(self.i.payload)
        index_width = count_width(channels)
        kept = self.kept(arrived.value)
        write, read = ram(m, "events", 2 * channels, index_width + len(kept))
        filled = Signal(range(3))
        given = Signal(index_width)
        listed = Signal(range(channels + 1))
        walking, collecting_bank = Signal(), Signal()
        events = Signal(range(channels + 1), reset_less=True)
        marks = Signal(2, reset_less=True)
        take, collect_ends, walk_ends = Signal(), Signal(), Signal()
        nonzero = arrived.value != 0
        listed_next = Signal.like(listed)
        m.d.comb += [
            collect_ends.eq(take & (given == channels - 1)),
            listed_next.eq(listed + nonzero),
            write.en.eq(take & nonzero),
            write.addr.eq(listed + Mux(collecting_bank, channels, 0)),
            write.data.eq(Cat(given, kept)),
        ]
        m.d.sync += filled.eq(filled + collect_ends - walk_ends)
        with m.If(take):
            m.d.sync += [
                given.eq(given + 1),
                listed.eq(listed_next),
                marks.eq(Cat(arrived.first, arrived.last)),
            ]
            with m.If(collect_ends):
                m.d.sync += [given.eq(0), listed.eq(0), events.eq(listed_next)]
                m.d.sync += collecting_bank.eq(~collecting_bank)

        # Walking: `row` along the list, `block` within the step; a cycle without a row after every block.
        pausing, bank = Signal(), Signal()
        row = Signal(range(channels))
        block = Signal(range(self.blocks))
        base = Signal(range(self.blocks * channels))
        empty = Signal(reset_less=True)
        walk_marks = Signal(2, reset_less=True)
        pending, issue = Signal(), Signal()
        # The last event is known a cycle ahead, for much waits for it.
        last_row, short = Signal(), Signal(reset_less=True)
        before_last = Signal(range(channels), reset_less=True)
        last_block = block == self.blocks - 1
        # Where events have two rows, the second one goes on to the next event.
        second, goes_on, ends_block = Signal(), issue, last_row
        if self.rows_of_event == 2:
            m.d.sync += second.eq(second ^ issue)
            goes_on, ends_block = issue & second, last_row & second
        m.d.comb += [
            issue.eq(walking & ~pausing & ~(ends_block & pending)),
            walk_ends.eq(issue & ends_block & last_block),
            read.addr.eq(row + Mux(bank, channels, 0)),
        ]
        m.d.sync += pausing.eq(issue & ends_block)
        with m.If(goes_on):
            m.d.sync += [
                row.eq(Mux(last_row, 0, row + 1)),
                last_row.eq(short | (~last_row & (row == before_last))),
            ]
            with m.If(last_row):
                m.d.sync += block.eq(Mux(last_block, 0, block + 1))
                m.d.sync += base.eq(Mux(last_block, 0, base + channels))
        # A walk begins where none is under way, so never as one ends. What is known late decides by data, not
        # by the flip-flops' enable, which has further to go.
        begins = Signal()
        m.d.comb += begins.eq(~walking & ~pausing & (filled != 0))
        m.d.sync += [walking.eq(begins | (walking & ~walk_ends)), bank.eq(bank ^ walk_ends)]
        # A full list waits until its length has been taken over, as a walk begins: the next step would
        # replace it. What waits for that, here and next door, finds it in a register.
        may_list = ~collect_ends & ((filled == 0) | ((filled == 1) & (walking | ~pausing)))
        m.d.sync += [take.eq(waits_next & may_list), may_take.eq(~waits_next | may_list)]
        with m.If(begins):
            m.d.sync += [
                last_row.eq(events <= 1),
                short.eq(events <= 1),
                before_last.eq(events - 2),
                empty.eq(events == 0),
                walk_marks.eq(marks),
            ]

        # Cycle 1: an event of the list, its weight row's address. 2: the row. Then products, if any; sums.
        ready = 2 + self.product_latency
        valid_at, last_at = [issue & ~empty], [issue & ends_block]
        for age in range(1, ready + 2):
            valid, last = Signal(name=f"valid_{age}"), Signal(name=f"last_{age}")
            m.d.sync += [valid.eq(valid_at[-1]), last.eq(last_at[-1])]
            valid_at.append(valid)
            last_at.append(last)
        base_1 = Signal.like(base, reset_less=True)
        weight_width = self.weight_width
        weights = rom(m, "weights", self.weight_rows(), lanes * weight_width)
        event_rows = base_1 + read.data.as_unsigned()[:index_width]
        weights_at, kept_1 = event_rows, read.data[index_width:]
        if self.rows_of_event == 2:
            second_1 = delayed(m, second, 1, reset_less=True)
            weights_at, kept_1 = Cat(second_1, event_rows), self.addend(kept_1, second_1)
        kept_2 = Signal(kept_1.shape(), reset_less=True)
        m.d.comb += weights.addr.eq(weights_at)
        m.d.sync += [base_1.eq(base), kept_2.eq(kept_1)]
        sum_shape = signed(self.sum_width - self.dropped)
        sums = [Signal(sum_shape, name=f"sum_{lane}") for lane in range(lanes)]
        for lane, total in enumerate(sums):
            field = weights.data.word_select(lane, weight_width)
            self.sum_up(m, lane, total, field, kept_2, valid_at[ready], last_at[ready + 1])

        # Outputs: a block's sums leave one by one, and get their bias.
        complete, leaves = last_at[ready + 1], Signal()
        left = Signal(range(lanes + 1))
        holding = Signal()
        out_marks = Signal(2, reset_less=True)
        biases = rom(m, "biases", words_of(self.bias, self.sum_width), self.sum_width)
        total, valid, total_marks = self.let_leave(m, sums, complete, leaves, holding, out_marks)
        # The next output's bias is read as this one leaves; the first, once after a reset.
        next_bias, primed = Signal(range(self.outputs)), Signal()
        step_ends = Signal(init=1)  # the bias read next is a step's first; a register, for much waits for it
        last_leaves = leaves & ((left == 1) | step_ends)
        m.d.comb += [
            biases.en.eq(leaves | ~primed),
            biases.addr.eq(next_bias),
            self.o.valid.eq(valid),
            Cat(self.o.payload.first, self.o.payload.last).eq(total_marks),
            self.o.payload.value.eq(shift_left(total, self.dropped) + biases.data.as_signed()),
        ]
        m.d.sync += primed.eq(1)
        with m.If(biases.en):
            m.d.sync += [
                next_bias.eq(Mux(next_bias == self.outputs - 1, 0, next_bias + 1)),
                step_ends.eq(next_bias == self.outputs - 1),
            ]
        with m.If(issue & ends_block):
            m.d.sync += out_marks.eq(walk_marks)
        m.d.sync += [
            pending.eq((issue & ends_block) | (pending & ~last_leaves)),
            holding.eq(complete | (holding & ~last_leaves)),
        ]
        with m.If(complete):
            m.d.sync += left.eq(lanes)
        with m.Elif(leaves):
            m.d.sync += left.eq(left - 1)
        return m

    def addend(self, kept: Value, second: Value) -> Value:
        """What lanes are given of an event; where it has two rows, of its second one."""
        return kept

    def sum_up(
        self, m: Module, lane: int, total: Signal, field: Value, addend: Value, valid: Value, clear: Value
    ) -> None:
        """Add a row to the sum of a lane, or clear that."""
        if self.multiplies:
            multiplier = Multiplier(self.activation_width, self.weight_width, target=self.target)
            m.submodules[f"multiplier_{lane}"] = multiplier
            m.d.comb += [multiplier.a.eq(addend), multiplier.b.eq(field.as_signed())]
            self.keep(m, total, total + multiplier.product, valid, clear)
        else:
            added = trit_added(m, f"adder_{lane}", total, field.as_signed(), Const(1, 1), addend)
            self.keep(m, total, added, valid, clear)

    @staticmethod
    def keep(m: Module, total: Signal, added: Value, valid: Value, clear: Value) -> None:
        """Replace a sum, or clear it: never both, so without "else" it takes the flip-flops' own reset."""
        with m.If(valid):
            m.d.sync += total.eq(added)
        with m.If(clear):
            m.d.sync += total.eq(0)

    def let_leave(
        self, m: Module, sums: list[Signal], complete: Value, leaves: Signal, holding: Value, marks: Value
    ) -> tuple[Value, Value, Value]:
        """A block's sums one by one, each with whether it is valid and with its marks.

        Here they move through the first of the registers that hold them.

        Parameters
        ----------
        complete : Value
            They are there.
        leaves : Signal
            Made here: one leaves.
        holding : Value
            Not all have left.
        marks : Value
            Theirs.
        """
        held = [Signal.like(total, name=f"held_{lane}", reset_less=True) for lane, total in enumerate(sums)]
        m.d.comb += leaves.eq(self.o.valid & self.o.ready)
        with m.If(complete):
            m.d.sync += [register.eq(value) for register, value in zip(held, sums, strict=True)]
        with m.Elif(leaves):
            m.d.sync += [register.eq(value) for register, value in pairwise(held)]
        return held[0], holding, marks
