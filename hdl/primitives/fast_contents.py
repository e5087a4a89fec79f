"""Contents of memories, written faster than through Amaranth's public interface.

Amaranth checks each word of a memory by itself, and makes an object of each of its bits where it writes
RTLIL. A network of 6 layers of 256 channels has 8.4 million bits in its tables. To plan it and write it as
Verilog takes 19 s of processor time with this module, 28 s with the public way to set words, and 59 s with
the public way to write them (`python -m benchmarks.generation 6x256x32`).

This is the one module that uses what Amaranth keeps to itself. Both shortcuts are tried out before they are
used; if another version of Amaranth has other internals, the public way is taken instead.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Fragment, MemoryData, Module, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


def set_words(memory: Memory, words: Sequence[int]) -> None:
    """Set the first words of a memory of integers; the caller has checked that they fit its shape."""
    if _keeps_plain_words():
        memory.init._elems[: len(words)] = words
    else:
        memory.init[: len(words)] = words


def port_name(path: Sequence[str | int]) -> str:
    """How Amaranth names a port by its place in the signature."""
    return "__".join(map(str, path))


def rtlil_of(
    component: wiring.Component,
    name: str,
    platform: Any = None,
    port: Callable[[Sequence[str | int]], str] = port_name,
) -> str:
    """The text of `amaranth.back.rtlil.convert`, without source locations.

    Parameters
    ----------
    component : Component
        Its signature becomes the ports.
    name : str
        Of the top module.
    platform : optional
        Given to the components.
    port : callable
        Name of a port by its place in the signature.
    """
    if _writes_same_text():
        with _without_collections():
            return _converted(component, name, platform, port)
    ports = {
        # Without a direction: Amaranth finds it by what drives the port.
        port(path): (Value.cast(value), None)
        for path, _, value in component.signature.flatten(component)
    }
    return rtlil.convert(component, name=name, platform=platform, ports=ports, emit_src=False)


@contextmanager
def _without_collections() -> Iterator[None]:
    """No search for garbage: a netlist's many small objects all stay, and it takes a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            # What is left counts as old: otherwise the next object would have all of it searched.
            gc.freeze()
            gc.unfreeze()
            gc.enable()


@cache
def _keeps_plain_words() -> bool:
    """Whether a memory's words are a list of integers, and those that it is simulated with the same list."""
    init = MemoryData(shape=unsigned(3), depth=2, init=[1]).init
    words = getattr(init, "_elems", None)
    return words == [1, 0] and isinstance(words, list) and words is getattr(init, "_raw", None)


@cache
def _writes_same_text() -> bool:
    """Whether a small design with two memories gets the public text."""
    try:
        text = _converted(_Probe(), "probe", None, port_name)
    except (AttributeError, ImportError, KeyError, TypeError):
        return False
    return text == rtlil.convert(_Probe(), name="probe", emit_src=False)


class _Probe(wiring.Component):
    """Two memories of other sizes, one of them signed, and a submodule."""

    def __init__(self) -> None:
        super().__init__({"i": In(2), "o": Out(5)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.table = table = Memory(shape=unsigned(5), depth=3, init=[1, 30])
        m.submodules.kept = kept = Memory(shape=range(-4, 4), depth=4, init=[-4, 3])
        reads, kept_reads, writes = table.read_port(), kept.read_port(), kept.write_port()
        m.d.comb += [
            reads.addr.eq(self.i), kept_reads.addr.eq(self.i), writes.data.eq(reads.data),
            self.o.eq(reads.data ^ kept_reads.data),
        ]  # fmt: skip
        return m


def _converted(
    component: wiring.Component, name: str, platform: Any, port: Callable[[Sequence[str | int]], str]
) -> str:
    """As `rtlil.convert` does it, but each memory's contents as one string."""
    from amaranth.hdl import _ast, _ir

    class Emitter(rtlil.ModuleEmitter):
        def emit_memory(self, cell_idx: int, cell: Any) -> None:
            mask = (1 << cell.width) - 1
            digits = f"0{cell.width}b"
            rows = "".join([format(row & mask, digits) for row in reversed(cell.init)])
            self.builder.cell(
                "$meminit_v2",
                ports={
                    "ADDR": self.sigspec(),
                    "DATA": f"{cell.width * cell.depth}'{rows}",
                    "EN": f"{cell.width}'{'1' * cell.width}",
                },
                parameters={
                    "MEMID": self.memories[cell_idx].memid,
                    "ABITS": 0,
                    "WIDTH": cell.width,
                    "WORDS": cell.depth,
                    "PRIORITY": 0,
                },
                src_loc=cell.src_loc,
            )

    directions = {In: _ir.PortDirection.Input, Out: _ir.PortDirection.Output}
    ports = {
        port(path): (_ast.Value.cast(value), directions[member.flow])
        for path, member, value in component.signature.flatten(component)
    }
    netlist = _ir.build_netlist(Fragment.get(component, platform), ports=ports, name=name)
    empty = rtlil.EmptyModuleChecker(netlist)
    design = rtlil.Design(emit_src=False)
    names = _ast.SignalDict()
    for index, module in enumerate(netlist.modules):
        if not empty.is_empty(index):
            builder = design.module(".".join(module.name), src_loc=module.src_loc)
            if index == 0:
                builder.attribute("top", 1)
            Emitter(builder, netlist, module, names, empty_checker=empty).emit()
    return str(design)
