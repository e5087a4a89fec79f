"""simulate: equality is exit status 0, the first difference is exit status 1 and has a name."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from quantize.file import checksum, load_network, save_network
from quantize.states import write_states
from statespike.models import ZOO
from tests.networks import random_network

KEYS = {
    "bit_exact", "mismatches", "first_mismatch", "steps", "cycles", "cycles_per_step", "cycles_per_second",
}  # fmt: skip


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Where compiled circuits are shared between the tests."""
    return tmp_path_factory.mktemp("compiled")


@pytest.mark.cosim
def test_equal_to_the_last_bit_under_pauses(run, network, data, compiled, tmp_path):
    figures, logits = tmp_path / "out.json", tmp_path / "logits.npy"
    pauses = ["--input-gaps", 0.3, "--output-stalls", 0.3, "--seed", 7]
    result = run(
        "simulate",
        network,
        "--data",
        data,
        *pauses,
        "--keep",
        compiled,
        "--json",
        figures,
        "--logits",
        logits,
    )
    assert result.exit_code == 0, result.output
    assert "to the last bit" in result.stdout
    written = json.loads(figures.read_text())
    assert set(written) >= KEYS
    assert (written["bit_exact"], written["mismatches"], written["first_mismatch"]) == (True, 0, None)
    with np.load(data) as arrays:
        x, lengths = arrays["x"], arrays["lengths"]
    assert written["steps"] == lengths.sum()
    assert written["compared_values"] == lengths.sum() * 5 * 8 + len(x) * 10
    reference = load_network(network)
    expected = reference.compute(reference.input.quantise(x), lengths, taps=False).logits
    np.testing.assert_array_equal(np.load(logits), expected)


@pytest.mark.cosim
def test_one_flipped_bit_of_a_ternary_table_is_found_and_named(run, network, data, compiled, tmp_path):
    with safe_open(network, framework="numpy") as file:
        metadata = file.metadata()
    tensors = load_file(network)
    tensors["unit_1.table"][0, 2, 0] ^= 0x40  # plane of non-zeros, row 2, second column
    flipped, figures = tmp_path / "flipped.safetensors", tmp_path / "out.json"
    # Whoever flips a bit on purpose signs it: a file with another checksum would be refused.
    save_file(tensors, flipped, metadata | {"checksum": checksum(metadata, tensors)})
    result = run(
        "simulate", flipped, "--data", data, "--against", network, "--keep", compiled, "--json", figures
    )
    assert result.exit_code == 1, result.output
    written = json.loads(figures.read_text())
    first = written["first_mismatch"]
    assert not written["bit_exact"]
    assert first["layer"] == "layer_1"
    assert (
        f"layer layer_1, sequence {first['sequence']}, step {first['step']}, channel {first['channel']}: "
        f"expected {first['expected']}, got {first['got']}" in result.stdout
    )
    # The reference says where the two differ first.
    with np.load(data) as arrays:
        x, lengths = arrays["x"], arrays["lengths"]
    traces = [load_network(path) for path in (network, flipped)]
    taps = [one.compute(one.input.quantise(x), lengths).taps["layer_1"] for one in traces]
    place = np.argwhere(taps[0] != taps[1])[0]
    assert [first["sequence"], first["step"], first["channel"]] == place.tolist()


@pytest.mark.slow
@pytest.mark.cosim
@pytest.mark.parametrize("backend", ["amaranth", "verilator"])
def test_every_backend(run, data, backend, tmp_path):
    small = tmp_path / "small.safetensors"
    save_network(random_network("binary_s4d", 3, 2, 1, seed=1), small)
    result = run("simulate", small, "--data", data, "--limit", 2, "--backend", backend)
    assert result.exit_code == 0, result.output
    assert f"({backend}, " in result.stdout


@pytest.mark.exhaustive
@pytest.mark.synth
@pytest.mark.cosim
def test_the_shipped_network_after_synthesis_reads_an_image_as_its_reference_does(run):
    shipped = ZOO / "smnist-gsu.safetensors"
    options = ["--limit", 1, "--backend", "netlist", "--device", "up5k"]
    result = run("simulate", shipped, "smnist-sample", *options)
    assert result.exit_code == 0, result.output
    assert "all 20 values are equal" in result.stdout  # at full speed and with pauses


def test_networks_that_cannot_be_compared(refuse, network, data, tmp_path):
    other = tmp_path / "other.safetensors"
    save_network(random_network("gsu", 5, 3, 2, seed=1, classes=10), other)
    sentence = refuse("simulate", network, "--data", data, "--against", other)
    assert "cannot be compared: channels is 8 in one, 5 in the other" in sentence


def test_sequences_that_are_too_long(refuse, network, tmp_path):
    np.savez(tmp_path / "long.npz", x=np.zeros((1, 17, 1)))
    assert "a sequence of 17 steps is too long" in refuse(
        "simulate", network, "--data", tmp_path / "long.npz"
    )


def test_pauses_that_are_no_probabilities(refuse, network, data):
    assert "probability below 1" in refuse("simulate", network, "--data", data, "--output-stalls", 1.5)


def test_a_missing_compiler(refuse, network, data, monkeypatch):
    monkeypatch.setenv("G++", "absent-compiler")
    assert "absent-compiler is not installed" in refuse("simulate", network, "--data", data)


@pytest.mark.cosim
def test_a_sequence_in_two_calls_equals_one(run, refuse, compiled, tmp_path):
    network = random_network("prf", 2, 1, 1, seed=4, classes=2, pooling="running", stride=3, time_constant=4)
    save_network(network, tmp_path / "n.safetensors")
    x = np.random.default_rng(1).uniform(-1, 1, (1, 11, 1))
    parts = {name: tmp_path / f"{name}.npz" for name in ("begin", "end", "state")}
    np.savez(parts["begin"], x=x[:, :7])
    np.savez(parts["end"], x=x[:, 7:])
    logits = []
    for part, option in (("begin", "--save-state"), ("end", "--from-state")):
        result = run(
            "simulate", tmp_path / "n.safetensors", parts[part], option, parts["state"], "--keep", compiled,
            "--device", "ecp5-25k", "--logits", tmp_path / "y.npy", "--input-gaps", 0.4,
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        assert "to the last bit" in result.stdout
        logits.append(np.load(tmp_path / "y.npy"))
    np.testing.assert_array_equal(np.concatenate(logits), network.compute(network.inputs(x)).logits[0])
    arguments = ["simulate", tmp_path / "n.safetensors", parts["end"], "--from-state"]
    assert "no such file" in refuse(*arguments, parts["begin"].with_suffix(".txt"))
    write_states(tmp_path / "other.npz", {"position": np.array(7)})
    assert "other.npz: a saved session lacks 'array_0'" in refuse(
        *arguments, tmp_path / "other.npz", "--keep", compiled, "--device", "ecp5-25k"
    )
    assert "cannot save a circuit" in refuse(*arguments, parts["state"], "--backend", "amaranth")
    np.savez(parts["begin"], x=np.zeros((2, 3, 1)))
    assert "there are 2; add --limit 1" in refuse(
        "simulate", tmp_path / "n.safetensors", parts["begin"], "--save-state", parts["state"]
    )
