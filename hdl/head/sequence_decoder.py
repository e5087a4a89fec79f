"""Decoders of heads that answer once a sequence: bit by bit, or with a product a cycle."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.head.decoder import Decoder, Products
from hdl.head.pool import PooledValue
from hdl.head.serial_products import SerialProducts
from hdl.primitives.counters import channel_counter
from hdl.primitives.deep_fifo import CreditFifo
from hdl.primitives.memory import ram, rom, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.single_port import SinglePortMemory
from hdl.primitives.streams import Logit
from quantize.layers.ends import DecoderSpec
from quantize.layers.head import POOLED_WIDTH


class SerialDecoder(Decoder):
    """A decoder with a bit-serial multiplier: it collects a sequence's values, then makes the logits.

    Parameters
    ----------
    spec : DecoderSpec
    target : DeviceFeatures

    Members
    -------
    i : In(stream of PooledValue)
    o : Out(stream of Logit)
    """

    multipliers = 0
    taking_cycles = 2

    def __init__(self, spec: DecoderSpec, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.target = target
        super().__init__(spec, PooledValue(), Logit(spec.logit_width))

    @property
    def cycles_per_sequence(self) -> int:
        return self.spec.classes * SerialProducts.cycles_per_logit(self.spec) + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.pooled = pooled = SinglePortMemory(spec.channels, POOLED_WIDTH, self.target)
        serial = SerialProducts(m, spec)
        products, total = serial.products, serial.total
        row = Signal(range(spec.rows.size))
        last_row = row == spec.rows.size - 1
        overrun = Signal()
        # A value is taken in the cycle after it was seen. So the pool and this decoder, each beside its own
        # memory and perhaps far apart, wait for a register and not for each other's states.
        take = Signal()
        m.d.comb += [
            self.i.ready.eq(take),
            pooled.address.eq(products.channel),
            pooled.w_data.eq(self.i.payload.value),
            pooled.write.eq(take),
        ]
        serial.connect(m, row, pooled.r_data.as_signed(), wiring.flipped(self.o))
        m.d.comb += self.o.payload.overrun.eq(overrun)

        def advance_row() -> None:
            m.d.sync += row.eq(Mux(last_row, 0, row + 1))

        with m.FSM():
            with m.State("collect"):
                m.d.sync += take.eq(self.i.valid & ~take)
                with m.If(take):
                    products.collect(m)
                    m.d.sync += [overrun.eq(self.i.payload.overrun), total.eq(0)]
                    with m.If(self.i.payload.last):
                        m.next = "read"
            with m.State("read"):
                m.next = "multiply"
            serial.states(m, last_row, advance_row)
            with m.State("leave"), m.If(self.o.ready):
                m.d.sync += [total.eq(0), serial.done.eq(0)]
                m.next = "read"
                with m.If(serial.last_class):
                    m.next = "collect"
        return m


class StreamedDecoder(Decoder):
    """A decoder with a product in every cycle.

    Parameters
    ----------
    spec : DecoderSpec

    Members
    -------
    i : In(stream of PooledValue)
    o : Out(stream of Logit)
    """

    multipliers = 1

    def __init__(self, spec: DecoderSpec):
        self.multiplier = Multiplier()
        # Cycles from a product's address to the sum: reading, the product, the addition.
        self.latency = 1 + self.multiplier.latency + 1
        super().__init__(spec, PooledValue(), Logit(spec.logit_width))

    @property
    def cycles_per_sequence(self) -> int:
        # The first address stands a cycle after the last pooled value.
        return 1 + self.spec.rows.size + self.latency + CreditFifo.LATENCY

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, width, products = self.spec, self.spec.weight_width, Products(self.spec.channels)
        write, read = ram(m, "pooled", spec.channels, POOLED_WIDTH, quick=True)
        weights = rom(m, "weights", words_of(spec.rows.reshape(-1), width), width)
        m.submodules.multiplier = multiplier = self.multiplier
        m.submodules.outlet = outlet = CreditFifo(Logit(spec.logit_width), self.latency)
        wiring.connect(m, outlet.o, wiring.flipped(self.o))

        # Collecting, then walking the weights.
        walking, issue, take = Signal(), Signal(), Signal()
        row, _ = channel_counter(m, "row", spec.rows.size, issue)
        begins, ends, last = Signal(), Signal(), Signal()
        overrun = Signal()
        m.d.comb += [
            self.i.ready.eq(~walking),
            take.eq(self.i.valid & ~walking),
            write.en.eq(take),
            write.addr.eq(products.channel),
            write.data.eq(self.i.payload.value),
            issue.eq(walking & outlet.room),
            begins.eq(~products.bias & (products.channel == 0)),
            ends.eq(issue & products.bias),
            last.eq(row == spec.rows.size - 1),
            read.addr.eq(products.channel),
            weights.addr.eq(row),
            multiplier.a.eq(Mux(delayed(m, ends, 1), 1 << spec.bias_shift, read.data)),
            multiplier.b.eq(weights.data.as_signed()),
        ]
        with m.If(take):
            products.collect(m)
            m.d.sync += [walking.eq(self.i.payload.last), overrun.eq(self.i.payload.overrun)]
        with m.If(issue):
            products.advance(m)
        with m.If(issue & last):
            m.d.sync += walking.eq(0)

        total = Signal(signed(spec.logit_width), reset_less=True)
        issued, begun = delayed(m, issue, self.latency - 1), delayed(m, begins, self.latency - 1)
        with m.If(issued):
            m.d.sync += total.eq(Mux(begun, 0, total) + multiplier.product)
        m.d.comb += [
            outlet.enter.eq(ends),
            outlet.arrive.eq(delayed(m, ends, self.latency)),
            outlet.value.last.eq(delayed(m, last, self.latency)),
            outlet.value.overrun.eq(delayed(m, overrun, self.latency)),
            outlet.value.value.eq(total),
        ]
        return m
