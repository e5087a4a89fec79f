"""The receive buffer of a board."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.single_port import SinglePortMemory


class ByteQueue(Component):
    """Bytes first in, first out, in a memory of one port: a byte passes in no less than three cycles.

    A write goes before a read. It counts nothing: who fills it never has more than `depth - 1` bytes in it,
    which the link's window sees to.

    Parameters
    ----------
    depth : int
        A power of two.
    target : DeviceFeatures
        See `SinglePortMemory`.

    Members
    -------
    i : In(stream of 8), always ready
    o : Out(stream of 8)
    """

    def __init__(self, depth: int, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.depth, self.target = depth, target
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.memory = memory = SinglePortMemory(self.depth, 8, self.target)
        head, tail = Signal(range(self.depth)), Signal(range(self.depth))
        fetch, fetched = Signal(), Signal()

        m.d.comb += [
            self.i.ready.eq(1),
            memory.write.eq(self.i.valid),
            memory.w_data.eq(self.i.payload),
            memory.address.eq(Mux(memory.write, head, tail)),
            fetch.eq((head != tail) & ~memory.write & ~fetched & ~self.o.valid),
        ]
        m.d.sync += [
            head.eq(head + memory.write),
            tail.eq(tail + fetch),
            fetched.eq(fetch),
        ]
        with m.If(fetched):
            m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(memory.r_data)]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m
