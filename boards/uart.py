"""Asynchronous serial line, 8N1: one start bit, eight data bits least significant first, one stop bit."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import Component, In, Out

from quantize.errors import StatespikeError


def divisor(clock_hz: float, baud: float) -> int:
    """Clock cycles a bit.

    Raises
    ------
    StatespikeError
        If the nearest whole number misses the baud rate by more than 2 %: a receiver tolerates some 4 % over
        a byte, for both ends together.
    """
    cycles = max(1, round(clock_hz / baud))
    if cycles < 4 or abs(clock_hz / cycles / baud - 1) > 0.02:
        raise StatespikeError(f"{baud:g} baud cannot be made from a clock of {clock_hz / 1e6:g} MHz")
    return cycles


class UartReceiver(Component):
    """Bytes from a line.

    Samples each bit in its middle. A byte must be taken before the next one's first data bit, which moves it:
    what follows must always have room. After a missing stop bit, nothing is received until the line is high
    again.

    Parameters
    ----------
    divisor : int
        Clock cycles a bit, at least 4.

    Members
    -------
    rx : In(1)
        The line, asynchronous to the clock.
    o : Out(stream of 8)
    bit, shift : Out(1)
        A data bit, and that it was sampled in this cycle.
    broken : Out(1)
        High for one cycle when the line is high again after a missing stop bit: the sender had held it low (a
        break), or it was disturbed.
    """

    def __init__(self, divisor: int):
        self.divisor = divisor
        super().__init__(
            {
                "rx": In(1),
                "o": Out(stream.Signature(8)),
                "bit": Out(1),
                "shift": Out(1),
                "broken": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        rx = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, rx, init=1)
        timer = Signal(range(self.divisor))
        bit = Signal(range(8))
        sample = timer == 0
        byte = self.o.payload
        m.d.comb += self.bit.eq(rx)

        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(~sample):
            m.d.sync += timer.eq(timer - 1)
        with m.FSM():
            with m.State("IDLE"), m.If(~rx):
                m.d.sync += timer.eq(self.divisor // 2 - 1)
                m.next = "START"
            with m.State("START"), m.If(sample):
                m.d.sync += [timer.eq(self.divisor - 1), bit.eq(0)]
                with m.If(rx):
                    m.next = "IDLE"
                with m.Else():
                    m.next = "DATA"
            with m.State("DATA"), m.If(sample):
                m.d.comb += self.shift.eq(1)
                m.d.sync += [timer.eq(self.divisor - 1), byte.eq(Cat(byte[1:], rx)), bit.eq(bit + 1)]
                with m.If(bit == 7):
                    m.next = "STOP"
            with m.State("STOP"), m.If(sample):
                with m.If(rx):
                    m.d.sync += self.o.valid.eq(1)
                    m.next = "IDLE"
                with m.Else():
                    m.next = "LOW"
            with m.State("LOW"), m.If(rx):
                m.d.comb += self.broken.eq(1)
                m.next = "IDLE"
        return m


class UartTransmitter(Component):
    """Bytes to a line.

    After a reset, which may have cut a byte short, the line is high for as long as a byte takes: what hears
    the rest of that byte is ready for the next one then.

    Parameters
    ----------
    divisor : int
        Clock cycles a bit.

    Members
    -------
    i : In(stream of 8)
    bit, shift : Out(1)
        A data bit, and that it begins in the next cycle.
    tx : Out(1)
        The line; high between bytes.
    """

    def __init__(self, divisor: int):
        self.divisor = divisor
        super().__init__({"i": In(stream.Signature(8)), "bit": Out(1), "shift": Out(1), "tx": Out(1, init=1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        timer = Signal(range(self.divisor), init=self.divisor - 1)
        frame = Signal(9, init=0x1FF)
        left = Signal(range(11), init=10)

        m.d.comb += [self.bit.eq(frame[1]), self.shift.eq((timer == 0) & (left > 2))]
        m.d.sync += self.tx.eq(frame[0])
        with m.If(left == 0):
            m.d.comb += self.i.ready.eq(1)
            with m.If(self.i.valid):
                m.d.sync += [
                    frame.eq(Cat(Const(0, 1), self.i.payload)),
                    left.eq(10),
                    timer.eq(self.divisor - 1),
                ]
        with m.Elif(timer == 0):
            m.d.sync += [frame.eq(Cat(frame[1:], Const(1, 1))), left.eq(left - 1), timer.eq(self.divisor - 1)]
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
        return m
