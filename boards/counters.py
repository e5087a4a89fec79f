"""Counters on the board: what happened since the last restart, as bytes for the host."""

from collections.abc import Sequence

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from hdl.network.counted import Counted, counter_ports

EVENTS = ("steps", "busy_cycles", "waiting_cycles")
"""What a board counts of any network: steps that the network took; cycles from a sequence's first step to its
last answer; and, of all, cycles in which the network left a value waiting at its input."""
COUNTER_BYTES = 6
"""Of each counter on the line: 48 bits of cycles are two months at 48 MHz."""


def counter_names(layers: Counted) -> list[str]:
    """Names of a board's counters, in the order in which they travel.

    Parameters
    ----------
    layers : int or "all"
        Of which clipped values are counted; see `hdl.network.counted.CountedNetwork`.
    """
    return [*EVENTS, *counter_ports(layers)]


class CounterByte(data.StructLayout):
    """A byte of the counters.

    Members
    -------
    value : 8
    last : 1
        There is no further one.
    """

    def __init__(self) -> None:
        super().__init__({"value": 8, "last": 1})


class BoardCounters(Component):
    """Counts events, and gives all counters as bytes, little-endian, as often as they are asked for.

    Each counter is copied before its first byte leaves, so its bytes are of one moment.

    Parameters
    ----------
    watched : sequence of Value
        Counters that are kept elsewhere, sent behind those of `EVENTS`.

    Members
    -------
    steps, busy_cycles, waiting_cycles : In(1)
        High in each cycle that is counted.
    ask : In(1)
        High for one cycle: all counters are to leave. Not again before the last byte was taken.
    o : Out(stream of CounterByte)
    """

    def __init__(self, watched: Sequence[Signal] = ()):
        self.watched = watched
        inputs = {name: In(1) for name in (*EVENTS, "ask")}
        super().__init__(inputs | {"o": Out(stream.Signature(CounterByte()))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        counters = [Signal(8 * COUNTER_BYTES, name=f"count_{name}") for name in EVENTS]
        for counter, name in zip(counters, EVENTS, strict=True):
            m.d.sync += counter.eq(counter + getattr(self, name))
        sources = [*counters, *self.watched]
        which, part = Signal(range(len(sources))), Signal(range(COUNTER_BYTES))
        asked, copy, copied = Signal(), Signal(8 * COUNTER_BYTES), Signal()
        ends, at_end = Signal(), Signal()
        m.d.comb += [
            ends.eq(part == COUNTER_BYTES - 1),
            at_end.eq(which == len(sources) - 1),
            self.o.valid.eq(copied),
            self.o.payload.value.eq(copy[:8]),
            self.o.payload.last.eq(ends & at_end),
        ]
        with m.If(self.ask):
            m.d.sync += asked.eq(1)
        with m.If(asked & ~copied):
            m.d.sync += [copy.eq(Array(sources)[which]), copied.eq(1)]
        with m.Elif(copied & self.o.ready):
            m.d.sync += [copy.eq(copy >> 8), part.eq(Mux(ends, 0, part + 1))]
            with m.If(self.o.payload.last):
                m.d.sync += asked.eq(0)
            with m.If(ends):
                m.d.sync += [copied.eq(0), which.eq(Mux(at_end, 0, which + 1))]
        return m
