"""Traces: the same signals with the same values from every simulator, as VCD and as FST."""

import numpy as np
import pytest

from benchmarks.waveform import main as draw_trace
from benchmarks.waveform import read_vcd
from hdl.network.folding import Folding, LayerFolding
from hdl.network.top import Network
from hdl.ssm.component import ArrayFolding
from quantize.errors import StatespikeError
from sim.backends import backend
from sim.ports import ports_of
from sim.stimulus import Stimulus
from sim.waves import CYCLE_NS, require_writer, waves_of, write_waves
from tests.networks import random_network

FOLDING = Folding((LayerFolding(ArrayFolding(2), 2),), encoder_bits=None)


@pytest.fixture(scope="module")
def network():
    return random_network("binary_s4d", 4, 2, 1, seed=1, features=2)


@pytest.fixture(scope="module")
def steps():
    return np.random.default_rng(2).integers(-256, 256, (4, 2))


@pytest.fixture(scope="module")
def recorded(network, steps, builds):
    """Makes the recorded run of a simulator, once."""
    runs = {}

    def make(name):
        if name not in runs:
            design = Network(network, FOLDING, taps=True)
            stimulus = Stimulus([steps], input_gaps=0.3, output_stalls=0.3, seed=3)
            runs[name] = backend(name).prepare(design, builds)(stimulus, record=True)
        return runs[name]

    return make


@pytest.fixture(scope="module")
def waves(network, recorded):
    return waves_of(recorded("amaranth"), ports_of(Network(network, FOLDING, taps=True)), network)


COSIM = [
    pytest.param("icarus", marks=pytest.mark.cosim),
    *(pytest.param(name, marks=[pytest.mark.cosim, pytest.mark.slow]) for name in ("cxxrtl", "verilated")),
]


@pytest.mark.parametrize("name", COSIM)
def test_every_simulator_records_the_same(recorded, name):
    assert np.array_equal(recorded(name).recording, recorded("amaranth").recording)


def test_layers_have_their_values_by_the_names_of_the_architecture(network, steps, waves):
    found = {f"{wave.scope}.{wave.name}": wave.values for wave in waves}
    trace = network.compute(steps[None])
    for tap, scope in (
        ("encoder", "network.encoder"),
        ("array_0", "network.layer_0.array"),
        ("layer_0", "network.layer_0.output"),
    ):
        moved = found[f"{scope}.valid"] != 0
        assert np.array_equal(found[f"{scope}.word"][moved], trace.taps[tap].reshape(-1))
        real = network.tap_formats()[tap].real(trace.taps[tap]).reshape(-1)
        assert np.array_equal(found[f"{scope}.value"][moved], real)
        assert np.array_equal(found[f"{scope}.step"][moved], np.repeat(np.arange(4), network.channels))
        assert np.array_equal(found[f"{scope}.place"][moved], np.tile(np.arange(network.channels), 4))
    for port, words in (("i", steps.reshape(-1)), ("o", trace.logits[0])):
        moved = (found[f"network.{port}.valid"] & found[f"network.{port}.ready"]) != 0
        assert np.array_equal(found[f"network.{port}.word"][moved], words)


def in_cycles(changes, cycles, kind):
    values = np.zeros(cycles, dtype=kind)
    for time, value in changes:
        values[time // CYCLE_NS :] = kind(value)
    return values


def test_a_vcd_file_has_every_value(waves, tmp_path):
    write_waves(tmp_path / "run.vcd", waves)
    found = read_vcd(tmp_path / "run.vcd")
    assert found.keys() == {"network.clk", *(f"{wave.scope}.{wave.name}" for wave in waves)}
    for wave in waves:
        _, changes = found[f"{wave.scope}.{wave.name}"]
        read = in_cycles(changes, len(wave.values), int if wave.width else float)
        expected = wave.values & ((1 << wave.width) - 1) if wave.width else wave.values
        assert np.allclose(read, expected, rtol=1e-14, atol=0), wave  # 16 digits of a real number


def test_an_fst_file_has_every_value(waves, tmp_path):
    from pylibfst import get_scopes_signals2, helpers, lib

    write_waves(tmp_path / "run.fst", waves)
    reader = lib.fstReaderOpen(str(tmp_path / "run.fst").encode())
    _, signals = get_scopes_signals2(reader)
    by_handle = {signal.handle: name for name, signal in signals.by_name.items()}
    changes = {name: [] for name in signals.by_name}

    def seen(_, time, handle, value):
        changes[by_handle[handle]].append((time, helpers.string(value)))

    lib.fstReaderSetFacProcessMaskAll(reader)
    helpers.fstReaderIterBlocks(reader, seen)
    lib.fstReaderClose(reader)
    assert changes.keys() == {"network.clk", *(f"{wave.scope}.{wave.name}" for wave in waves)}
    for wave in waves:
        pairs = changes[f"{wave.scope}.{wave.name}"]
        if wave.width:
            read = in_cycles([(time, int(bits, 2)) for time, bits in pairs], len(wave.values), int)
            assert np.array_equal(read, wave.values & ((1 << wave.width) - 1)), wave
        else:
            read = in_cycles(pairs, len(wave.values), float)
            assert np.allclose(read, wave.values, rtol=1e-14, atol=0), wave


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(StatespikeError, match=r"a trace is a .vcd or .fst file, not run.txt"):
        require_writer(tmp_path / "run.txt")


def test_a_trace_is_drawn_the_same_every_time(waves, tmp_path, monkeypatch):
    write_waves(tmp_path / "run.vcd", waves)
    for name in ("one.svg", "two.svg"):
        arguments = [
            "waveform",
            str(tmp_path / "run.vcd"),
            "i.valid",
            "encoder.value",
            "-o",
            str(tmp_path / name),
        ]
        monkeypatch.setattr("sys.argv", arguments)
        draw_trace()
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "encoder.value" in (tmp_path / "one.svg").read_text()
