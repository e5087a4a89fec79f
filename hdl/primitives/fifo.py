"""A short queue in registers: what lets a pipeline of fixed latency run into a stream that may stall."""

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component


class RegisterFifo(Component):
    """First in, first out, a few entries deep; no memory block.

    `i` is taken unless the queue is full, and appears at `o` one cycle later at the earliest.

    Parameters
    ----------
    shape : ShapeLike
    depth : int
        At least 1.

    Members
    -------
    i : In(stream of shape)
    o : Out(stream of shape)
    """

    def __init__(self, shape, depth: int):  # ShapeLike has no public type
        if depth < 1:
            raise ValueError(f"a queue has at least one entry, not {depth}")
        self.shape, self.depth = shape, depth
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        places = range(self.depth)
        entries = [Signal(self.shape, name=f"entry_{place}", reset_less=True) for place in places]
        # A bit for each place in use, the first ones: what waits for them has no count to decode.
        used = Signal(self.depth)
        push = self.i.valid & self.i.ready
        pop = self.o.valid & self.o.ready
        m.d.comb += [
            self.i.ready.eq(~used[-1]),
            self.o.valid.eq(used[0]),
            self.o.payload.eq(entries[0]),
        ]
        for place, entry in enumerate(entries):
            last = place == self.depth - 1
            before: Value = used[place - 1] if place else Const(1)
            behind: Value = Const(0) if last else used[place + 1]
            given = self.i.payload if last else Mux(behind, entries[place + 1], self.i.payload)
            # After a pop everything moves down one place. A free place takes what is there, whether it is
            # pushed or not.
            with m.If(~used[place] if last else pop | ~used[place]):
                m.d.sync += entry.eq(given)
            with m.If(pop):
                m.d.sync += used[place].eq(behind | (push & used[place]))
            with m.Elif(push & before):
                m.d.sync += used[place].eq(1)
        return m
