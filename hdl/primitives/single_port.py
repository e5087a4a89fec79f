"""A memory with one port: one word is written or read in a cycle."""

from amaranth.hdl import Module
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.devices.family import Family
from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.component import Component
from hdl.primitives.memory import BUFFER_BITS

SINGLE_PORT = "single_port"
"""Attribute of a memory that goes into single-port memories where the device has some."""


class SinglePortMemory(Component):
    """Unsigned words of unknown initial contents.

    `r_data` shows the word read in the cycle before; after a cycle with a write it means nothing.

    Parameters
    ----------
    depth, width : int
    target : DeviceFeatures
        Elaborated for a family it lies in single-port memories if the device has such, otherwise in whatever
        synthesis takes.

    Members
    -------
    address : In(range(depth))
    write : In(1)
        Write `w_data`; otherwise read.
    w_data : In(width)
    r_data : Out(width)
    """

    def __init__(self, depth: int, width: int, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.depth, self.width, self.target = depth, width, target
        super().__init__(
            {"address": In(range(depth)), "write": In(1), "w_data": In(width), "r_data": Out(width)}
        )

    def elaborate(self, platform: Family | None) -> Module:
        m = Module()
        if platform is not None and self.target.single_port_memories:
            platform.single_port_memory(m, self.address, self.write, self.w_data, self.r_data)
        else:
            style = "block" if self.depth * self.width >= BUFFER_BITS else "logic"
            attributes = {"ram_style": style, SINGLE_PORT: 1}
            m.submodules.memory = memory = Memory(
                shape=self.width, depth=max(self.depth, 2), init=[], attrs=attributes
            )
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(self.address),
                write.data.eq(self.w_data),
                write.en.eq(self.write),
                read.addr.eq(self.address),
                read.en.eq(~self.write),
                self.r_data.eq(read.data),
            ]
        return m
