"""Rounded tensors are what the integers compute with: the same words, and nearly the same y."""

from dataclasses import replace

import numpy as np
import pytest

from quantize import float_reference
from quantize.coefficients import mixer_words
from quantize.complex_modes import complex_modes
from quantize.configuration import MODELS
from quantize.convert import Precision, quantise
from quantize.formats import fixed_words
from quantize.rounded import rounded_tensors
from tests.networks import INPUT, random_checkpoint, random_samples

SAMPLES = random_samples(4, 60, seed=1)


def rounded(checkpoint, bits, array):
    tensors = rounded_tensors(checkpoint, bits, [array])
    assert set(tensors) <= set(checkpoint.tensors)
    return replace(
        checkpoint,
        tensors={
            name: tensors.get(name, value).astype(np.float32) for name, value in checkpoint.tensors.items()
        },
    )


def error(exact, found) -> float:
    return float(((exact - found) ** 2).sum() / (exact**2).sum())


@pytest.mark.parametrize("bits", [3, 4])
@pytest.mark.parametrize("seed", range(3))
def test_rounded_network_is_nearer_to_the_integers(bits, seed):
    checkpoint = random_checkpoint("gsu", 6, 4, 1, seed=seed)
    array = (network := quantise(checkpoint, SAMPLES, INPUT, Precision(bits))).blocks[0].array
    y = array.output.real(network.compute(INPUT.quantise(SAMPLES)).taps["array_0"])
    plain = error(y, float_reference.forward(checkpoint, SAMPLES)["array_0"])
    near = error(y, float_reference.forward(rounded(checkpoint, bits, array), SAMPLES)["array_0"])
    assert near < plain / 5


@pytest.mark.parametrize("discretisation", ["zoh", "bilinear"])
def test_poles_are_those_of_the_words(discretisation):
    drawn = random_checkpoint("gsu", 6, 4, 1, seed=2)
    checkpoint = replace(drawn, config=replace(drawn.config, discretisation=discretisation))
    array = quantise(checkpoint, SAMPLES, INPUT, Precision(4)).blocks[0].array
    poles = complex_modes(rounded(checkpoint, 4, array), 0).poles
    np.testing.assert_allclose(1.0 - np.abs(poles) ** 2, array.real_coefficients[0], rtol=1e-4)


def test_slow_modes_keep_the_stiffness_of_their_words():
    """Far smaller than that of fast modes, and yet no word of one scale: states have scales of their own."""
    checkpoint = random_checkpoint("gsu", 6, 4, 1, seed=2)
    name = "layers.0.ssm.log_dt"
    checkpoint.tensors[name] = np.log(np.geomspace(1e-3, 0.3, 6)).astype(np.float32)
    samples = random_samples(2, 3000, seed=1)
    array = quantise(checkpoint, samples, INPUT, Precision(4)).blocks[0].array
    poles = complex_modes(rounded(checkpoint, 4, array), 0).poles
    found, expected = np.abs(1.0 - poles) ** 2, array.real_coefficients[1]
    assert expected.min() < 1e-5 < 0.1 < expected.max()
    np.testing.assert_allclose(found, expected, rtol=0.05)


def test_few_bits_take_the_scale_of_least_error():
    weights = np.random.default_rng(3).normal(size=(2, 20, 20)) * [[[1.0]], [[0.2]]]
    weights[0, 0, 0] = 8.0  # at whose scale 3 bits would leave nothing of the others
    words, fraction = mixer_words(weights, 3)
    found = words * 2.0**-fraction
    for exact, rounded in zip(weights, found, strict=True):
        step = np.unique(np.abs(rounded))[1]
        assert np.log2(step) % 1 == 0 and (rounded % step == 0).all() and np.abs(rounded).max() <= 4 * step
        for other in (step / 2, step * 2):
            scaled = np.clip(np.floor(exact / other + 0.5), -4, 3) * other
            assert ((rounded - exact) ** 2).sum() <= ((scaled - exact) ** 2).sum()
    np.testing.assert_array_equal(mixer_words(weights, 8)[0], fixed_words(weights, 8)[0])


def test_encoder_and_decoder_do_without_few_bits():
    checkpoint = random_checkpoint("gsu", 6, 2, 1, seed=5)
    coarse, fine = (quantise(checkpoint, SAMPLES, INPUT, Precision(bits)) for bits in (3, 8))
    np.testing.assert_array_equal(coarse.decoder.weight, fine.decoder.weight)
    np.testing.assert_array_equal(coarse.encoder.weight, fine.encoder.weight)


@pytest.mark.parametrize("model", MODELS)
def test_mixers_keep_their_words(model):
    """Rounding what is rounded changes no word, and not the table of trits from the weights before."""
    checkpoint = random_checkpoint(model, 6, 2, 1, seed=5)
    once = quantise(checkpoint, SAMPLES, INPUT, Precision(4)).blocks[0]
    again = quantise(rounded(checkpoint, 4, once.array), SAMPLES, INPUT, Precision(4)).blocks[0]
    for name in ("weight", "value", "gate"):
        if hasattr(once.unit, name):
            words = [getattr(unit, name) * 2.0**-unit.weight_fraction for unit in (once.unit, again.unit)]
            np.testing.assert_array_equal(*words)
