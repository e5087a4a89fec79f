"""Spikes, neurons and smooth activations, each by itself, equal their specification."""

import numpy as np
import pytest

from hdl.units.activations import IntegrateAndFire, Smooth, Spikes
from tests.hdl.bench import every_pressure, run_stream, step_beats
from tests.networks import random_network

pytestmark = pytest.mark.usefixtures("garbage_reads")

COMPONENTS = {
    "binary_s4d": Spikes,
    "prf": Spikes,
    "spiking_ssm": IntegrateAndFire,
    "s4d": Smooth,
    "tanh": Smooth,
    "sigmoid": Smooth,
}


def sequences_of(channels: int, seed: int) -> list[np.ndarray]:
    """y of two sequences, with silence, both ends of the word, and a slow climb."""
    generator = np.random.default_rng(seed)
    values = [generator.integers(-32768, 32768, (steps, channels)) for steps in (7, 5)]
    values[0][1], values[0][2], values[0][3] = 0, -32768, 32767
    values[1] //= 40
    return values


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("model", COMPONENTS)
def test_activations_equal_the_specification(model, channels):
    spec = random_network(model, channels, 2, 1, seed=channels).blocks[0].unit
    width = spec.activation_format.width if hasattr(spec, "activation_format") else 2
    seed, pressure = every_pressure(channels, list(COMPONENTS).index(model))
    sequences = sequences_of(channels, seed)
    payloads = [payload for y in sequences for payload in step_beats(y, 16)]
    expected = [payload for y in sequences for payload in step_beats(spec.activations(y), width)]
    got = run_stream(COMPONENTS[model](spec), payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize("model", COMPONENTS)
def test_a_beat_takes_the_cycles_promised(model):
    spec = random_network(model, 3, 2, 1, seed=3).blocks[0].unit
    got = run_stream(COMPONENTS[model](spec), step_beats(np.full((5, 3), 900), 16), 15)
    assert set(np.diff(got.cycles)) == {COMPONENTS[model].cycles_per_beat}
