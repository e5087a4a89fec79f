"""Parts of circuits as components with one stream in and one out, which tests can play."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from boards.counters import BoardCounters, CounterByte
from boards.crc import SerialChecksum
from boards.frame_receiver import FrameReceiver
from boards.link import Link
from boards.message_transmitter import MessageTransmitter
from boards.spi import LEAST_CYCLES, SpiPins, SpiReceiver, SpiTransmitter
from boards.step_receiver import StepReceiver
from boards.uart import UartReceiver, UartTransmitter
from hdl.network.axis import AxisNetwork
from hdl.network.counted import COUNTER_WIDTH, CountedNetwork, counter_ports
from hdl.network.reloadable import ReloadableNetwork
from hdl.network.top import Network
from hdl.primitives.reload import LoadedTable
from hdl.primitives.streams import beats
from hdl.primitives.table_receiver import TableReceiver


class Head(wiring.Component):
    """A pool and its decoder."""

    def __init__(self, network: Network):
        self.pool, self.decoder = network.pool, network.decoder
        super().__init__({"i": In(self.pool.i.signature.flip()), "o": Out(self.decoder.o.signature)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.pool, m.submodules.decoder = self.pool, self.decoder
        wiring.connect(m, wiring.flipped(self.i), self.pool.i)
        wiring.connect(m, self.pool.o, self.decoder.i)
        wiring.connect(m, self.decoder.o, wiring.flipped(self.o))
        return m


class Rejoined(wiring.Component):
    """Both streams of a residual's queue as one: values leave together with those held back for later."""

    def __init__(self, ring: Any):
        self.ring = ring
        super().__init__({"i": In(ring.i.signature.flip()), "o": Out(stream.Signature(2 * ring.width + 2))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ring = ring = self.ring
        wiring.connect(m, wiring.flipped(self.i), ring.i)
        m.d.comb += [
            self.o.valid.eq(ring.o.valid & ring.o_residual.valid),
            self.o.payload.eq(Cat(ring.o.payload, ring.o_residual.payload)),
            ring.o.ready.eq(self.o.ready & ring.o_residual.valid),
            ring.o_residual.ready.eq(self.o.ready & ring.o.valid),
        ]
        return m


class Line(wiring.Component):
    """Bytes over a serial line."""

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.transmitter, m.submodules.receiver = transmitter, receiver = (
            UartTransmitter(4),
            UartReceiver(4),
        )
        wiring.connect(m, wiring.flipped(self.i), transmitter.i)
        wiring.connect(m, receiver.o, wiring.flipped(self.o))
        m.d.comb += receiver.rx.eq(transmitter.tx)
        return m


class SpiLine(wiring.Component):
    """Bytes over an SPI line whose host gives back what it gets, in transfers of two bytes."""

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.pins, m.submodules.transmitter, m.submodules.receiver = pins, transmitter, receiver = (
            SpiPins(),
            SpiTransmitter(),
            SpiReceiver(),
        )
        wiring.connect(m, wiring.flipped(self.i), transmitter.i)
        wiring.connect(m, receiver.o, wiring.flipped(self.o))
        half, edge, sends = Signal(range(LEAST_CYCLES)), Signal(range(36)), Signal()
        m.d.sync += half.eq(half + 1)
        with m.If(half == LEAST_CYCLES - 1):
            m.d.sync += [half.eq(0), edge.eq(edge + 1)]
            with m.If(edge[0]):
                m.d.sync += sends.eq(transmitter.miso)
            with m.If(edge == 35):
                m.d.sync += edge.eq(0)
        m.d.comb += [
            pins.cs_n.eq(edge < 2),
            pins.sck.eq(edge[0] & (edge > 2) & (edge < 35)),
            pins.mosi.eq(sends),
            transmitter.falls.eq(pins.falls),
            receiver.data.eq(pins.data),
            *(end.selected.eq(pins.selected) for end in (transmitter, receiver)),
            *(end.rises.eq(pins.rises) for end in (transmitter, receiver)),
        ]
        return m


class Exchange(wiring.Component):
    """The board's ends of the link: any bytes in frames of one step, whose values come back as logits.

    The last byte of a frame tells whether its checksum is wrong; the board then says so, and takes nothing
    more. Messages carry one bit of each byte in their checksum.
    """

    LINK = Link(features=2, width=8, classes=2, logit_width=8)
    HEADER = 3

    @staticmethod
    def is_wrong(byte: ValueLike) -> Value:
        """Whether a frame with this last byte has a wrong checksum: about one in four has."""
        return Value.cast(byte)[-2:] == 3

    def __init__(self) -> None:
        bytes_ = stream.Signature(8)
        super().__init__({"i": In(bytes_), "o": Out(bytes_), "accepted": Out(1), "refused": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.frames = frames = FrameReceiver(4)
        m.submodules.steps = steps = StepReceiver(self.LINK)
        m.submodules.messages = messages = MessageTransmitter(self.LINK)
        m.submodules.checksum = checksum = SerialChecksum()
        place = Signal(range(self.HEADER + 1))
        number, low = place == 0, place == 1
        length = self.LINK.step_bytes - 1
        header = Mux(number, frames.number, Mux(low, length, 0))
        m.d.comb += [
            frames.i.valid.eq(self.i.valid & frames.listening),
            frames.i.payload.eq(Mux(place == self.HEADER, self.i.payload, header)),
            self.i.ready.eq(frames.listening),
            frames.checksum.eq(self.is_wrong(self.i.payload)),
            frames.taken.eq(steps.taken),
            messages.i.valid.eq(steps.o.valid),
            messages.i.payload.value.eq(steps.o.payload.value),
            messages.i.payload.last.eq(steps.o.payload.last),
            messages.i.payload.overrun.eq(steps.o.payload.first),
            steps.o.ready.eq(messages.i.ready),
            messages.number.eq(frames.number),
            messages.accepted.eq(frames.accepted),
            messages.refused.eq(frames.refused),
            self.accepted.eq(frames.accepted),
            self.refused.eq(frames.refused),
            messages.checksum.eq(checksum.value),
            checksum.clear.eq(messages.clear),
            checksum.shift.eq(messages.o.valid & messages.o.ready),
            checksum.bit.eq(messages.o.payload[0]),
        ]
        wiring.connect(m, frames.o, steps.i)
        wiring.connect(m, messages.o, wiring.flipped(self.o))
        with m.If(frames.clear):
            m.d.sync += place.eq(0)
        with m.Elif(frames.i.valid & (place != self.HEADER)):
            m.d.sync += place.eq(place + 1)
        return m


class Asked(wiring.Component):
    """Counters of a board: a bit each of a value is counted, and one value in some asks for all counters."""

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(5)), "o": Out(stream.Signature(CounterByte()))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.counters = counters = BoardCounters()
        leaving, taken = Signal(), self.i.valid & self.i.ready
        asks = self.i.payload[3:].all()
        m.d.comb += [
            self.i.ready.eq(~leaving),
            Cat(counters.steps, counters.busy_cycles, counters.waiting_cycles).eq(
                Mux(taken, self.i.payload[:3], 0)
            ),
            counters.ask.eq(taken & asks),
        ]
        with m.If(counters.ask):
            m.d.sync += leaving.eq(1)
        with m.Elif(counters.o.valid & counters.o.ready & counters.o.payload.last):
            m.d.sync += leaving.eq(0)
        wiring.connect(m, counters.o, wiring.flipped(self.o))
        return m


class Counted(wiring.Component):
    """A network that counts what it clips; with each logit come all counts."""

    def __init__(self, network: CountedNetwork):
        self.network, self.counts = network, counter_ports(len(network.layers))
        width = len(Value.cast(network.o.payload)) + COUNTER_WIDTH * len(self.counts)
        super().__init__({"i": In(network.i.signature.flip()), "o": Out(stream.Signature(width))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.network = network = self.network
        wiring.connect(m, wiring.flipped(self.i), network.i)
        m.d.comb += [
            self.o.valid.eq(network.o.valid),
            self.o.payload.eq(Cat(network.o.payload, *(getattr(network, name) for name in self.counts))),
            network.o.ready.eq(self.o.ready),
        ]
        return m


class Recorded(wiring.Component):
    """Short records into two tables; a row goes out as it is written, and is lost if nobody takes it."""

    def __init__(self) -> None:
        # Rows of a byte: a record with too few bytes, which no host sends, leaves a part of the last.
        self.tables = [LoadedTable("short", [0, 0], 5), LoadedTable("long", [0] * 300, 7)]
        bits = sum(1 + len(table.address) + table.width for table in self.tables)
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(bits + 1))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = TableReceiver(self.tables)
        told: list[Value] = [receiver.stored]
        for table in self.tables:
            row = Cat(table.address, table.data)
            told += [table.write, Mux(table.write, row, 0)[: len(row)]]
        m.d.comb += [
            receiver.i.valid.eq(self.i.valid),
            # Headers of zeros and ones: one row or two, of a byte or two, in either table.
            receiver.i.payload.eq(self.i.payload[0]),
            self.i.ready.eq(receiver.i.ready),
            self.o.valid.eq(Cat(table.write for table in self.tables).any()),
            self.o.payload.eq(Cat(told)),
        ]
        return m


class Loadable(wiring.Component):
    """A network whose tables can be loaded, and are not."""

    def __init__(self, network: ReloadableNetwork):
        self.network = network
        super().__init__({"i": In(network.i.signature.flip()), "o": Out(network.o.signature)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.network = network = self.network
        wiring.connect(m, wiring.flipped(self.i), network.i)
        wiring.connect(m, network.o, wiring.flipped(self.o))
        return m


class Axis(wiring.Component):
    """A network between streams of AXI4, as one between streams."""

    def __init__(self, network: AxisNetwork):
        self.network = network
        output = len(network.m_axis.tdata) + 2
        super().__init__(
            {"i": In(beats(network.network.network.input.width)), "o": Out(stream.Signature(output))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.network = network = self.network
        taken, given = network.s_axis, network.m_axis
        m.d.comb += [
            taken.tvalid.eq(self.i.valid),
            taken.tdata.eq(self.i.payload.value),
            taken.tlast.eq(self.i.payload.last),
            taken.tuser.eq(self.i.payload.first),
            self.i.ready.eq(taken.tready),
            self.o.valid.eq(given.tvalid),
            self.o.payload.eq(Cat(given.tdata, given.tlast, given.tuser)),
            given.tready.eq(self.o.ready),
        ]
        return m
