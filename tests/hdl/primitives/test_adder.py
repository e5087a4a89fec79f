"""Adders add as they are told, before synthesis and behind it, at no more than a look-up table a bit."""

from itertools import product

import pytest
from amaranth.hdl import Module, signed
from amaranth.lib.wiring import Component, In, Out
from amaranth.sim import Simulator

from hdl.devices.devices import find_device
from hdl.primitives.adder import ADDER_NAME, Adder
from hdl.toolchain import synthesise
from hdl.toolchain.verilog import rtlil_text, run_yosys

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
@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize(
    ("widths", "beside"),
    [
        ((3, 4, 5), False), ((5, 5, 7), True), ((1, 7, 7), True), ((6, 2, 7), True), ((7, 7, 7), False),
        ((5, 6, 8), False), ((2, 3, 1), False),
    ],
)  # fmt: skip
def test_adder_adds(kind, pairs, widths, beside):
    adder = Adder(*widths, **kind, pairs=pairs)
    assert adder.top_beside == (pairs and beside)
    left_half, right_half, half = (1 << (width - 1) for width in widths)

    async def check(ctx):
        for left, right in product(range(-left_half, left_half), range(-right_half, right_half)):
            ctx.set(adder.left, left)
            ctx.set(adder.right, right)
            wrapped = (expected(left, right, kind) + half) % (2 * half) - half
            assert ctx.get(adder.sum) == wrapped

    simulator = Simulator(adder)
    simulator.add_testbench(check)
    simulator.run()


COMPLEMENTS = [
    {"complement_sum": True},
    {"carry": True},
    {"carry": True, "complement_sum": True},
]


class Chain(Component):
    """Up to three adders in a row, which synthesis would merge; words of `width` bits, sums of two more."""

    def __init__(self, width, kinds):
        self.width, self.kinds = width, kinds
        super().__init__({name: In(signed(width)) for name in "abcd"} | {"o": Out(signed(width + 2))})

    def elaborate(self, platform) -> Module:
        m = Module()
        total = self.a
        for place, (kind, addend) in enumerate(zip(self.kinds, (self.b, self.c, self.d), strict=False)):
            width = self.width + min(1 + place, 2)
            m.submodules[f"{ADDER_NAME}_{place}"] = adder = Adder(len(total), self.width, width, **kind)
            m.d.comb += [adder.left.eq(total), adder.right.eq(addend)]
            total = adder.sum
        m.d.comb += self.o.eq(total)
        return m


# How a netlist is read with what its cells do. The ECP5's models define some cells twice, and boxes made for
# the netlist's parameters would stay. Models of memories take a minute to read, so only what is used is read.
READ = {
    "hx8k": "read_rtlil netlist.il\ndelete =A:blackbox\nread_verilog -defer +/ice40/cells_sim.v\n",
    "ecp5-25k": "read_rtlil netlist.il\nwrite_verilog netlist.v\ndesign -reset\n"
    "read_verilog -nooverwrite netlist.v +/lattice/cells_sim_ecp5.v\n",
}


@pytest.mark.synth
@pytest.mark.parametrize(
    ("name", "width", "kinds"),
    [
        ("hx8k", 8, COMPLEMENTS),
        # Of few inputs: a proof over carry cells takes long.
        ("ecp5-25k", 6, [{"pairs": True, "subtract": True}]),
        ("ecp5-25k", 5, [{"pairs": True}, {"pairs": True, "subtract": True}]),
    ],
)
def test_adders_mapped_alone_take_a_table_a_bit_and_stay_what_they_are(name, width, kinds, tmp_path):
    synthesis = synthesise(rtlil_text(Chain(width, kinds)), find_device(name), tmp_path)
    assert synthesis.resources.lut == sum([width + 1, width + 2, width + 2][: len(kinds)])
    run_yosys(
        "read_rtlil design.il\nproc\nflatten\nrename top designed\ndesign -stash designed\n"
        f"{READ[name]}hierarchy -top top\nproc\nflatten\nrename top mapped\ndesign -stash mapped\n"
        "design -copy-from designed designed\ndesign -copy-from mapped mapped\n"
        "miter -equiv -flatten designed mapped both\nsat -verify -prove trigger 0 both\n",
        tmp_path,
        "proof.log",
    )
