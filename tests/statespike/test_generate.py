"""generate, cost and build: folders that are whole or not there, figures, refusals."""

import json

import pytest

from quantize.file import save_network
from tests.networks import random_network

MANIFEST_KEYS = {
    "device", "cycles_per_step", "latency_cycles", "multiplications_per_step", "multipliers", "resources",
    "fmax_mhz", "ports", "formats", "schedule",
}  # fmt: skip
RESOURCES = {"lut", "ff", "bram", "spram", "dsp"}


def test_verilog_with_a_manifest(run, small, tmp_path):
    folder, figures = tmp_path / "build", tmp_path / "out.json"
    for _ in range(2):  # the second replaces the first
        result = run("generate", small, "--device", "up5k", "-o", folder, "--json", figures)
        assert result.exit_code == 0, result.output
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest == json.loads(figures.read_text())
    assert set(manifest) >= MANIFEST_KEYS
    assert set(manifest["resources"]) >= RESOURCES
    assert manifest["fmax_mhz"] == []
    assert (manifest["clock_from"], manifest["resources_from"]) == ("planned", "estimate")
    assert manifest["least_cycles_per_step"] <= manifest["cycles_per_step"]
    verilog = (folder / "design.v").read_text()
    for port in ("clk", "rst", "i__payload", "i__valid", "i__ready", "o__payload", "o__valid", "o__ready"):
        assert f" {port};" in verilog
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("build")] == ["build"]


def test_axi_stream_ports_by_name(run, small, tmp_path):
    names = ["--interface", "axis", "--name", "classifier", "--prefix", "nn_"]
    result = run("generate", small, *names, "-o", tmp_path / "build")
    assert result.exit_code == 0, result.output
    manifest = json.loads((tmp_path / "build" / "manifest.json").read_text())
    assert (manifest["interface"], manifest["module"]) == ("axis", "classifier")
    verilog = (tmp_path / "build" / "design.v").read_text()
    assert "module classifier(" in verilog
    for path in manifest["files"].values():
        assert (tmp_path / "build" / path).stat().st_size > 0
        assert path in manifest["contents"]
    assert manifest["rtlil_sha256"] in (tmp_path / "build" / manifest["files"]["header"]).read_text()
    for port in ("nn_s_axis_tdata", "nn_s_axis_tuser", "nn_m_axis_tdata", "nn_m_axis_tlast"):
        assert f" {port};" in verilog
        assert port in manifest["ports"]


def test_names_that_verilog_does_not_take(refuse, network, tmp_path):
    options = [network, "-o", tmp_path / "build"]
    assert "'reg' is a reserved word" in refuse("generate", *options, "--name", "reg")
    assert "is no identifier of Verilog" in refuse("generate", *options, "--prefix", "a b")
    assert "unknown interface 'ahb'; choose one of plain, axis" in refuse(
        "generate", *options, "--interface", "ahb"
    )


def test_a_folder_of_others_is_left_alone(refuse, network, tmp_path):
    (tmp_path / "thesis.tex").touch()
    assert "is not a build folder" in refuse("generate", network, "-o", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.slow
@pytest.mark.synth
def test_place_and_route(run, small, tmp_path):
    figures = tmp_path / "out.json"
    result = run("generate", small, "-o", tmp_path / "build", "--pnr", "--seeds", 2, "--json", figures)
    assert result.exit_code == 0, result.output
    manifest = json.loads(figures.read_text())
    assert manifest["resources_from"] == "synthesis"
    assert len(manifest["fmax_mhz"]) == 2
    assert min(manifest["fmax_mhz"]) > 10
    assert (manifest["clock_from"], manifest["clock_mhz"]) == ("measured", min(manifest["fmax_mhz"]))
    assert manifest["steps_per_second"] == manifest["clock_mhz"] * 1e6 / manifest["cycles_per_step"]
    for name in ("bram", "spram", "dsp"):
        assert manifest["resources"][name] == manifest["estimate"][name]


@pytest.fixture
def large(tmp_path):
    """A network of few operators whose states and coefficients overflow every iCE40."""
    path = tmp_path / "large.safetensors"
    save_network(random_network("prf", 32, 96, 1, seed=1), path)
    return path


def test_a_network_too_big_for_the_part(refuse, large, tmp_path):
    sentence = refuse("generate", large, "--device", "up5k", "-o", tmp_path / "build")
    assert "too big for up5k" in sentence
    assert "too many" in sentence
    assert not (tmp_path / "build").exists()


def test_a_circuit_that_does_not_fit_is_written_on_request(run, large, tmp_path):
    figures = tmp_path / "out.json"
    options = ["--device", "hx8k", "--oversize", "--explain", "--json", figures]
    result = run("generate", large, *options, "-o", tmp_path / "build")
    assert result.exit_code == 0, result.output
    assert "hx8k is too small for this circuit: it needs" in result.stderr
    manifest = json.loads(figures.read_text())
    assert any("block memories" in sentence for sentence in manifest["shortfall"])
    assert (tmp_path / "build" / "design.v").exists()
    assert [one["name"] for one in manifest["components"] if one["layer"] == 0][:2] == [
        "residual FIFO",
        "neuron array",
    ]
    assert "bottleneck" in result.stdout


def test_a_rate_out_of_reach(refuse, network, tmp_path):
    sentence = refuse("generate", network, "--rate", 1e9, "-o", tmp_path / "build")
    assert "cannot make 1e+09 steps a second of this network: the best circuit that fits makes" in sentence


def test_costs_say_what_is_short(run, large, tmp_path):
    figures = tmp_path / "out.json"
    result = run("cost", large, "--device", "hx8k", "--json", figures)
    assert result.exit_code == 0, result.output
    (short,) = [one["shortfall"] for one in json.loads(figures.read_text())["costs"]]
    assert short
    assert "short of" in result.stdout


def test_a_missing_tool(refuse, network, tmp_path, monkeypatch):
    monkeypatch.setenv("YOSYS", "absent-yosys")
    assert "absent-yosys is not installed" in refuse("generate", network, "-o", tmp_path / "build")
    assert not (tmp_path / "build").exists()


def test_costs_side_by_side(run, small, tmp_path):
    other, figures = tmp_path / "gated.safetensors", tmp_path / "out.json"
    save_network(random_network("gsu_lean", 3, 2, 1, seed=1), other)
    devices = ["--device", "up5k", "--device", "ecp5-25k"]
    result = run("cost", small, other, *devices, "--json", figures)
    assert result.exit_code == 0, result.output
    costs = json.loads(figures.read_text())["costs"]
    assert [(one["network"], one["device"]) for one in costs] == [
        (str(path), device) for path in (small, other) for device in ("up5k", "ecp5-25k")
    ]
    for one in costs:
        assert set(one["estimate"]) >= RESOURCES
        assert one["cycles_per_step"] > 0
        assert (one["clock_from"], one["resources_from"]) == ("planned", "estimate")
    for text in ("look-up tables", "cycles a step", "gated", "ecp5-25k", "clock: planned"):
        assert text in result.stdout
    assert "; measured: the slowest" not in result.stdout


@pytest.mark.slow
@pytest.mark.synth
def test_costs_measured(run, small, tmp_path):
    figures = tmp_path / "out.json"
    result = run("cost", small, "--pnr", "--seeds", 1, "--json", figures)
    assert result.exit_code == 0, result.output
    cost = json.loads(figures.read_text())["costs"][0]
    assert set(cost["measured"]) >= RESOURCES
    assert len(cost["fmax_mhz"]) == 1
    assert "measured" in result.stdout


@pytest.mark.slow
@pytest.mark.synth
def test_a_bitstream_for_a_board(run, small, tmp_path):
    folder, figures = tmp_path / "build", tmp_path / "out.json"
    result = run("build", small, "--board", "icebreaker", "--seeds", 1, "-o", folder, "--json", figures)
    assert result.exit_code == 0, result.output
    manifest = json.loads(figures.read_text())
    assert manifest["board"] == "icebreaker"
    assert (folder / manifest["bitstream"]).stat().st_size > 10_000
    assert (folder / "design.v").exists()


def test_a_clock_of_ones_own_is_planned_for(run, network, tmp_path):
    result = run("generate", network, "--clock", 50, "-o", tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["clock_mhz"], manifest["clock_from"]) == (50, "asked")
    assert manifest["steps_per_second"] == pytest.approx(50e6 / manifest["cycles_per_step"])
    assert "designs of this kind reach 48 MHz on up5k; whether this one reaches 50 MHz shows" in result.stderr


@pytest.mark.parametrize("clock", ["0", "-3", "nan", "500"])
def test_an_impossible_clock_is_refused(refuse, network, tmp_path, clock):
    said = refuse("generate", network, "--clock", clock, "-o", tmp_path / "out")
    assert "up5k cannot be clocked at" in said
    assert not (tmp_path / "out").exists()
