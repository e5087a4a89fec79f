"""Memories whose undefined reads are garbage, as gates may make them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from unittest.mock import patch

from amaranth.hdl import Module, Signal, signed
from amaranth.lib.memory import Memory

from hdl.primitives import memory
from hdl.primitives.single_port import SinglePortMemory

_RIGHT = memory.ram


def colliding_ram(m: Module, name: str, depth: int, width: int, **options):
    """A `hdl.primitives.memory.ram` that reads the inverse of the old word where it collides with a write."""
    write, read = _RIGHT(m, name, depth, width, **options)
    collided, data = Signal(name=f"{name}_collided"), Signal(signed(width), name=f"{name}_data")
    with m.If(read.en):
        m.d.sync += collided.eq(write.en & (write.addr == read.addr))
    m.d.comb += data.eq(read.data ^ collided.replicate(width))
    return write, SimpleNamespace(addr=read.addr, en=read.en, data=data)


def elaborate_single_port(self: SinglePortMemory, platform: object) -> Module:
    """Elaborate a `SinglePortMemory` that reads the inverse of the written word after a write."""
    m = Module()
    m.submodules.memory = words = Memory(shape=self.width, depth=max(self.depth, 2), init=[])
    write, read = words.write_port(), words.read_port()
    written, word = Signal(), Signal(self.width)
    m.d.sync += [written.eq(self.write), word.eq(self.w_data)]
    m.d.comb += [
        write.addr.eq(self.address),
        write.data.eq(self.w_data),
        write.en.eq(self.write),
        read.addr.eq(self.address),
        self.r_data.eq(read.data),
    ]
    with m.If(written):
        m.d.comb += self.r_data.eq(~word)
    return m


def users_of_ram() -> dict[str, object]:
    """The loaded modules that build memories with `ram`; a new one cannot be forgotten."""
    return _users_of_ram(len(sys.modules))


@cache
def _users_of_ram(loaded: int) -> dict[str, object]:
    """Looked for again whenever modules were loaded since."""
    return {
        name: module
        for name, module in list(sys.modules.items())
        if name.startswith(("hdl.", "boards.")) and name != memory.__name__ and hasattr(module, "ram")
    }


@contextmanager
def garbage_for_undefined_reads() -> Iterator[set[str]]:
    """Let every memory built meanwhile give garbage; the set receives the names of modules that built one."""
    built: set[str] = set()

    def of(user: str):
        def built_ram(*arguments, **options):
            built.add(user)
            return colliding_ram(*arguments, **options)

        return built_ram

    patches = [patch.object(module, "ram", of(name)) for name, module in users_of_ram().items()]
    patches.append(patch.object(SinglePortMemory, "elaborate", elaborate_single_port))
    for one in patches:
        one.start()
    try:
        yield built
    finally:
        for one in patches:
            one.stop()
