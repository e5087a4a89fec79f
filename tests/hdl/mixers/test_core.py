"""A ternary matrix becomes the core that was asked for, and its test bench finds faults."""

import re

import numpy as np
import pytest

from hdl.devices.devices import find_device
from hdl.mixers import core as cores
from hdl.mixers.core import BUILDS, VECTOR_BUILDS, MixerCore, mixer_core
from hdl.mixers.folder import manifest_of, write_core
from hdl.mixers.verilog_bench import EXPECTED, INPUTS, TEST_BENCH, bench_files, vectors_of
from hdl.toolchain.tools import run_tool
from quantize.errors import StatespikeError
from quantize.mixing import TernaryProduct
from tests.hdl.bench import Pressure, run_stream

HX8K, ECP5 = find_device("hx8k"), find_device("ecp5-25k")


def product_of(inputs: int, outputs: int, seed: int = 0, width: int = 6) -> TernaryProduct:
    return TernaryProduct(np.random.default_rng(seed).integers(-1, 2, (inputs, outputs)), width)


@pytest.mark.parametrize("device", [HX8K, ECP5])
@pytest.mark.parametrize("build", BUILDS)
def test_core_is_of_the_build_that_was_asked_for(build, device):
    core = mixer_core(product_of(7, 5), device, build)
    assert core.choice.build == build
    assert core.vectors == (build in VECTOR_BUILDS)


@pytest.mark.parametrize("build", [*BUILDS, "cheapest"])
def test_vectors_of_the_test_bench_are_what_the_core_computes(build):
    core = mixer_core(product_of(7, 5), HX8K, build)
    files = bench_files(core)
    payloads, expected = ([int(line, 16) for line in files[name].split()] for name in (INPUTS, EXPECTED))
    got = run_stream(core.mixer(), payloads, len(expected), [Pressure(0.3, 0.3)], seed=1)
    assert got.payloads == expected


def test_vectors_have_the_extremes_of_the_format():
    x = vectors_of(mixer_core(product_of(3, 2), HX8K, "table"))
    assert (x.min(), x.max()) == (-32, 31)


def test_fewer_cycles_never_take_fewer_look_up_tables():
    product = product_of(16, 12)
    taken = [mixer_core(product, HX8K, cycles=cycles).choice for cycles in (1, 20, 100, None)]
    assert taken[0].build == "parallel"
    assert [choice.estimate.lut for choice in taken] == sorted(
        (one.estimate.lut for one in taken), reverse=True
    )


def test_what_cannot_be_is_refused():
    product = product_of(7, 5)
    with pytest.raises(
        StatespikeError, match="unknown build 'wide'; choose one of parallel, serial, table, event"
    ):
        mixer_core(product, HX8K, "wide")
    with pytest.raises(StatespikeError, match="no mixer takes 2 cycles a product; the fastest takes"):
        mixer_core(product, HX8K, "serial", cycles=2)


def test_large_matrices_have_no_graph(monkeypatch):
    monkeypatch.setattr(cores, "MOST_IN_GRAPH", 34)
    core = mixer_core(product_of(7, 5), HX8K, cycles=100)
    assert core.choice.build in ("table", "event")
    assert core.passed_over == VECTOR_BUILDS
    for build in VECTOR_BUILDS:
        with pytest.raises(
            StatespikeError, match=f"a {build} mixer is made of matrices of 34 entries at most"
        ):
            mixer_core(product_of(7, 5), HX8K, build)


@pytest.mark.parametrize("build", BUILDS)
def test_manifest_tells_ports_and_cost(build):
    core = mixer_core(product_of(7, 5), HX8K, build)
    manifest = manifest_of(core, 0.25, core.rtlil())
    assert manifest["scale"] == 0.25
    assert manifest["cycles_per_product"] == core.choice.cycles
    assert manifest["estimate"]["lut"] == core.choice.estimate.lut
    for port, width, count in (("i", 6, 7), ("o", core.product.sum_width, 5)):
        bits = [
            place
            for ends in manifest["ports"][f"{port}__payload"].values()
            for place in range(ends[0], ends[1] + 1)
        ]
        assert bits == list(range(2 + width * (count if core.vectors else 1)))
        assert re.search(rf"wire width {len(bits)} .*\\{port}__payload\n", core.rtlil())
    assert (manifest["latency_cycles"] is None) == (build == "event")


def simulated(core: MixerCore, folder, monkeypatch) -> str:
    """What the test bench prints in Icarus."""
    tb = folder / "tb"
    run_tool("iverilog", ["-g2012", "-o", "mixer_tb", TEST_BENCH, "../design.v"], tb, "icarus.log")
    monkeypatch.setenv("IVERILOG", "vvp")
    run_tool("iverilog", ["-n", "mixer_tb"], tb, "run.log")
    return (tb / "run.log").read_text()


@pytest.mark.cosim
@pytest.mark.parametrize("build", BUILDS)
def test_test_bench_passes_in_icarus(build, tmp_path, monkeypatch):
    core = mixer_core(product_of(9, 4, seed=3), ECP5, build)
    write_core(core, tmp_path / "core")
    assert "PASS: 24 products" in simulated(core, tmp_path / "core", monkeypatch)


@pytest.mark.cosim
def test_test_bench_finds_another_matrix(tmp_path, monkeypatch):
    core = mixer_core(product_of(9, 4, seed=3), ECP5, "table")
    write_core(core, tmp_path / "core")
    other = product_of(9, 4, seed=4)
    files = bench_files(mixer_core(other, ECP5, "table"))
    (tmp_path / "core" / "tb" / EXPECTED).write_text(files[EXPECTED])
    with pytest.raises(StatespikeError):
        simulated(core, tmp_path / "core", monkeypatch)
    assert "FAIL: transfer" in (tmp_path / "core" / "tb" / "run.log").read_text()
