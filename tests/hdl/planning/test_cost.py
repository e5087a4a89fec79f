"""What a circuit is estimated to cost is what its cells come to."""

from dataclasses import replace

import pytest
from amaranth.hdl import Module
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from hdl.devices.devices import find_device
from hdl.devices.resources import Resources
from hdl.network.top import Network
from hdl.planning.census import census
from hdl.planning.cost import counted_form, shortfall
from hdl.planning.design_space import foldings
from hdl.planning.planner import assess
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.trit_adder import TritAdder
from hdl.toolchain import synthesise
from hdl.toolchain.verilog import rtlil_text
from tests.networks import random_network


class Tables(Component):
    """A constant table of six bits of which one is constant and two are equal, and a memory read at once."""

    def __init__(self) -> None:
        super().__init__({"a": In(3), "clocked": Out(6), "given": In(5), "at_once": Out(5)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows = [row | row >> 2 << 3 | 1 << 4 | (row == 5) << 5 for row in range(8)]
        m.submodules.table = table = Memory(shape=6, depth=8, init=rows, attrs={"rom_style": "logic"})
        m.submodules.kept = kept = Memory(shape=5, depth=8, init=[], attrs={"ram_style": "distributed"})
        reads, write, read = table.read_port(), kept.write_port(), kept.read_port(domain="comb")
        m.d.comb += [
            reads.addr.eq(self.a), self.clocked.eq(reads.data), write.addr.eq(self.a), read.addr.eq(self.a),
            write.data.eq(self.given), write.en.eq(1), self.at_once.eq(read.data),
        ]  # fmt: skip
        return m


def test_registers_of_memories_are_those_that_synthesis_keeps():
    target = find_device("ecp5-25k")
    counted = census(rtlil_text(Tables(), platform=counted_form(target)), target.family)
    assert counted.resources(target).ff == 4


class Registers(Component):
    """Eight bits behind an adder of their own, eight behind pins, eight whose adder others read too."""

    def __init__(self) -> None:
        super().__init__({"a": In(8), "own": Out(8), "plain": Out(8), "shared": Out(8), "inverted": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        total = (self.a + 7)[:8]
        m.d.sync += [self.own.eq(self.a + 3), self.plain.eq(self.a), self.shared.eq(total)]
        m.d.comb += self.inverted.eq(~total)
        return m


def test_flip_flops_without_a_look_up_table_take_a_cell_of_their_own():
    counted = census(rtlil_text(Registers()), find_device("hx8k").family)
    assert counted.flip_flops == 24
    assert counted.unpaired == 17  # the lowest bit of both sums is the same inverter
    cells = counted.logic_cells(find_device("hx8k"))
    assert (
        counted.resources(find_device("hx8k")).lut + 17
        < cells
        < counted.resources(find_device("hx8k")).lut + 24
    )


def test_cells_that_a_circuit_asks_for_by_name_are_counted_as_they_are():
    target = find_device("ecp5-25k")
    form = counted_form(target)
    adder = census(rtlil_text(TritAdder(12, 8), platform=form), target.family).resources(target)
    assert (adder.lut, adder.ff) == (2 * 7, 0)  # twelve bits and the one that begins the carry
    multiplier = census(rtlil_text(Multiplier(), platform=form), target.family).resources(target)
    assert (multiplier.dsp, multiplier.lut, multiplier.ff) == (1, 0, 0)


def test_fewer_flip_flops_than_look_up_tables_are_a_limit_of_their_own():
    device, estimate = find_device("gw1nr-9c"), Resources(lut=2000, ff=5000, bram=1, spram=0, dsp=1)
    (short,) = shortfall(estimate, 6000, device)
    assert short == "5000 flip-flops where 4860 can be used (140 too many)"
    assert shortfall(replace(estimate, ff=4000), 6000, device) == []


@pytest.mark.slow
@pytest.mark.synth
@pytest.mark.parametrize("choice", [0, -1], ids=["streamed", "small"])
def test_a_network_takes_of_a_gowin_about_what_is_estimated(choice, tmp_path):
    network, device = random_network("binary_s4d", 6, 2, 1, seed=1), find_device("gw1nr-9c")
    folding = foldings(network, device)[choice]
    assert folding.streamed == (choice == 0)
    estimate = assess(network, folding, device).estimate
    text = rtlil_text(Network(network, folding), platform=device.family)
    found = synthesise(text, device, tmp_path, no_collisions=True).resources
    assert (estimate.lut, estimate.ff) == pytest.approx((found.lut, found.ff), rel=0.15)
    assert (estimate.bram, estimate.dsp) == (found.bram, found.dsp)
