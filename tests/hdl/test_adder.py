"""Adders add as they are told, before synthesis and behind it, at no more than a look-up table a bit."""

from itertools import product

import pytest
from amaranth.hdl import Module, signed
from amaranth.lib.wiring import Component, In, Out
from amaranth.sim import Simulator

from boards.toolchain import synthesise
from hdl.parts import part
from hdl.primitives.adder import ADDER_NAME, Adder
from hdl.verilog import rtlil_text, run_yosys

KINDS = [
    {"subtract": True},
    *(
        dict(zip(("carry", "complement_sum"), flags, strict=True))
        for flags in product((False, True), repeat=2)
    ),
]


def expected(left: int, right: int, kind: dict[str, bool]) -> int:
    if kind.get("subtract"):
        return left - right
    total = left + right + kind["carry"]
    return ~total if kind["complement_sum"] else total


@pytest.mark.parametrize("kind", KINDS)
def test_adder_adds(kind):
    adder = Adder(3, 4, 5, **kind)

    async def check(ctx):
        for left, right in product(range(-4, 4), range(-8, 8)):
            ctx.set(adder.left, left)
            ctx.set(adder.right, right)
            assert ctx.get(adder.sum) == (expected(left, right, kind) + 16) % 32 - 16

    simulator = Simulator(adder)
    simulator.add_testbench(check)
    simulator.run()


class Chain(Component):
    """Three adders in a row, which synthesis would merge, with the complements that cost nothing on iCE40."""

    def __init__(self):
        super().__init__({name: In(signed(8)) for name in "abcd"} | {"o": Out(signed(10))})

    def elaborate(self, platform) -> Module:
        m = Module()
        kinds = [{"complement_sum": True}, {"carry": True}, {"carry": True, "complement_sum": True}]
        total = self.a
        for place, (kind, addend) in enumerate(zip(kinds, (self.b, self.c, self.d), strict=True)):
            m.submodules[f"{ADDER_NAME}_{place}"] = adder = Adder(len(total), 8, min(9 + place, 10), **kind)
            m.d.comb += [adder.left.eq(total), adder.right.eq(addend)]
            total = adder.sum
        m.d.comb += self.o.eq(total)
        return m


@pytest.mark.synth
def test_adders_mapped_alone_take_a_table_a_bit_and_stay_what_they_are(tmp_path):
    synthesis = synthesise(rtlil_text(Chain()), part("hx8k"), tmp_path)
    assert synthesis.resources.lut == 9 + 10 + 10
    run_yosys(
        "read_rtlil design.il\nproc\nflatten\nrename top designed\ndesign -stash designed\n"
        "read_rtlil netlist.il\ndelete =A:blackbox\nread_verilog +/ice40/cells_sim.v\n"
        "hierarchy -top top\nproc\nflatten\nrename top mapped\ndesign -stash mapped\n"
        "design -copy-from designed designed\ndesign -copy-from mapped mapped\n"
        "miter -equiv -flatten designed mapped both\nsat -verify -prove trigger 0 both\n",
        tmp_path,
        "proof.log",
    )
