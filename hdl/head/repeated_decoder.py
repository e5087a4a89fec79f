"""Decoders of heads that answer again and again: bit by bit, or some classes side by side."""

from abc import abstractmethod
from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.head.answer_banks import AnswerBanks
from hdl.head.decoder import Decoder, Products
from hdl.head.pool import AnswerValue
from hdl.head.serial_products import SerialProducts
from hdl.primitives.counters import CounterWithLast
from hdl.primitives.memory import concatenate, rom
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.streams import AnswerLogit
from quantize.layers.ends import DecoderSpec
from quantize.layers.head import POOLED_WIDTH


class RepeatedDecoder(Decoder):
    """A decoder that collects an answer while it decodes the one before.

    Parameters
    ----------
    spec : DecoderSpec

    Members
    -------
    i : In(stream of AnswerValue)
    o : Out(stream of AnswerLogit)
    """

    def __init__(self, spec: DecoderSpec):
        super().__init__(spec, AnswerValue(), AnswerLogit(spec.logit_width))

    @property
    @abstractmethod
    def cycles_per_answer(self) -> int:
        """Cycles from one answer to the next, if logits leave at once."""

    @property
    @abstractmethod
    def latency_cycles(self) -> int:
        """Most cycles from an answer's last value to its last logit, when nothing else is under way."""

    @property
    def cycles_per_sequence(self) -> int:
        """As of any decoder; the answer before may be under way."""
        return self.cycles_per_answer + self.latency_cycles


class SerialRepeatedDecoder(RepeatedDecoder):
    """A `RepeatedDecoder` with a bit-serial multiplier.

    Parameters
    ----------
    spec : DecoderSpec

    Members
    -------
    i : In(stream of AnswerValue)
    o : Out(stream of AnswerLogit)
    """

    multipliers = 0

    @property
    def cycles_per_answer(self) -> int:
        return self.spec.classes * SerialProducts.cycles_per_logit(self.spec)

    @property
    def latency_cycles(self) -> int:
        return self.cycles_per_answer + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec = self.spec
        serial = SerialProducts(m, spec)
        products, total = serial.products, serial.total
        leaves = Signal()
        banks = AnswerBanks(m, spec.channels, self.i, leaves)
        row = CounterWithLast("row", spec.rows.size)
        m.d.comb += banks.read.addr.eq(banks.bank + products.channel)
        serial.connect(m, row.value, banks.read.data, wiring.flipped(self.o))
        m.d.comb += [
            Cat(self.o.payload.begins, self.o.payload.ends).eq(banks.marks.o.payload),
            leaves.eq(serial.done & serial.last_class & self.o.ready),
        ]
        with m.FSM():
            with m.State("read"), m.If(banks.marks.o.valid):
                m.next = "multiply"
                with m.If(~products.bias & (products.channel == 0)):
                    m.d.sync += total.eq(0)
            serial.states(m, row.last, lambda: row.advance(m))
            with m.State("leave"), m.If(self.o.ready):
                m.d.sync += serial.done.eq(0)
                m.next = "read"
        return m


class LaneDecoder(RepeatedDecoder):
    """A `RepeatedDecoder` with multipliers: each makes the products of one class, side by side.

    The classes are taken in groups of as many as there are lanes. A group's sums leave one after the other
    while the next group's products are made; the last of these wait until the sums have left.

    Parameters
    ----------
    spec : DecoderSpec
    lanes : int
        1 to the number of classes.
    target : DeviceFeatures

    Members
    -------
    i : In(stream of AnswerValue)
    o : Out(stream of AnswerLogit)
    """

    def __init__(self, spec: DecoderSpec, lanes: int, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        if not 1 <= lanes <= spec.classes:
            raise ValueError(f"{lanes} lanes for {spec.classes} classes")
        self.lanes = self.multipliers = lanes
        self.blocks = [
            Multiplier(POOLED_WIDTH, spec.weight_width, target=target)
            if not target.multiplier_blocks
            else Multiplier(target=target)
            for _ in range(lanes)
        ]
        super().__init__(spec)

    @property
    def groups(self) -> int:
        return -(-self.spec.classes // self.lanes)

    @property
    def sum_latency(self) -> int:
        """Cycles from a product's address to the sums that it completes."""
        return 2 + self.blocks[0].latency

    def _group_cycles(self, classes: int) -> int:
        """Cycles from a group of so many classes to the next: of its products, or until its sums leave."""
        return max(self.spec.channels + 1, self.sum_latency + classes + 1)

    @property
    def _last_group(self) -> int:
        """Classes of the last group."""
        return self.spec.classes - (self.groups - 1) * self.lanes

    @property
    def cycles_per_answer(self) -> int:
        return (self.groups - 1) * self._group_cycles(self.lanes) + self._group_cycles(self._last_group)

    @property
    def latency_cycles(self) -> int:
        products = self.spec.channels + 1 + (self.groups - 1) * self._group_cycles(self.lanes)
        return 1 + products + self.sum_latency + self._last_group

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, lanes, width, latency = self.spec, self.lanes, self.spec.weight_width, self.sum_latency
        # A word holds a weight for each lane; lanes without a class in the last group have zeros.
        weights = rom(m, "weights", self._words(), lanes * width)

        issue, leaves = Signal(), Signal()
        banks = AnswerBanks(m, spec.channels, self.i, leaves)
        read, bank, marks = banks.read, banks.bank, banks.marks
        row = CounterWithLast("row", self.groups * (spec.channels + 1))
        products = Products(spec.channels)
        completes, begins = Signal(), Signal()
        held = Signal()  # sums are on their way, or leaving
        m.d.comb += [
            issue.eq(marks.o.valid & ~(products.bias & held)),
            completes.eq(issue & products.bias),
            begins.eq(~products.bias & (products.channel == 0)),
            leaves.eq(issue & row.last),
            read.addr.eq(bank + products.channel),
            weights.addr.eq(row.value),
        ]
        with m.If(issue):
            row.advance(m)
            products.advance(m)

        bias = delayed(m, completes, 1)
        issued, begun = delayed(m, issue, latency - 1), delayed(m, begins, latency - 1)
        arrives = delayed(m, completes, latency)
        marked = Signal(2, reset_less=True)
        with m.If(completes):
            m.d.sync += marked.eq(marks.o.payload)
        shape = signed(spec.logit_width)
        sums = [Signal(shape, name=f"sum_{lane}", reset_less=True) for lane in range(lanes)]
        leaving = [Signal(shape, name=f"leaving_{lane}", reset_less=True) for lane in range(lanes)]
        for lane, (multiplier, total) in enumerate(zip(self.blocks, sums, strict=True)):
            m.submodules[f"multiplier_{lane}"] = multiplier
            m.d.comb += [
                multiplier.a.eq(Mux(bias, 1 << spec.bias_shift, read.data)),
                multiplier.b.eq(weights.data.word_select(lane, width).as_signed()),
            ]
            with m.If(issued):
                m.d.sync += total.eq(Mux(begun, 0, total) + multiplier.product)

        place, number = CounterWithLast("place", lanes), CounterWithLast("class", spec.classes)
        valid = Signal()
        m.d.comb += [
            self.o.valid.eq(valid),
            self.o.payload.value.eq(leaving[0]),
            self.o.payload.last.eq(number.last),
            Cat(self.o.payload.begins, self.o.payload.ends).eq(marked),
        ]
        with m.If(completes):
            m.d.sync += held.eq(1)
        with m.If(arrives):
            m.d.sync += [valid.eq(1), *(out.eq(total) for out, total in zip(leaving, sums, strict=True))]
        with m.If(valid & self.o.ready):
            m.d.sync += [out.eq(after) for out, after in pairwise(leaving)]
            number.advance(m)
            place.advance(m)
            with m.If(place.last | number.last):
                m.d.sync += [valid.eq(0), held.eq(0)]
            with m.If(number.last):
                m.d.sync += [place.value.eq(0), place.last.eq(lanes == 1)]
        return m

    def _words(self) -> list[int]:
        """Weights in the order of the rows, the lanes' side by side."""
        spec, width = self.spec, self.spec.weight_width
        words = []
        for first in range(0, spec.classes, self.lanes):
            rows = spec.rows[first : first + self.lanes]
            words += [concatenate([(int(word), width) for word in column]) for column in rows.T]
        return words


def decoder_lanes(spec: DecoderSpec) -> list[int]:
    """Numbers of lanes to choose from, 0 for the bit-serial build; the slowest first."""
    powers = [1 << place for place in range(spec.classes.bit_length())]
    return [0, *powers, *({spec.classes} - set(powers))]


def make_repeated_decoder(spec: DecoderSpec, lanes: int, target: DeviceFeatures) -> RepeatedDecoder:
    """The component for a specification; for `lanes` see `hdl.network.folding.Folding.decoder_lanes`."""
    return LaneDecoder(spec, lanes, target) if lanes else SerialRepeatedDecoder(spec)
