"""A peripheral on an SPI line: mode 0, eight bits, most significant first, chip select low.

The system clock samples the lines, so nothing in the design runs at the host's clock. Bytes begin with chip
select: one that it cuts short was never said, and what the host should have heard in it is said again. What
the bytes mean is in `boards.spi_bytes`.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import Component, In, Out

from boards.spi_bytes import ESCAPE, IDLE, RESTART, SPECIAL, TURNED

LEAST_CYCLES = 4
"""Clock cycles that SCK and chip select stay at each level, at least. A falling edge of SCK has moved MISO on
after three: two registers that take the edge in, and the one that moves. The fourth is for the wires."""
MOST_SCK_MHZ = 5.0
"""Of loose wires, whatever the design's clock: it leaves them 25 ns of half a period at any."""


def most_sck_mhz(clock_mhz: float) -> float:
    """The fastest SCK of a board whose design has this clock."""
    return min(clock_mhz / (2 * LEAST_CYCLES), MOST_SCK_MHZ)


def is_one_of(byte: Value, values: tuple[int, ...]) -> Value:
    """Whether a byte is one of some."""
    return Cat(byte == value for value in values).any()


class SpiPins(Component):
    """The lines in step with the clock.

    Members
    -------
    sck, cs_n, mosi : In(1)
        Asynchronous to the clock.
    selected : Out(1)
        Chip select is low, and was high since the reset: what a reset cut is not half a byte.
    rises, falls : Out(1)
        SCK has an edge.
    data : Out(1)
        Of MOSI, as old as `rises`.
    """

    def __init__(self) -> None:
        inputs = {"sck": In(1), "cs_n": In(1), "mosi": In(1)}
        super().__init__(inputs | {name: Out(1) for name in ("selected", "rises", "falls", "data")})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sck, cs_n, before, seen = Signal(), Signal(init=1), Signal(reset_less=True), Signal()
        m.submodules.sck = FFSynchronizer(self.sck, sck)
        m.submodules.cs_n = FFSynchronizer(self.cs_n, cs_n, init=1)
        m.submodules.mosi = FFSynchronizer(self.mosi, self.data)
        m.d.sync += [before.eq(sck), seen.eq(seen | cs_n)]
        m.d.comb += [
            self.selected.eq(seen & ~cs_n),
            self.rises.eq(self.selected & sck & ~before),
            self.falls.eq(self.selected & ~sck & before),
        ]
        return m


class SpiReceiver(Component):
    """Bytes of frames from the host.

    A byte must be taken before the next one is whole: what follows must always have room.

    Members
    -------
    selected, rises, data : In(1)
        See `SpiPins`.
    o : Out(stream of 8)
    bit, shift : Out(1)
        The bits of a byte before it is offered, least significant first, and that there is one.
    broken : Out(1)
        High for one cycle when the host asks for a restart.
    """

    def __init__(self) -> None:
        inputs = {"selected": In(1), "rises": In(1), "data": In(1)}
        outputs = {"bit": Out(1), "shift": Out(1), "broken": Out(1)}
        super().__init__(inputs | {"o": Out(stream.Signature(8))} | outputs)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        byte, count, whole, turns = Signal(8), Signal(3), Signal(), Signal()
        word, left = self.o.payload, Signal(range(9))
        m.d.comb += [self.bit.eq(word[0]), self.shift.eq(left.any())]
        m.d.sync += whole.eq(0)
        with m.If(~self.selected):
            m.d.sync += count.eq(0)
        with m.Elif(self.rises):
            m.d.sync += [byte.eq(Cat(self.data, byte[:7])), count.eq(count + 1), whole.eq(count == 7)]

        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.shift):
            m.d.sync += [word.eq(word.rotate_right(1)), left.eq(left - 1), self.o.valid.eq(left == 1)]
        with m.If(whole):
            with m.If(byte == ESCAPE):
                m.d.sync += turns.eq(1)
            with m.Elif(byte == RESTART):
                m.d.comb += self.broken.eq(1)
            with m.Elif(byte != IDLE):
                m.d.sync += [word.eq(byte ^ Mux(turns, TURNED, 0)), turns.eq(0), left.eq(8)]
        return m


class SpiTransmitter(Component):
    """Bytes of messages to the host, as it asks for them.

    Members
    -------
    i : In(stream of 8)
    selected, rises, falls : In(1)
        See `SpiPins`.
    bit, shift : Out(1)
        The bits of a byte that was taken, least significant first, and that there is one.
    miso : Out(1)
        Driven also while the board is not selected.
    """

    def __init__(self) -> None:
        inputs = {"selected": In(1), "rises": In(1), "falls": In(1)}
        outputs = {"bit": Out(1), "shift": Out(1), "miso": Out(1)}
        super().__init__({"i": In(stream.Signature(8))} | inputs | outputs)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word, full, escapes, left = Signal(8), Signal(), Signal(), Signal(range(9))
        leaves, counts, count = Signal(8, init=IDLE), Signal(), Signal(3)
        m.d.comb += [
            self.i.ready.eq(~full),
            self.bit.eq(word[0]),
            self.shift.eq(left.any()),
            self.miso.eq(leaves[-1]),
        ]
        with m.If(~full):
            m.d.sync += word.eq(self.i.payload)
            with m.If(self.i.valid):
                m.d.sync += [full.eq(1), left.eq(8), escapes.eq(is_one_of(self.i.payload, SPECIAL))]
        with m.If(self.shift):
            m.d.sync += [word.eq(word.rotate_right(1)), left.eq(left - 1)]

        begins = ~self.selected | self.falls & (count == 0)
        with m.If(~self.selected):
            m.d.sync += count.eq(0)
        with m.Elif(self.rises):
            m.d.sync += count.eq(count + 1)
            with m.If((count == 7) & counts):  # the host has all of it
                m.d.sync += [escapes.eq(0), word.eq(word ^ TURNED), full.eq(escapes)]
        with m.If(begins):
            says = full & ~self.shift
            m.d.sync += [leaves.eq(Mux(says, Mux(escapes, ESCAPE, word), IDLE)), counts.eq(says)]
        with m.Elif(self.falls):
            m.d.sync += leaves.eq(leaves << 1)
        return m
