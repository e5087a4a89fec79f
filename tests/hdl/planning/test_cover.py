"""What a cover counts is what synthesis makes of circuits whose mapping is plain."""

from collections.abc import Callable

import pytest
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from hdl.devices.devices import find_device
from hdl.planning.census import census, census_of_instances
from hdl.planning.cost import Census, counted_form
from hdl.toolchain import synthesise
from hdl.toolchain.verilog import rtlil_text

UP5K, ECP5 = find_device("up5k"), find_device("ecp5-25k")
Made = Callable[[Module, Value, Value, Value], Value]


class Circuit(Component):
    """A register of eight bits behind a function of two words and four bits, all of them in registers."""

    def __init__(self, made: Made):
        self.made = made
        super().__init__({"a": In(8), "b": In(8), "c": In(4), "y": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b, c = Signal(8), Signal(8), Signal(4)
        m.d.sync += [a.eq(self.a), b.eq(self.b), c.eq(self.c)]
        m.d.sync += self.y.eq(self.made(m, a, b, c))
        return m


def _equal(m: Module, a: Value, b: Value, c: Value) -> Value:
    return a == b


def _one_of_four(m: Module, a: Value, b: Value, c: Value) -> Value:
    return Mux(c[0], Mux(c[1], a, b), Mux(c[1], a[::-1], b[::-1]))


def _table(m: Module, a: Value, b: Value, c: Value) -> Value:
    m.submodules.table = table = Memory(
        shape=3, depth=16, init=[row * row >> 3 & 7 for row in range(16)], attrs={"rom_style": "logic"}
    )
    port = table.read_port(domain="comb")
    m.d.comb += port.addr.eq(c)
    return port.data


PLAIN: dict[str, tuple[Made, int, int]] = {
    "one of two": (lambda m, a, b, c: Mux(c[0], a, b), 8, 0),
    "one of four": (_one_of_four, 16, 0),
    "equal": (_equal, 5, 0),
    "equal to a constant": (lambda m, a, b, c: a == 0x5A, 3, 0),
    "gates in one table": (lambda m, a, b, c: (a & b) ^ c[0].replicate(8), 8, 0),
    "sum": (lambda m, a, b, c: a + b, 1, 7),
    "sum with a carry in": (lambda m, a, b, c: a + b + c[0], 0, 8),
    "sum or its operand": (lambda m, a, b, c: Mux(c[0], a + b, a), 1, 7),
    "difference": (lambda m, a, b, c: a - b, 9, 7),
    "part of a sum": (lambda m, a, b, c: Cat((a + b)[:4], a[4:]), 1, 3),
    "constant table": (_table, 3, 0),
}
"""Name -> a circuit, and its look-up tables outside and inside of carry chains on the iCE40."""


def counted(made: Made) -> Census:
    return census(rtlil_text(Circuit(made), platform=counted_form(UP5K)), UP5K.family)


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_circuit_is_covered_by_as_many_tables_as_it_needs(name):
    made, tables, chains = PLAIN[name]
    found = counted(made)
    assert (found.tables, found.chains) == (tables, chains)


@pytest.mark.synth
@pytest.mark.parametrize("name", PLAIN)
def test_synthesis_takes_as_many_tables_for_a_plain_circuit(name, tmp_path):
    made, tables, chains = PLAIN[name]
    found = synthesise(rtlil_text(Circuit(made), platform=UP5K.family), UP5K, tmp_path).resources
    assert found.lut == pytest.approx(tables + chains, abs=1)


def test_a_chain_of_carry_cells_takes_all_its_bits_in_pairs():
    text = rtlil_text(Circuit(lambda m, a, b, c: (a + b)[7]), platform=counted_form(ECP5))
    found = census(text, ECP5.family)
    assert (found.tables, found.chains) == (0, 8)


def test_a_register_that_is_cleared_only_while_enabled_needs_a_table_for_its_enable():
    class Enabled(Component):
        a: In(8)
        clear: In(1)
        enable: In(1)
        y: Out(8)

        def elaborate(self, platform: object) -> Module:
            m = Module()
            with m.If(self.enable):
                m.d.sync += self.y.eq(self.a)
            with m.If(self.clear):
                m.d.sync += self.y.eq(0)
            return m

    assert census(rtlil_text(Enabled()), UP5K.family).tables == 2  # either, and clear or reset
    assert census(rtlil_text(Enabled()), ECP5.family).tables == 1


def test_parts_are_counted_each_for_itself_and_all_parts_are_the_whole():
    class Two(Component):
        a: In(8)
        y: Out(8)

        def elaborate(self, platform: object) -> Module:
            m = Module()
            for name in ("one", "two"):
                m.submodules[name] = part = Circuit(lambda m, a, b, c: a + b)
                m.d.comb += [part.a.eq(self.a), part.b.eq(~self.a)]
            m.d.comb += self.y.eq(m.submodules.one.y & m.submodules.two.y)
            return m

    found = census_of_instances(rtlil_text(Two()), ["", "one"], UP5K.family)
    part, whole = found["one"], found[""]
    assert (part.tables, part.chains, part.flip_flops) == (1, 7, 24)
    assert (whole.tables, whole.chains, whole.flip_flops) == (2 + 8 + 8, 14, 48)  # and complements between
