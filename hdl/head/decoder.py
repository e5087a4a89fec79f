"""The linear decoder in gates: a small build with a bit-serial multiplier, and one with a product a cycle."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.head.pool import PooledValue
from hdl.primitives.counters import channel_counter, wrapped_next
from hdl.primitives.deep_fifo import CreditFifo
from hdl.primitives.memory import ram, rom, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.serial_multiplier import SerialMultiplier
from hdl.primitives.single_port import SinglePortMemory
from hdl.primitives.streams import Logit
from quantize.layers.ends import DecoderSpec
from quantize.layers.head import POOLED_WIDTH


class Products:
    """Which of a logit's products is next: one of each pooled value, and then that of the bias.

    The bias has a bit of its own. As a place behind the last channel it would be an address beyond the memory
    of pooled values.

    Attributes
    ----------
    channel : Signal
        Of the pooled value; 0 beside the bias.
    bias : Signal
    """

    def __init__(self, channels: int):
        self.channels = channels
        self.channel = Signal(range(channels), name="channel")
        self.bias = Signal(name="bias")

    def collect(self, m: Module) -> None:
        """Add the statements that count a pooled value which comes, under the conditions in force."""
        m.d.sync += self.channel.eq(wrapped_next(self.channel, self.channels))

    def advance(self, m: Module) -> None:
        """Add the statements that go on to the next product, under the conditions in force."""
        m.d.sync += self.bias.eq(~self.bias & (self.channel == self.channels - 1))
        with m.If(~self.bias):
            m.d.sync += self.channel.eq(wrapped_next(self.channel, self.channels))


class Decoder(wiring.Component):
    """`quantize.layers.ends.DecoderSpec` in gates, once a sequence, with a bit-serial multiplier.

    Members
    -------
    i : In(stream of PooledValue)
    o : Out(stream of Logit)
    """

    multipliers = 0

    def __init__(self, spec: DecoderSpec, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.spec, self.target = spec, target
        super().__init__(
            {"i": In(stream.Signature(PooledValue())), "o": Out(stream.Signature(Logit(spec.logit_width)))}
        )

    @property
    def cycles_per_sequence(self) -> int:
        """From the last pooled value to the last logit."""
        products = self.spec.channels + 1
        return self.spec.classes * (products * (self.spec.weight_width + 3) + 1) + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, width, products = self.spec, self.spec.weight_width, Products(self.spec.channels)
        m.submodules.pooled = pooled = SinglePortMemory(spec.channels, POOLED_WIDTH, self.target)
        weights = rom(m, "weights", words_of(spec.rows.reshape(-1), width), width)
        m.submodules.multiplier = multiplier = SerialMultiplier(POOLED_WIDTH, width)
        row = Signal(range(spec.rows.size))
        total = Signal(signed(spec.logit_width), reset_less=True)
        last_row = row == spec.rows.size - 1
        # Registers, because much logic depends on them: a logit is there, and it is of the last class.
        done, last_class = Signal(), Signal()
        overrun = Signal()
        m.d.comb += [
            pooled.address.eq(products.channel),
            pooled.w_data.eq(self.i.payload.value),
            weights.addr.eq(row),
            multiplier.i.payload.a.eq(Mux(products.bias, 1 << spec.bias_shift, pooled.r_data.as_signed())),
            multiplier.i.payload.b.eq(weights.data.as_signed()),
            multiplier.o.ready.eq(1),
            self.o.valid.eq(done),
            self.o.payload.value.eq(total),
            self.o.payload.last.eq(last_class),
            self.o.payload.overrun.eq(overrun),
        ]
        with m.FSM():
            with m.State("collect"):
                m.d.comb += [self.i.ready.eq(1), pooled.write.eq(self.i.valid)]
                with m.If(self.i.valid):
                    products.collect(m)
                    m.d.sync += [overrun.eq(self.i.payload.overrun), total.eq(0)]
                    with m.If(self.i.payload.last):
                        m.next = "read"
            with m.State("read"):
                m.next = "multiply"
            with m.State("multiply"):
                m.d.comb += multiplier.i.valid.eq(1)
                with m.If(multiplier.i.ready):
                    m.next = "add"
            with m.State("add"), m.If(multiplier.o.valid):
                m.d.sync += [total.eq(total + multiplier.o.payload), row.eq(Mux(last_row, 0, row + 1))]
                products.advance(m)
                m.next = "read"
                with m.If(products.bias):
                    m.d.sync += [done.eq(1), last_class.eq(last_row)]
                    m.next = "leave"
            with m.State("leave"), m.If(self.o.ready):
                m.d.sync += [total.eq(0), done.eq(0)]
                m.next = "read"
                with m.If(last_class):
                    m.next = "collect"
        return m


class StreamedDecoder(wiring.Component):
    """A `Decoder` with a product in every cycle.

    Parameters
    ----------
    spec : DecoderSpec

    Members
    -------
    i : In(stream of PooledValue)
    o : Out(stream of Logit)
    """

    multipliers = 1
    # Cycles from a product's operands to the sum.
    LATENCY = 4

    def __init__(self, spec: DecoderSpec):
        self.spec = spec
        super().__init__(
            {"i": In(stream.Signature(PooledValue())), "o": Out(stream.Signature(Logit(spec.logit_width)))}
        )

    @property
    def cycles_per_sequence(self) -> int:
        """From the last pooled value to the last logit."""
        return self.spec.rows.size + self.LATENCY + 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, width, products = self.spec, self.spec.weight_width, Products(self.spec.channels)
        write, read = ram(m, "pooled", spec.channels, POOLED_WIDTH, quick=True)
        weights = rom(m, "weights", words_of(spec.rows.reshape(-1), width), width)
        m.submodules.multiplier = multiplier = Multiplier()
        m.submodules.outlet = outlet = CreditFifo(Logit(spec.logit_width), self.LATENCY)
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
        issued, begun = delayed(m, issue, 3), delayed(m, begins, 3)
        with m.If(issued):
            m.d.sync += total.eq(Mux(begun, 0, total) + multiplier.product)
        m.d.comb += [
            outlet.enter.eq(ends),
            outlet.arrive.eq(delayed(m, ends, self.LATENCY)),
            outlet.value.last.eq(delayed(m, last, self.LATENCY)),
            outlet.value.overrun.eq(delayed(m, overrun, self.LATENCY)),
            outlet.value.value.eq(total),
        ]
        return m


AnyDecoder = Decoder | StreamedDecoder
