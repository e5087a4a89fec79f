"""The units' integers: what each adds to the arithmetic that all networks are compared by."""

import numpy as np
import pytest

from quantize.kinds import UNITS
from quantize.layers.functions import mixed_width
from tests.networks import random_checkpoint, random_network

FULL = np.random.default_rng(0).integers(-32768, 32768, (2, 30, 7))


def unit_of(model: str, channels: int = 7, seed: int = 0):
    return random_network(model, channels, 2, 1, seed=seed).blocks[0].unit


def test_neuron_integrates_fires_and_forgets():
    """The recurrence written out for one neuron and one step at a time."""
    unit = unit_of("spiking_ssm")
    spikes = unit.activations(FULL)
    for sequence, channel in ((0, 0), (1, 6)):
        potential, fired = 0, []
        for y in FULL[sequence, :, channel]:
            potential = min(max(((potential + 4) >> 3) + int(y), -32768), 32767)
            fired.append(potential >= unit.threshold[channel])
            potential = 0 if fired[-1] else potential
        assert spikes[sequence, :, channel].tolist() == fired


def test_neuron_fires_at_its_threshold_and_not_below():
    unit = unit_of("spiking_ssm")
    at = unit.threshold[None, None]
    assert unit.activations(at).all()
    assert not unit.activations(at - 1).any()


def test_neuron_sums_up_what_alone_would_not_do():
    unit = unit_of("spiking_ssm")
    y = np.repeat((unit.threshold - 1)[None, None], 2, axis=1)
    spikes = unit.activations(y)
    assert not spikes[:, 0].any()
    assert spikes[:, 1].all()


def test_potential_saturates():
    unit = unit_of("spiking_ssm")
    y = np.full((1, 3, 7), -32768)
    y[:, 2] = unit.threshold + 4096  # an eighth of -32768, no more
    assert unit.activations(y)[0, 2].all()
    y[:, 2] -= 1
    assert not unit.activations(y)[0, 2].any()


@pytest.mark.parametrize("model", ["tanh", "sigmoid", "s4d"])
def test_smooth_activations_are_near_their_functions(model):
    """Unit by unit: the same y through the integers and through the real unit."""
    unit = unit_of(model)
    checkpoint = random_checkpoint(model, 7, 2, 1, seed=0)
    y = FULL >> 2
    exact = UNITS[model].reference(checkpoint, "layers.0.unit", unit.input.real(y))
    error = np.abs(unit.output.real(unit.compute(y)) - exact)
    assert np.sqrt((error**2).mean()) < 0.02 * np.sqrt((exact**2).mean())


@pytest.mark.parametrize("width", [2, 5, 9])
def test_no_sum_exceeds_its_width(width):
    generator = np.random.default_rng(width)
    matrix = generator.integers(-128, 128, (9, 4))
    bias = generator.integers(-300, 300, 4)
    largest = 1 if width == 2 else 1 << (width - 1)
    extreme = np.sign(matrix) * largest
    sums = np.abs((extreme * matrix).sum(0)) + np.abs(bias)
    bits = mixed_width(matrix, bias, width)
    assert 1 << (bits - 2) <= sums.max() < 1 << (bits - 1)


def test_resonator_fires_above_one():
    unit = unit_of("prf")
    one = 1 << unit.input.fraction
    assert unit.activations(np.array([one, one + 1, -one])).tolist() == [0, 1, 0]


def test_lean_unit_keeps_the_scale_of_y():
    """Twice the y, far from the threshold, is twice the gate: block floating point would forget it."""
    unit = unit_of("gsu_lean")
    y = (np.random.default_rng(1).integers(2000, 8000, (20, 7)) // 32) * 32
    y = np.maximum(y, unit.threshold + 32) // 32 * 32 + 32
    single, double = unit.products(y), unit.products(2 * y)
    np.testing.assert_array_equal(double, 2 * single)
