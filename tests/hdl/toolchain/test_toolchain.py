"""Synthesis, place and route and packing of small designs on both families."""

import tempfile
from pathlib import Path

import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from hdl.devices.devices import find_device
from hdl.devices.ecp5 import ECP5
from hdl.devices.ice40 import ICE40
from hdl.devices.resources import Resources
from hdl.emit.harness import SerialHarness
from hdl.toolchain import Expected, Synthesis, place_and_route, synthesise, write_bitstream
from hdl.toolchain.placement import require_fit
from hdl.toolchain.synthesis import count
from hdl.toolchain.verilog import rtlil_text, run_yosys
from quantize.errors import StatespikeError


class MultiplyAccumulate(Component):
    """Coefficients in ROM times input, added up in a memory that never reads where it writes."""

    def __init__(self):
        super().__init__({"i": In(signed(16)), "o": Out(signed(16))})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.rom = rom = Memory(shape=signed(16), depth=256, init=[k * 77 % 9999 for k in range(256)])
        m.submodules.ram = ram = Memory(shape=signed(16), depth=256, init=[])
        coefficient, old, new = rom.read_port(), ram.read_port(), ram.write_port()
        index = Signal(8)
        a, b = (Signal(signed(16), reset_less=True) for _ in range(2))
        product = Signal(signed(32), reset_less=True)
        m.d.sync += [
            index.eq(index + 1), a.eq(self.i), b.eq(coefficient.data), product.eq(a * b),
            self.o.eq((product >> 8) + old.data),
        ]  # fmt: skip
        m.d.comb += [
            coefficient.addr.eq(index), old.addr.eq(index), new.addr.eq(index - 4),
            new.data.eq(self.o), new.en.eq(1),
        ]  # fmt: skip
        return m


class BareRegisters(Component):
    """The shape that Yosys miscompiles: a product register followed by a bare one, all without reset."""

    def __init__(self):
        super().__init__({"a": In(signed(16)), "b": In(signed(16)), "o": Out(signed(32))})

    def elaborate(self, platform) -> Module:
        m = Module()
        a, b = (Signal(signed(16), reset_less=True) for _ in range(2))
        products = [Signal(signed(32), reset_less=True, name=f"product{k}") for k in range(2)]
        m.d.sync += [a.eq(self.a), b.eq(self.b), products[0].eq(a * b), products[1].eq(products[0])]
        m.d.comb += self.o.eq(products[1])
        return m


def test_count_weighs_cells():
    cells = {"LUT4": 10, "CCU2C": 3, "TRELLIS_FF": 5, "DP16KD": 1, "MULT18X18D": 2, "PFUMX": 4}
    assert count(cells, ECP5) == Resources(lut=16, ff=5, bram=1, spram=0, dsp=2)
    cells = {"SB_LUT4": 10, "SB_CARRY": 3, "SB_DFF": 5, "SB_DFFESR": 2, "SB_RAM40_4KNRNW": 1, "SB_MAC16": 2}
    assert count(cells, ICE40) == Resources(lut=10, ff=7, bram=1, spram=0, dsp=2)


def test_design_too_big_is_told(tmp_path):
    resources = Resources(lut=6000, ff=10, bram=31, spram=0, dsp=0)
    synthesis = Synthesis(find_device("up5k"), resources, tmp_path, tmp_path, tmp_path)
    with pytest.raises(
        StatespikeError,
        match=r"does not fit up5k: it needs 31 block memories where 30 can be used \(1 too many\), "
        "and 6000 look-up tables where 5280",
    ):
        require_fit(synthesis)


@pytest.mark.synth
@pytest.mark.parametrize("name", ["up5k", "ecp5-25k", "gw1nr-9c"])
def test_multiplier_and_memories_are_inferred(name, tmp_path):
    expected = Expected(dsp=1, bram=2, spram=0)
    rtlil = rtlil_text(MultiplyAccumulate())
    plain = synthesise(rtlil, find_device(name), tmp_path / "plain", expected)
    relaxed = synthesise(rtlil, find_device(name), tmp_path / "relaxed", expected, no_collisions=True)
    assert plain.netlist.exists()
    assert plain.rtlil.exists()
    assert plain.resources.ff - relaxed.resources.ff > 20, "collision logic is gone"
    assert 0 < relaxed.resources.lut < plain.resources.lut


@pytest.mark.synth
def test_more_cells_than_planned_are_told_and_fewer_are_not(tmp_path):
    text, up5k = rtlil_text(MultiplyAccumulate()), find_device("up5k")
    with pytest.raises(StatespikeError, match="for up5k made 2 bram cells where 1 were planned"):
        synthesise(text, up5k, tmp_path, Expected(dsp=1, bram=1))
    found = synthesise(text, up5k, tmp_path, Expected(dsp=2, bram=3)).resources
    assert (found.dsp, found.bram) == (1, 2)


@pytest.mark.synth
def test_driver_conflict_fails_the_synthesis(tmp_path):
    with pytest.raises(StatespikeError, match="driver conflict"):
        synthesise(rtlil_text(BareRegisters()), find_device("up5k"), tmp_path)


@pytest.mark.slow
@pytest.mark.synth
@pytest.mark.parametrize(("name", "suffix"), [("hx8k", ".bin"), ("ecp5-25k", ".bit"), ("gw1nr-9c", ".fs")])
def test_place_and_route_to_a_bitstream(name, suffix, tmp_path):
    harness = SerialHarness(MultiplyAccumulate())
    synthesis = synthesise(rtlil_text(harness), find_device(name), tmp_path / "synthesis", no_collisions=True)
    routed = place_and_route(synthesis, tmp_path / "routed", seeds=(1, 2))
    assert [one.seed for one in routed] == [1, 2]
    assert all(20 < one.fmax_mhz < 400 for one in routed)
    assert all(used <= available for one in routed for used, available in one.utilisation.values())
    bitstream = write_bitstream(routed[0], synthesis.device, tmp_path)
    assert bitstream.suffix == suffix
    assert bitstream.stat().st_size > 1000


def test_the_log_that_an_error_names_is_still_there(tmp_path):
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder, pytest.raises(StatespikeError) as caught:
        run_yosys("read_rtlil absent.il\n", Path(folder))
    log = Path(str(caught.value).partition("(log: ")[2].rstrip(")"))
    assert "absent.il" in log.read_text()
    log.unlink()
