"""Every reader takes our Verilog alike: Icarus in all modes, Verilator's linter, slang, both of Yosys."""

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Array, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from pyslang.driver import Driver

from benchmarks.digests import NETWORKS, load
from hdl.devices.devices import DEVICES, find_device
from hdl.devices.features import LOGIC_MULTIPLIERS
from hdl.network.folding import Folding, LayerFolding
from hdl.network.top import Network
from hdl.planning.planner import plan_network
from hdl.primitives.memory import ram, rom
from hdl.primitives.streams import Logit, Tap, beats
from hdl.ssm.component import ArrayFolding
from hdl.toolchain.tools import find_tool
from hdl.toolchain.verilog import run_yosys, write_verilog
from quantize.network import QuantizedNetwork
from sim.backends import backend
from sim.backends.cocotb_runner import Cocotb
from sim.backends.verilated import verilator_settings
from sim.check import check
from sim.pace import Pace
from sim.stimulus import Stimulus
from statespike.models.tasks.registry import load_task
from tests.networks import random_network

ICARUS = ("2001", "2005", "2005-sv", "2009", "2012")
"""Languages of Icarus Verilog; the last one is what cocotb asks for by itself."""
DIGITS = [name for name in NETWORKS if name.startswith("digits-")]


def require_read_alike(source: Path) -> None:
    """Fail if a reader of Verilog refuses `source`, or a linter has something to say."""
    for language in ICARUS:
        command = [find_tool("iverilog"), f"-g{language}", "-Wall", "-t", "null", str(source)]
        told = subprocess.run(command, capture_output=True, text=True)
        assert (told.returncode, told.stdout + told.stderr) == (0, ""), language
    settings = verilator_settings()
    command = ["perl", f"{settings['VERILATOR_ROOT']}/bin/verilator", "--lint-only", "-Wall", str(source)]
    told = subprocess.run([*command, "--top-module", "top"], capture_output=True, text=True, env=settings)
    assert (told.returncode, told.stderr) == (0, "")
    slang = Driver()
    slang.addStandardArgs()
    assert slang.parseCommandLine(f'slang -Wextra "{source}"')
    assert slang.processOptions()
    assert slang.parseAllSources()
    found = slang.createCompilation().getAllDiagnostics()
    assert not [diagnostic for diagnostic in found if diagnostic.isError()]
    for option in ("", "-sv"):
        script = f"read_verilog {option} {source.name}\nhierarchy -check -top top\nproc\ncheck -assert\n"
        run_yosys(script, source.parent, "reader.log")


class Operators(wiring.Component):
    """Every operator that Amaranth has, of operands of unequal widths and signs; a tap each.

    Two values of a beat are read as numbers without and with a sign, and so is what a memory, a table and a
    register remember of the beat before.
    """

    TAPS = (
        "add", "sub", "mul", "mixed", "negative", "inverse", "quotient", "remainder", "floor", "modulo",
        "left", "right", "arithmetic", "and", "or", "xor", "less", "signed_less", "pattern", "equal", "zero",
        "any", "all", "parity", "mux", "part", "word", "array", "switch", "memory", "table", "narrow",
    )  # fmt: skip

    def __init__(self):
        taps = {f"tap_{name}": Out(Tap(24)) for name in self.TAPS}
        super().__init__({"i": In(beats(14)), "o": Out(stream.Signature(Logit(24))), **taps})

    def elaborate(self, platform) -> Module:
        m = Module()
        value = self.i.payload.value
        a, b, c = value[:5], value[5:8], value[8:14]
        s, t, u = a.as_signed(), b.as_signed(), c.as_signed()
        moved = self.i.valid & self.i.ready
        before = Signal(signed(14))
        write, read = ram(m, "kept", 6, 14)
        found = rom(m, "rows", [9, 0, 77, 127, 64], 7)
        switched, summed = Signal(24), Signal(signed(24))
        names = Array(Signal(5, name=f"part{index}") for index in range(3))
        empty = Signal(data.StructLayout({"none": unsigned(0), "some": unsigned(5)}))
        m.d.comb += [
            *(part.eq(a + index) for index, part in enumerate(names)),
            empty.some.eq(a), write.addr.eq(b), write.data.eq(value), write.en.eq(moved & (b < 6)),
            read.addr.eq(Mux(before[:3] < 6, before[:3], 0)), found.addr.eq(Mux(b < 5, b, 4)),
        ]  # fmt: skip
        with m.Switch(value[:4]):
            with m.Case("00--", "1-10"):
                m.d.comb += switched.eq(c)
            with m.Case(5, 7):
                m.d.comb += switched.eq(u)
            with m.Default():
                m.d.comb += switched.eq(3)
        results = {
            "add": a + c, "sub": t - c, "mul": s * u, "mixed": a * t, "negative": -c, "inverse": ~t,
            "quotient": c // b, "remainder": c % a, "floor": s // t, "modulo": u % s, "left": t << b,
            "right": c >> b, "arithmetic": u >> b, "and": s & c, "or": t | u, "xor": b ^ u, "less": b < c,
            "signed_less": t < u, "pattern": s.as_unsigned() < u.as_unsigned(), "equal": s == u,
            "zero": c == 0, "any": c.any(), "all": b.all(), "parity": value.xor(), "mux": Mux(b[0], s, c),
            "part": value.bit_select(b, 4), "word": value.word_select(b[:2], 3), "array": names[b[:2] % 3],
            "switch": switched, "memory": read.data, "table": found.data, "narrow": (before + a)[:3],
        }  # fmt: skip
        assert set(results) == set(self.TAPS)
        for name, result in results.items():
            tap = getattr(self, f"tap_{name}")
            m.d.comb += [tap.valid.eq(moved), tap.value.eq(result)]
        answering = Signal()
        with m.If(moved):
            m.d.sync += [
                before.eq(value),
                answering.eq(self.i.payload.last),
                summed.eq(summed + u + empty.some),
            ]
        with m.If(answering & self.o.ready):
            m.d.sync += answering.eq(0)
        m.d.comb += [
            self.i.ready.eq(~answering), self.o.valid.eq(answering), self.o.payload.value.eq(summed),
            self.o.payload.last.eq(1),
        ]  # fmt: skip
        return m


def test_every_operator_is_read_alike(tmp_path):
    require_read_alike(write_verilog(Operators(), tmp_path / "design.v"))


@pytest.mark.cosim
@pytest.mark.parametrize("language", ["2005", "2012"])
def test_every_operator_computes_the_same(tmp_path, language):
    x = np.random.default_rng(3).integers(-(1 << 13), 1 << 13, (1, 400, 1))
    stimulus = Stimulus(list(x), input_gaps=0.2)
    expected = backend("amaranth").run(Operators(), stimulus)
    run = Cocotb("icarus", [f"-g{language}"]).run(Operators(), stimulus, tmp_path)
    for name in Operators.TAPS:
        assert np.array_equal(run.taps[name], expected.taps[name]), name
    assert np.array_equal(run.logits, expected.logits)


class Idle(wiring.Component):
    """Logic of constants alone."""

    def __init__(self):
        super().__init__({"o": Out(4)})

    def elaborate(self, platform) -> Module:
        m = Module()
        chosen = Signal(2, init=2)
        with m.Switch(chosen), m.Case(2):
            m.d.comb += self.o.eq(9)
        return m


def test_combinational_logic_needs_no_event(tmp_path):
    text = write_verilog(Idle(), tmp_path / "design.v").read_text()
    assert "always @*" not in text
    (tmp_path / "bench.v").write_text(
        "module bench; wire [3:0] o; top top(.o(o));\n"
        'initial #1 if (o === 4\'d9) $display("nine"); else $display("%b", o); endmodule\n'
    )
    for language in ICARUS:
        command = [find_tool("iverilog"), f"-g{language}", "-o", "bench", "bench.v", "design.v"]
        subprocess.run(command, cwd=tmp_path, check=True)
        said = subprocess.run(["vvp", "bench"], cwd=tmp_path, check=True, capture_output=True, text=True)
        assert said.stdout == "nine\n", language


@cache
def shipped(name: str) -> QuantizedNetwork:
    """A shipped network in integers."""
    return load(name)


def circuit_of(network: QuantizedNetwork, device: str, *, taps: bool = False) -> Network:
    """The network planned for a device."""
    return Network(network, plan_network(network, find_device(device), oversize=True), taps=taps)


@pytest.mark.parametrize(
    ("model", "device"),
    [("s4d", "hx8k"), pytest.param("gsu", "up5k", marks=pytest.mark.slow), ("gsu", "ecp5-25k")],
)
def test_networks_are_read_alike(tmp_path, model, device):
    network = random_network(model, 5, 2, 1, seed=2)
    require_read_alike(write_verilog(circuit_of(network, device), tmp_path / "design.v"))


@pytest.mark.exhaustive
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", NETWORKS)
def test_shipped_networks_are_read_alike(tmp_path, name, device):
    require_read_alike(write_verilog(circuit_of(shipped(name), device), tmp_path / "design.v"))


def require_equal_in_icarus(name: str, device: str, language: str, steps: int, folder: Path) -> None:
    """Fail if a value of a shipped network's circuit differs from the reference's within some steps."""
    network = shipped(name)
    inputs = network.inputs(load_task("digits", None).test.x[:1, :steps])
    result = check(
        lambda: circuit_of(network, device, taps=True), network, inputs, None,
        Cocotb("icarus", [f"-g{language}"]), Pace(input_gaps=0.1, output_stalls=0.1), folder,
    )  # fmt: skip
    assert result.bit_exact, result.first_mismatch


@pytest.mark.cosim
@pytest.mark.parametrize(
    ("device", "language"), [pytest.param("up5k", "2012", marks=pytest.mark.slow), ("hx8k", "2005")]
)
def test_unknown_values_do_not_spread(tmp_path, device, language):
    """In four-state simulation, where a memory that was never read shows X."""
    require_equal_in_icarus("digits-prf", device, language, 3, tmp_path)


@pytest.mark.exhaustive
@pytest.mark.cosim
@pytest.mark.parametrize("language", ["2005", "2012"])
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", DIGITS)
def test_digits_are_exact_in_icarus(tmp_path, name, device, language):
    require_equal_in_icarus(name, device, language, 5, tmp_path)


def test_verilator_compiles_multipliers_in_logic_without_a_warning(tmp_path):
    """Where all signals stay visible, as cocotb wants them, Verilator takes vectors whole."""
    network = random_network("spiking_ssm", 4, 2, 1, seed=1)
    layers = (LayerFolding(ArrayFolding(1), 2),)
    design = Network(network, Folding(layers, encoder_bits=None, target=LOGIC_MULTIPLIERS))
    write_verilog(design, tmp_path / "design.v")
    settings = verilator_settings()
    command = ["perl", f"{settings['VERILATOR_ROOT']}/bin/verilator", "--cc", "-Wall", "--public-flat-rw"]
    told = subprocess.run(
        [*command, "design.v", "--top-module", "top"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=settings,
    )
    assert (told.returncode, told.stderr) == (0, "")
