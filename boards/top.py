"""The tops that join a network to a line: a serial one, or SPI."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from amaranth.hdl import Module, Mux, Value
from amaranth.lib.wiring import Component, Flow, In, Out, connect

from boards.counters import EVENTS, BoardCounters
from boards.crc import SerialChecksum
from boards.frame_receiver import FrameReceiver
from boards.link import Link
from boards.message_transmitter import MessageTransmitter
from boards.spi import SpiPins, SpiReceiver, SpiTransmitter
from boards.step_receiver import StepReceiver
from boards.uart import UartReceiver, UartTransmitter
from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures


class LineTop(Component):
    """A network behind a line; which one, a class below it says.

    All of it, and the network, is reset when the host asks for it: who makes the clock domain resets it by
    `restart` too. A reset of its own for the parts inside would cost a look-up table for many a flip-flop.

    One checksum serves both directions, for host and board take turns: the host waits until each frame is
    accepted and each sequence answered, and the board sends messages only then. Bits that come while a
    message leaves make it a damaged one.

    Parameters
    ----------
    network : Component
        With ports `i` and `o`, those of the link's counters of clipped values, and those of
        `hdl.network.reloadable.ReloadableNetwork` if the link has a shape; taps are left unconnected.
    link : Link
    target : DeviceFeatures
        Of the device: where the frame's buffer lies.

    Members
    -------
    led : Out(1)
        High from a sequence's first step to its last answer.
    restart : Out(1)
        High for one cycle when the host asks for a restart.
    and those of `PINS`
    """

    PINS: ClassVar[Mapping[str, Flow]]
    """The line's, and which way they lead."""

    def __init__(self, network: Component, link: Link, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.network = network
        self.target = target
        self.link = link
        super().__init__(
            {name: flow(1) for name, flow in self.PINS.items()} | {"led": Out(1), "restart": Out(1)}
        )

    @abstractmethod
    def join(self, m: Module) -> tuple[UartReceiver, UartTransmitter] | tuple[SpiReceiver, SpiTransmitter]:
        """Add what is at the pins: where bytes come from, and where they go."""

    def elaborate(self, platform) -> Module:
        m = Module()
        receiver, transmitter = self.join(m)
        m.submodules.frames = frames = FrameReceiver(self.link.buffer_bytes, self.target)
        m.submodules.steps = steps = StepReceiver(self.link)
        m.submodules.network = self.network
        m.submodules.messages = messages = MessageTransmitter(self.link)
        m.submodules.checksum = checksum = SerialChecksum()
        m.d.comb += [
            self.restart.eq(receiver.broken),
            checksum.clear.eq(frames.clear | messages.clear),
            checksum.shift.eq(transmitter.shift | receiver.shift & frames.listening),
            checksum.bit.eq(Mux(transmitter.shift, transmitter.bit, receiver.bit)),
            frames.checksum.eq(checksum.value),
            messages.checksum.eq(checksum.value),
            frames.taken.eq(steps.taken),
            messages.number.eq(frames.number),
            messages.accepted.eq(frames.accepted),
            messages.refused.eq(frames.refused),
        ]
        connect(m, receiver.o, frames.i)
        connect(m, frames.o, steps.i)
        connect(m, steps.o, self.network.i)
        connect(m, self.network.o, messages.i)
        connect(m, messages.o, transmitter.i)

        step = steps.taken
        if self.link.shape:
            connect(m, steps.tables, self.network.tables)
            m.d.comb += [
                steps.stored.eq(self.network.stored),
                messages.identity.eq(self.network.identity),
            ]
            step &= ~steps.stored
        if self.link.counters:
            step &= ~steps.report
            self._count(m, steps, messages, step)
        answer = messages.i.payload
        ends = answer.last if self.link.answer_stride is None else answer.last & answer.ends
        with m.If(messages.i.valid & messages.i.ready & ends):
            m.d.sync += self.led.eq(0)
        with m.Elif(step):
            m.d.sync += self.led.eq(1)
        return m

    def _count(self, m: Module, steps: StepReceiver, messages: MessageTransmitter, step: Value) -> None:
        """Add the counters, and the way of their numbers into messages."""
        watched = [getattr(self.network, name) for name in self.link.counters[len(EVENTS) :]]
        m.submodules.counters = counters = BoardCounters(watched)
        m.d.comb += [
            counters.steps.eq(step),
            counters.busy_cycles.eq(self.led),
            counters.waiting_cycles.eq(steps.o.valid & ~steps.o.ready),
            counters.ask.eq(steps.report),
            messages.report.eq(steps.report),
        ]
        connect(m, counters.o, messages.counters)


class BoardTop(LineTop):
    """A network behind a serial line; a restart is asked for by a break.

    Parameters
    ----------
    divisor : int
        Clock cycles a bit of the line.
    network, link, target
        See `LineTop`.

    Members
    -------
    rx : In(1)
    tx : Out(1)
    and those of `LineTop`
    """

    PINS: ClassVar[Mapping[str, Flow]] = {"rx": In, "tx": Out}

    def __init__(
        self, network: Component, link: Link, divisor: int, target: DeviceFeatures = MULTIPLIER_BLOCKS
    ):
        self.divisor = divisor
        super().__init__(network, link, target)

    def join(self, m: Module) -> tuple[UartReceiver, UartTransmitter]:
        """See `LineTop`."""
        m.submodules.receiver = receiver = UartReceiver(self.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(self.divisor)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
        return receiver, transmitter


class SpiTop(LineTop):
    """A network behind an SPI line; a restart is asked for by a byte.

    Members
    -------
    sck, cs_n, mosi : In(1)
    miso : Out(1)
    and those of `LineTop`
    """

    PINS: ClassVar[Mapping[str, Flow]] = {"sck": In, "cs_n": In, "mosi": In, "miso": Out}

    def join(self, m: Module) -> tuple[SpiReceiver, SpiTransmitter]:
        """See `LineTop`."""
        m.submodules.pins = pins = SpiPins()
        m.submodules.receiver = receiver = SpiReceiver()
        m.submodules.transmitter = transmitter = SpiTransmitter()
        m.d.comb += [getattr(pins, name).eq(getattr(self, name)) for name in ("sck", "cs_n", "mosi")]
        for end in (receiver, transmitter):
            m.d.comb += [end.selected.eq(pins.selected), end.rises.eq(pins.rises)]
        m.d.comb += [
            receiver.data.eq(pins.data),
            transmitter.falls.eq(pins.falls),
            self.miso.eq(transmitter.miso),
        ]
        return receiver, transmitter
