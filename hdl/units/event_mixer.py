"""The event mixer of units: it adds up weight rows, once or times the activation, and skips what is zero."""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.bank_walk import BlockDrain, ages, keep_sum
from hdl.primitives.component import Component
from hdl.primitives.counters import is_last_of_each, wrapped_next
from hdl.primitives.event_walk import EventWalk
from hdl.primitives.fixed import shift_left
from hdl.primitives.memory import LOOK_UP_ROWS, rom, rows_of_blocks, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.streams import beats, marks_of
from hdl.primitives.trit_adder import trit_added
from quantize.formats import Integers, stored_width, trailing_zeros
from quantize.layers.functions import TRIT_WIDTH, mixed_width

Delay = Callable[[range], int]
"""A block's outputs -> by how many cycles they take longer to leave than one each."""


def at_once(outputs: range) -> int:
    """The `Delay` where each output is taken as it comes."""
    return 0


class MixerWidths(NamedTuple):
    """Bits of a weight and of a sum with its bias, for any contents of the tables."""

    weight: int
    total: int


class EventMixer(Component):
    """`sum_i activation_i weight_ij + bias_j`; activations of two bits, -1, 0 or 1, take additions only.

    The channels of a step that are not zero are listed, with their activations, in one of two banks, while
    the other bank's list is walked once for each block of `lanes` outputs. Cycles follow the activity; the
    worst case is that no channel is zero.

    Parameters
    ----------
    weight : (H, layers * outputs)
        Memory and sums do without the bits that are zero in all of them.
    bias : (layers * outputs,)
    lanes : int
        Outputs computed at a time; each has a multiplier if the activations have more than two bits.
    activation_width : int
    target : DeviceFeatures
    layers : int
        It serves them in turn, step by step: each has its outputs behind those of the one before.
    widths : MixerWidths, optional
        Of its words, where others can be loaded; by default as few bits as these words need.

    Members
    -------
    i : In(stream of Beat(activation_width)), H activations a step
    o : Out(stream of Beat), `outputs` sums a step
    """

    # Cycles from a step's last activation until its walk begins: registered, listed, its length taken over.
    COLLECT_LATENCY = 3

    def __init__(
        self,
        weight: Integers,
        bias: Integers,
        lanes: int,
        activation_width: int,
        target: DeviceFeatures = MULTIPLIER_BLOCKS,
        layers: int = 1,
        widths: MixerWidths | None = None,
    ):
        self.widths = widths
        self.weight, self.bias, self.lanes, self.activation_width = weight, bias, lanes, activation_width
        self.target, self.layers = target, layers
        self.channels, self.outputs = len(weight), weight.shape[1] // layers
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

    @cached_property
    def dropped(self) -> int:
        """Low bits that memory and sums do without."""
        return 0 if self.widths else trailing_zeros(self.weight)

    @cached_property
    def weight_width(self) -> int:
        """Bits of a lane's field in the weight memory."""
        return self.widths.weight if self.widths else stored_width(self.weight)

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
        if self.widths:
            return self.widths.total
        return mixed_width(self.weight, self.bias, self.activation_width)

    @property
    def blocks(self) -> int:
        return -(-self.outputs // self.lanes)

    def _drained(self, delay: Delay) -> list[int]:
        """Cycles from each block's last row until its last output has left."""
        blocks = [
            range(self.outputs)[start : start + self.lanes] for start in range(0, self.outputs, self.lanes)
        ]
        return [self._drained_after(block, delay) for block in blocks]

    def _drained_after(self, outputs: range, delay: Delay) -> int:
        """Cycles from their block's last row until the last of some outputs has left."""
        return self.block_latency + len(outputs) + delay(outputs)

    def cycles(self, events: int, delay: Delay = at_once) -> int:
        """From one step's walk to the next, with so many activations that are not zero."""
        rows = max(events, 1) + 1
        *others, last = self._drained(delay)
        return sum(max(rows, drained) for drained in others) + max(rows + 1, last)

    def output_delays(self, events: int, delay: Delay = at_once) -> list[int]:
        """Cycles from a step's last activation until each output leaves, when nothing else is under way."""
        rows = max(events, 1)
        # Collection, walk and drain each count their first cycle, which is the last one of what was before.
        ended, delays = self.COLLECT_LATENCY + rows - 3, list[int]()
        for start in range(0, self.outputs, self.lanes):
            block = range(self.outputs)[start : start + self.lanes]
            left = [self._drained_after(block[: count + 1], delay) for count in range(len(block))]
            delays += [ended + each for each in left]
            ended += max(rows + 1, left[-1])
        return delays

    def latency_cycles(self, delay: Delay = at_once) -> int:
        """Most cycles from a step's last activation to its last output.

        The last block's rows and outputs follow each other: no other step is walked meanwhile.
        """
        return self.COLLECT_LATENCY + self.cycles(self.channels, delay) + self._drained(delay)[-1]

    @property
    def cycles_per_step(self) -> int:
        """The worst case: no activation is zero."""
        return self.cycles(self.channels)

    def weight_rows(self) -> list[int]:
        """The weight memory: block by block, a row for each input channel, a word for each lane."""
        layers = np.split(self.weight >> self.dropped, self.layers, axis=1)
        return [row for words in layers for row in rows_of_blocks(words, self.weight_width, self.lanes)]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        walk = EventWalk(self.channels, self.blocks, layers=self.layers)
        arrived = walk.take(m, self.i, self.activation_width)
        # Of -1 and 1, the sign is enough.
        walk.list(m, arrived.value if self.multiplies else arrived.value[-1:])
        walk.walk(m)

        # Cycle 1: an event of the list, its weight row's address. 2: the row. Then products, if any; sums.
        ready = 2 + self.product_latency
        valid, last = ages(m, ready + 1, valid=walk.issue & ~walk.empty, last=walk.issue & walk.block_ends)
        weights = rom(m, "weights", self.weight_rows(), self.lanes * self.weight_width)
        address, kept_1 = walk.event(m)
        kept_2 = Signal(kept_1.shape(), reset_less=True)
        m.d.comb += weights.addr.eq(address)
        m.d.sync += kept_2.eq(kept_1)
        words = [weights.data.word_select(lane, self.weight_width) for lane in range(self.lanes)]
        sums = self._sums(m, [word.as_signed() for word in words], kept_2, valid[ready], last[ready + 1])
        self._drain(m, walk, sums, last[ready + 1])
        return m

    def _sums(
        self, m: Module, weights: Sequence[Value], activation: Value, valid: Value, clear: Value
    ) -> list[Signal]:
        """The lanes' sums, to which a row is added where `valid`."""
        sums = [
            Signal(signed(self.sum_width - self.dropped), name=f"sum_{lane}") for lane in range(self.lanes)
        ]
        for lane, (total, weight) in enumerate(zip(sums, weights, strict=True)):
            if self.multiplies:
                multiplier = Multiplier(self.activation_width, self.weight_width, target=self.target)
                m.submodules[f"multiplier_{lane}"] = multiplier
                m.d.comb += [multiplier.a.eq(activation), multiplier.b.eq(weight)]
                added: Value = total + multiplier.product
            else:
                added = trit_added(m, f"adder_{lane}", total, weight, Const(1, 1), activation)
            keep_sum(m, total, added, valid, clear)
        return sums

    def _drain(self, m: Module, walk: EventWalk, sums: list[Signal], complete: Value) -> None:
        """A block's sums move through the first of the registers that hold them, and get their bias."""
        drain = BlockDrain(self.lanes)
        outputs, width = self.layers * self.outputs, self.sum_width
        biases = rom(m, "biases", words_of(self.bias, width), width, block=self.target.table_block)
        held = [Signal.like(total, name=f"held_{lane}", reset_less=True) for lane, total in enumerate(sums)]
        m.d.comb += drain.leaves.eq(self.o.valid & self.o.ready)
        with m.If(complete):
            m.d.sync += [register.eq(value) for register, value in zip(held, sums, strict=True)]
        with m.Elif(drain.leaves):
            m.d.sync += [register.eq(value) for register, value in pairwise(held)]
        next_bias = Signal(range(outputs))
        bias, ends = biases.data.as_signed(), is_last_of_each(next_bias, self.outputs, self.layers)
        ahead = 1
        if outputs > LOOK_UP_ROWS:
            # A register beside the adder, for a deep table's bits arrive late.
            near, next_ends = Signal(signed(width), name="bias", reset_less=True), Signal()
            with m.If(biases.en):
                m.d.sync += [near.eq(bias), next_ends.eq(ends)]
            bias, ends, ahead = near, next_ends, 2
        # A bias is read as the output before it leaves, or two before; the first ones, once after a reset.
        primed = Signal(ahead)
        # The bias beside the adder is a step's last; a register, because much logic depends on it.
        step_ends = Signal(init=1)
        m.d.comb += [
            biases.en.eq(drain.leaves | ~primed[-1]),
            biases.addr.eq(next_bias),
            self.o.valid.eq(drain.holding),
            marks_of(self.o.payload).eq(drain.marks),
            self.o.payload.value.eq(shift_left(held[0], self.dropped) + bias),
        ]
        m.d.sync += primed.eq(Cat(Const(1, 1), primed[:-1]))
        with m.If(biases.en):
            m.d.sync += [
                next_bias.eq(wrapped_next(next_bias, outputs)),
                step_ends.eq(ends),
            ]
        drain.count(m, walk.issue & walk.block_ends, complete, step_ends, walk.pending, walk.marks)
