"""Multipliers multiply; the blocks of ECP5 and Gowin and the one in logic agree with the portable form."""

import itertools
import random

import pytest
from amaranth.hdl import Module, Signal, signed, unsigned
from amaranth.lib.wiring import Component, In, Out
from amaranth.sim import Simulator

from hdl.devices.devices import find_device
from hdl.devices.ecp5 import ECP5
from hdl.devices.features import LOGIC_MULTIPLIERS, MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.devices.gowin import GOWIN
from hdl.devices.ice40 import ICE40
from hdl.planning.census import census
from hdl.primitives.logic_multiplier import multiplied_in_logic
from hdl.primitives.multiplier import AddingMultiplier, Multiplier
from hdl.toolchain import synthesise
from hdl.toolchain.verilog import rtlil_text, run_yosys


@pytest.mark.parametrize(
    ("family", "target"),
    [(ECP5, MULTIPLIER_BLOCKS), (GOWIN, MULTIPLIER_BLOCKS), (ECP5, LOGIC_MULTIPLIERS)],
    ids=["ecp5", "gowin", "logic"],
)
@pytest.mark.parametrize(("widths", "b_signed"), [((5, 4), True), ((5, 4), False), ((3, 1), False)])
def test_each_form_computes_what_the_portable_one_does(family, target, widths, b_signed, tmp_path):
    multiplier = Multiplier(*widths, b_signed=b_signed, target=target)
    (tmp_path / "model.v").write_text(family.cell_models)
    (tmp_path / "portable.il").write_text(rtlil_text(multiplier, "portable"))
    (tmp_path / "block.il").write_text(rtlil_text(multiplier, "block", platform=family))
    assert ("cell \\MULT18X18" in (tmp_path / "block.il").read_text()) == (target == MULTIPLIER_BLOCKS)
    assert ("$mul" in (tmp_path / "block.il").read_text()) is False
    run_yosys(
        "read_rtlil block.il\nread_verilog -sv model.v\nhierarchy -top block\nproc\nflatten\n"
        "read_rtlil portable.il\nproc portable\n"
        "miter -equiv -flatten -make_assert portable block both\n"
        "wreduce both\nopt -full both\n"
        "sat -verify -prove-asserts -tempinduct -seq 3 -maxsteps 6 -set-at 1 in_rst 0 both\n",
        tmp_path,
    )


class Narrow(Component):
    """An `AddingMultiplier` of few bits, for a proof to come to an end."""

    def __init__(self, target: DeviceFeatures):
        self.features = target
        operand = In(signed(3))
        super().__init__(
            {"a": operand, "b": operand, "adds": In(1), "addend": In(signed(8)), "total": Out(signed(32))}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.multiplier = multiplier = AddingMultiplier(self.features)
        m.d.comb += [
            multiplier.a.eq(self.a),
            multiplier.b.eq(self.b),
            multiplier.adds.eq(self.adds),
            multiplier.addend.eq(self.addend << 14),  # over the border of the block's two adders
            self.total.eq(multiplier.total),
        ]
        return m


def test_the_form_in_logic_adds_its_product_as_the_portable_one_does(tmp_path):
    """The block of the iCE40 is compared in the netlist of a network, in `tests/sim/test_netlist.py`."""
    (tmp_path / "portable.il").write_text(rtlil_text(Narrow(LOGIC_MULTIPLIERS), "portable"))
    (tmp_path / "block.il").write_text(rtlil_text(Narrow(LOGIC_MULTIPLIERS), "block", platform=ICE40))
    assert "SB_MAC16" in rtlil_text(Narrow(MULTIPLIER_BLOCKS), platform=ICE40)
    run_yosys(
        "read_rtlil block.il\nhierarchy -top block\nproc\nflatten\n"
        "read_rtlil portable.il\nproc\nflatten portable\n"
        "miter -equiv -flatten -make_assert portable block both\n"
        "wreduce both\nopt -full both\n"
        "sat -verify -prove-asserts -tempinduct -seq 3 -maxsteps 6 -set-at 1 in_rst 0 both\n",
        tmp_path,
    )


def test_totals_are_passed_from_one_to_the_next():
    m = Module()
    m.submodules.first, m.submodules.second = first, second = AddingMultiplier(), AddingMultiplier()
    m.d.comb += second.addend.eq(first.total)
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    generator = random.Random(1)
    pairs = [[generator.randrange(-32768, 32768) for _ in range(4)] for _ in range(50)]
    adds = [generator.random() < 0.5 for _ in pairs]

    async def stream(ctx):
        for index, (a, b, c, d) in enumerate([*pairs, [0] * 4, [0] * 4, [0] * 4]):
            ctx.set(first.a, a)
            ctx.set(first.b, b)
            ctx.set(first.adds, adds[index] if index < len(pairs) else 0)
            ctx.set(second.a, c)
            ctx.set(second.b, d)
            ctx.set(second.adds, 1)
            await ctx.tick()
            done = index - 1  # of the second one's operands
            if done >= 1:
                x, y, *_ = pairs[done - 1] if done - 1 < len(pairs) else [0] * 4
                *_, z, w = pairs[done] if done < len(pairs) else [0] * 4
                total = z * w + (x * y if done - 1 < len(pairs) and adds[done - 1] else 0)
                assert ctx.get(second.total) == (total + (1 << 31)) % (1 << 32) - (1 << 31)

    simulator.add_testbench(stream)
    simulator.run()


def test_a_multiplier_in_logic_takes_three_tables_for_two_products_of_bits(tmp_path):
    target = find_device("hx8k")
    multiplier = Multiplier(target=target.features)
    found = synthesise(rtlil_text(multiplier, platform=target.family), target, tmp_path).resources
    assert 256 < found.lut < 1.6 * 256
    assert found.lut == pytest.approx(
        census(rtlil_text(multiplier), target.family).resources(target).lut, rel=0.15
    )


@pytest.mark.parametrize(
    ("a_width", "b_shape"), [(4, signed(3)), (4, signed(1)), (3, unsigned(3)), (3, unsigned(4))]
)
def test_a_product_in_logic_is_right_for_odd_widths_too(a_width, b_shape):
    m = Module()
    a, b = Signal(signed(a_width)), Signal(b_shape)
    product = multiplied_in_logic(m, a, b)
    simulator = Simulator(m)
    simulator.add_clock(1e-6)

    async def every_pair(ctx):
        for x, y in itertools.product(range(1 << a_width), range(1 << len(b))):
            ctx.set(a, x - (1 << a_width - 1))
            ctx.set(b, y - (1 << len(b) - 1) * b_shape.signed)
            await ctx.tick().repeat(2)
            assert ctx.get(product) == ctx.get(a) * ctx.get(b)

    simulator.add_testbench(every_pair)
    simulator.run()
