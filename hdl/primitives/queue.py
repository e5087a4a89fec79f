"""A short queue in registers: what lets a pipeline of fixed latency run into a stream that may stall."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Queue(wiring.Component):
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
        level = Signal(range(self.depth + 1))
        entries = [Signal(self.shape, name=f"entry_{index}", reset_less=True) for index in range(self.depth)]
        push = self.i.valid & self.i.ready
        pop = self.o.valid & self.o.ready
        m.d.comb += [
            self.i.ready.eq(level != self.depth),
            self.o.valid.eq(level != 0),
            self.o.payload.eq(entries[0]),
        ]
        m.d.sync += level.eq(level + push - pop)
        for index, entry in enumerate(entries):
            # After a pop everything moves down one place; what arrives takes the first free place.
            free = Mux(pop, level == index + 1, level == index)
            with m.If(push & free):
                m.d.sync += entry.eq(self.i.payload)
            with m.Elif(pop):
                if index + 1 < self.depth:
                    m.d.sync += entry.eq(entries[index + 1])
        return m
