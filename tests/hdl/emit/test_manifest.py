"""Every entry of a manifest, and the head of the Verilog, is true of circuit, files and network."""

import hashlib
import json
from dataclasses import asdict
from fractions import Fraction

import numpy as np
import pytest
from pyslang.ast import Compilation
from pyslang.syntax import SyntaxTree

from boards.boards import board
from boards.clocking import BoardShell
from boards.link import Link
from boards.room import room_for
from boards.top import BoardTop
from hdl.devices.devices import find_device
from hdl.emit.build_folder import FORMAT, VERSION
from hdl.emit.generate import convert, generate
from hdl.emit.header import header_of
from hdl.emit.manifest import manifest_of, tools_of
from hdl.emit.ports import ports_of
from hdl.network.top import Network
from hdl.planning.planner import plan_network
from hdl.primitives.streams import Beat, Logit
from hdl.toolchain.verilog import convert_to_verilog, rtlil_text, write_rtlil
from quantize.file import load_network, save_network
from quantize.formats import Format, requantise
from quantize.identity import network_digest
from quantize.words import count
from sim.backends import backend
from sim.check import check
from sim.pace import Pace
from tests.networks import random_network


def declared(verilog):
    """Ports of the top module as slang reads them: name -> direction and width, and whether one is signed."""
    compilation = Compilation()
    compilation.addSyntaxTree(SyntaxTree.fromFile(str(verilog)))
    (top,) = compilation.getRoot().topInstances
    ports = {
        port.name: {"direction": port.direction.name.lower(), "width": int(port.type.bitWidth)}
        for port in top.body.portList
    }
    return top.name, ports, any(port.type.isSigned for port in top.body.portList)


@pytest.fixture(scope="module", params=["up5k", "ecp5-25k"])
def built(request, tmp_path_factory):
    """A network, its plan, its build folder and the manifest in it."""
    network = random_network("binary_s4d", 3, 2, 1, seed=1)
    plan = plan_network(network, find_device(request.param))
    folder = tmp_path_factory.mktemp("built") / "out"
    returned = generate(convert(network, plan, synthesis=False), folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest == returned
    return network, plan, folder, manifest


def test_every_file_is_named_with_its_size_and_hash(built):
    _, _, folder, manifest = built
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert manifest["contents"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    assert manifest["bytes"] == {name: len(content) for name, content in files.items()}
    assert set(manifest["files"].values()) <= set(files)
    assert manifest["files"] == {"verilog": "design.v", "rtlil": "design.il"}
    assert manifest["rtlil_sha256"] == manifest["contents"]["design.il"]


def test_another_run_writes_the_same_files(built, tmp_path):
    network, plan, folder, manifest = built
    assert generate(convert(network, plan, synthesis=False), tmp_path / "again") == manifest
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (folder / "manifest.json").read_bytes()


def test_ports_are_those_of_the_verilog(built):
    network, _, folder, manifest = built
    module, ports, signs = declared(folder / "design.v")
    assert manifest["top"] == {"module": module, "ports": ports}
    assert (manifest["module"], manifest["interface"]) == (module, "plain")
    assert not signs
    for name, layout, values in (
        ("i__payload", Beat(network.input.width), manifest["formats"]["input"]),
        ("o__payload", Logit(network.decoder.logit_width), manifest["formats"]["logits"]),
    ):
        fields = {field: [one.offset, one.offset + one.width - 1] for field, one in layout}
        assert manifest["ports"][name] == fields
        assert ports[name]["width"] == max(high for _, high in fields.values()) + 1
        low, high = fields["value"]
        assert values["width"] == high - low + 1
        assert values["signed"] == layout["value"].shape.signed
    assert {name for name in manifest["ports"] if "__" in name or name in ("clk", "rst")} <= set(ports)


def test_formats_rules_and_sizes_are_the_networks(built, tmp_path):
    network, _, _, manifest = built
    save_network(network, tmp_path / "copy.safetensors")
    assert manifest["network_sha256"] == network_digest(load_network(tmp_path / "copy.safetensors"))
    assert manifest["formats"]["input"] == asdict(network.input) | {"signed": True}
    assert manifest["formats"]["logits"]["fraction"] == network.decoder.fraction
    sizes = ("model", "features", "beats_per_step", "channels", "classes", "max_steps")
    assert {name: manifest[name] for name in sizes} == {name: getattr(network, name) for name in sizes}
    assert (manifest["layers"], manifest["modes"]) == (1, 2)
    assert manifest["multiplications_per_step"] == network.multiplications_per_step
    assert count(network.max_steps, "step") in manifest["overrun"]
    # It answers once a sequence, so there is no pace of answers; a logit's unit is told.
    assert (manifest["head"]["answers_per_sequence"], manifest["head"]["stride"]) == ("1", None)
    assert manifest["head"]["scale"] == 2.0**-network.decoder.fraction
    assert (manifest["head"]["cycles_between_answers"], manifest["head"]["answers_per_second"]) == (
        None,
        None,
    )
    # Halves go up, beyond the ends values stay at them.
    assert "halves go up" in manifest["rounding"]
    assert "saturate" in manifest["overflow"]
    values = np.arange(-40, 41)
    exact = [int(np.floor(Fraction(int(value), 4) + Fraction(1, 2))) for value in values]
    assert requantise(values, 2, 4).tolist() == np.clip(exact, *_ends(Format(4, 0))).tolist()


def _ends(value: Format) -> tuple[int, int]:
    return value.minimum, value.maximum


def test_an_overrun_has_the_first_steps_answer_and_the_mark(built):
    network, _, _, _ = built
    u = network.inputs(np.random.default_rng(1).normal(0, 0.3, (1, network.max_steps + 3, 1)))
    longer, whole = network.compute(u), network.compute(u[:, : network.max_steps])
    assert (longer.logits == whole.logits).all()
    assert longer.overruns.all()
    assert not whole.overruns.any()


def test_times_are_those_that_a_simulation_takes(built, tmp_path):
    network, plan, _, manifest = built
    design = Network(network, plan, taps=True)
    for name in ("cycles_per_step", "least_cycles_per_step", "latency_cycles"):
        assert manifest[name] == getattr(design, name)
    assert manifest["cycles_follow_data"] == (manifest["least_cycles_per_step"] < manifest["cycles_per_step"])
    u = network.inputs(np.random.default_rng(1).normal(0, 0.3, (1, 30, 1)))
    run = check(lambda: design, network, u, None, backend("amaranth"), Pace(), tmp_path, lambda _: None, 1)
    assert run.bit_exact
    assert manifest["cycles_per_step"] * 29 <= run.cycles + manifest["cycles_per_step"]
    assert run.cycles <= manifest["cycles_per_step"] * 30 + manifest["latency_cycles"]
    assert manifest["steps_per_second"] == manifest["clock_mhz"] * 1e6 / manifest["cycles_per_step"]


def test_what_is_planned_is_the_plans(built):
    _, plan, _, manifest = built
    assert manifest["device"] == plan.device.name
    assert (manifest["clock_mhz"], manifest["clock_from"]) == (plan.clock_mhz, "planned")
    assert manifest["schedule"]["streamed"] == plan.streamed
    assert manifest["schedule"]["encoder_bits"] == plan.encoder_bits
    assert len(manifest["schedule"]["layers"]) == len(plan.layers)
    assert manifest["multipliers"] == plan.multipliers
    assert manifest["estimate"] == manifest["resources"] == asdict(plan.estimate)
    assert (manifest["resources_from"], manifest["shortfall"], manifest["fmax_mhz"]) == ("estimate", [], [])
    assert manifest["dense_seeds"] == []
    assert (manifest["format"], manifest["version"]) == (FORMAT, VERSION)
    assert manifest["untimed"] == ""
    assert manifest["tools"] == tools_of(plan.device.family)
    assert "not installed" not in manifest["tools"].values()


def test_no_entry_is_left_unchecked(built):
    checked = """
        format version tools device clock_mhz clock_from untimed model layers channels modes features
        beats_per_step classes head network_sha256 max_steps overrun rounding overflow cycles_per_step
        least_cycles_per_step cycles_follow_data latency_cycles steps_per_second multiplications_per_step
        multipliers schedule interface module formats ports top estimate shortfall rtlil_sha256 resources
        resources_from fmax_mhz dense_seeds files contents bytes
    """
    assert set(built[3]) == set(checked.split())


def test_the_verilog_begins_with_what_its_reader_must_know(built):
    network, _, folder, manifest = built
    comment = [line[3:] for line in (folder / "design.v").read_text().splitlines() if line.startswith("// ")]
    assert comment == header_of(manifest)
    text = " ".join(comment)
    for told in (
        manifest["tools"]["statespike"],
        network_digest(network),
        "9 bits with a sign, 8 of them behind the point",
        f"Longest sequence: {network.max_steps} steps",
        "overrun",
        manifest["rounding"],
        "Apache License 2.0",
    ):
        assert told in text


def test_a_network_without_a_limit_says_so():
    network = random_network("binary_s4d", 3, 2, 1, seed=1, pooling="last")
    manifest = manifest_of(network, plan_network(network, find_device("up5k")))
    assert (manifest["max_steps"], manifest["overrun"]) == (None, "without a limit")


@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-25f"])
def test_ports_of_a_boards_top_have_pins(name, tmp_path):
    network, target = random_network("binary_s4d", 3, 2, 1, seed=1), board(name)
    plan = plan_network(network, room_for(network, target))
    shell = BoardShell(BoardTop(Network(network, plan), Link.of(network), 12, target.device.features), target)
    source = write_rtlil(shell, tmp_path / "design.il")
    module, ports, _ = declared(convert_to_verilog(source))
    told = ports_of(rtlil_text(shell), target.pins)
    assert told == {
        "module": module,
        "ports": {port: entry | {"pin": target.pins[port]} for port, entry in ports.items()},
    }
