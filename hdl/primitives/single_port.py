"""A memory with one port: one word is written or read in a cycle."""

from amaranth.hdl import Const, Module
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.devices.family import Family
from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.devices.memories import BUFFER_BITS
from hdl.primitives.component import Component

SINGLE_PORT = "single_port"
"""Attribute of a memory that goes into single-port memories where the device has some."""


class SinglePortMemory(Component):
    """Unsigned words of unknown initial contents.

    `r_data` shows the word read in the cycle before; after a cycle with a write it means nothing.

    Parameters
    ----------
    depth, width : int
    target : DeviceFeatures
        Elaborated for a family it lies in single-port memories if the device has such for buffers, otherwise
        in whatever synthesis takes.
    waits : bool
        It reads only where `enable` is high, and else goes on showing the word that it read.

    Members
    -------
    address : In(range(depth))
    write : In(1)
        Write `w_data`; otherwise read.
    w_data : In(width)
    r_data : Out(width)
    enable : In(1), only if it waits
    """

    def __init__(
        self, depth: int, width: int, target: DeviceFeatures = MULTIPLIER_BLOCKS, *, waits: bool = False
    ):
        self.depth, self.width, self.target, self.waits = depth, width, target, waits
        members = {"address": In(range(depth)), "write": In(1), "w_data": In(width), "r_data": Out(width)}
        super().__init__(members | ({"enable": In(1)} if waits else {}))

    def elaborate(self, platform: Family | None) -> Module:
        m = Module()
        in_block = self.target.buffers_in_blocks
        if platform is not None and self.target.single_port_memories and not in_block:
            selected = self.enable | self.write if self.waits else Const(1)
            platform.single_port_memory(m, self.address, self.write, self.w_data, self.r_data, selected)
        else:
            style = "block" if self.depth * self.width >= BUFFER_BITS else "logic"
            attributes = {"ram_style": style} | ({} if in_block else {SINGLE_PORT: 1})
            m.submodules.memory = memory = Memory(
                shape=self.width, depth=max(self.depth, 2), init=[], attrs=attributes
            )
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(self.address),
                write.data.eq(self.w_data),
                write.en.eq(self.write),
                read.addr.eq(self.address),
                read.en.eq(~self.write & self.enable if self.waits else ~self.write),
                self.r_data.eq(read.data),
            ]
        return m
