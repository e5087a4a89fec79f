# amaranth: UnusedElaboratable=no
"""Tables that are loaded hold what was sent, under random traffic, and nothing else changes."""

import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped
from amaranth.sim import Simulator

from hdl.primitives.memory import rom
from hdl.primitives.reload import collected_tables
from hdl.primitives.table_receiver import TableReceiver
from hdl.toolchain.verilog import rtlil_text

SHAPES = [(2, 1), (7, 8), (90, 16), (64, 33), (3, 17)]
"""Rows and bits of tables: in registers, in look-up tables, in blocks; of 1, 2, 3 and 5 bytes a row."""


class Tables(Component):
    """Some tables behind a receiver; each is read at its own address."""

    def __init__(self, contents: list[list[int]]):
        self.contents = contents
        reads = {f"address_{index}": In(8) for index in range(len(contents))}
        words = {f"word_{index}": Out(width) for index, (_, width) in enumerate(SHAPES)}
        super().__init__({"i": In(stream.Signature(8)), "stored": Out(1), **reads, **words})

    def elaborate(self, platform) -> Module:
        m = Module()
        with collected_tables() as tables:
            for index, (words, (_, width)) in enumerate(zip(self.contents, SHAPES, strict=True)):
                port = rom(m, f"table_{index}", words, width)
                m.d.comb += [
                    port.addr.eq(getattr(self, f"address_{index}")),
                    getattr(self, f"word_{index}").eq(port.data),
                ]
            fixed = rom(m, "fixed", [1, 2, 3], 4, fixed=True)
            m.d.comb += fixed.addr.eq(Signal(2))
        assert [table.words for table in tables] == self.contents
        m.submodules.receiver = receiver = TableReceiver(tables)
        connect(m, flipped(self.i), receiver.i)
        m.d.comb += self.stored.eq(receiver.stored)
        return m


def drawn(generator: random.Random) -> list[list[int]]:
    return [[generator.getrandbits(width) for _ in range(rows)] for rows, width in SHAPES]


def record(generator: random.Random, contents: list[list[int]]) -> bytes:
    """Some rows of a table, changed here too."""
    table = generator.randrange(len(SHAPES))
    rows, width = SHAPES[table]
    size = -(-width // 8)
    start = generator.randrange(rows)
    count = generator.randint(1, rows - start)
    words = [generator.getrandbits(width) for _ in range(count)]
    contents[table][start : start + count] = words
    header = bytes([table]) + start.to_bytes(2, "little") + bytes([count - 1, size - 1])
    return header + b"".join(word.to_bytes(size, "little") for word in words)


@pytest.mark.parametrize("seed", range(3))
def test_tables_hold_what_was_sent(seed):
    generator = random.Random(seed)
    contents = drawn(generator)
    circuit = Tables([list(words) for words in contents])

    async def bench(ctx):
        async def check():
            for row in range(max(rows for rows, _ in SHAPES)):
                for index, (rows, _) in enumerate(SHAPES):
                    ctx.set(getattr(circuit, f"address_{index}"), min(row, rows - 1))
                await ctx.tick()
                for index, (rows, _) in enumerate(SHAPES):
                    found = ctx.get(getattr(circuit, f"word_{index}"))
                    assert found == contents[index][min(row, rows - 1)], (index, row)

        await check()
        for _ in range(12):
            stored = 0
            for byte in record(generator, contents):
                while generator.random() < 0.3:
                    stored += ctx.get(circuit.stored)
                    await ctx.tick()
                ctx.set(circuit.i.payload, byte)
                ctx.set(circuit.i.valid, 1)
                while not ctx.get(circuit.i.ready):
                    stored += ctx.get(circuit.stored)
                    await ctx.tick()
                stored += ctx.get(circuit.stored)
                await ctx.tick()
                ctx.set(circuit.i.valid, 0)
            for _ in range(3):
                stored += ctx.get(circuit.stored)
                await ctx.tick()
            assert stored == 1
            await check()

    simulator = Simulator(circuit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_a_table_is_constant_where_none_are_collected():
    class Constant(Component):
        def __init__(self):
            super().__init__({"address": In(3), "word": Out(5)})

        def elaborate(self, platform) -> Module:
            m = Module()
            port = rom(m, "table", [3, 1, 4, 1, 5], 5)
            m.d.comb += [port.addr.eq(self.address), self.word.eq(port.data)]
            return m

    text = rtlil_text(Constant())
    assert "$memwr" not in text
    assert "rom_style" in text
