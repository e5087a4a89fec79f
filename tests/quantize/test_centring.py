"""Offsets bring the mean of what an array gives to that of real numbers."""

from dataclasses import replace

import numpy as np
import pytest

from quantize import real
from quantize.centring import centred
from quantize.convert import Precision, quantise
from tests.networks import INPUT, random_checkpoint, random_samples

SAMPLES = random_samples(4, 200, seed=1)


def mean_errors(array, x, y):
    found, _ = array.compute(x)
    return np.abs((array.output.real(found) - y).mean((0, 1)))


@pytest.mark.parametrize("seed", range(3))
def test_no_channel_is_further_from_its_mean_and_most_are_nearer(seed):
    checkpoint = random_checkpoint("binary_s4d", 6, 4, 1, seed=seed)
    network = quantise(checkpoint, SAMPLES, INPUT, Precision(4))
    y = real.forward(checkpoint, SAMPLES)["array_0"]
    x = network.encoder.compute(network.encoder.inputs(SAMPLES))
    # As rounding alone would leave it, and far off.
    space = real.state_space(checkpoint, 0)
    given = network.blocks[0].array
    plain = replace(given, offset=given.input.quantise(space.offset) + 40)
    before, after = mean_errors(plain, x, y), mean_errors(centred(plain, x, y), x, y)
    assert (after <= before).all()
    assert after.mean() < before.mean() / 4


def test_steps_behind_a_sequence_do_not_count():
    checkpoint = random_checkpoint("binary_s4d", 6, 4, 1, seed=1)
    array = quantise(checkpoint, SAMPLES, INPUT, Precision(8)).blocks[0].array
    x = np.random.default_rng(2).integers(-3000, 3000, (4, 50, 6))
    y = array.output.real(array.compute(x)[0])
    lengths = np.array([50, 20, 1, 30])
    padded = y.copy()
    for sequence, length in enumerate(lengths):
        padded[sequence, length:] = 1e3
    assert (centred(array, x, padded, lengths).offset == array.offset).all()


def test_a_channel_that_gives_nothing_keeps_its_offset():
    checkpoint = random_checkpoint("binary_s4d", 6, 4, 1, seed=1)
    array = quantise(checkpoint, SAMPLES, INPUT, Precision(8)).blocks[0].array
    silent = replace(
        array,
        skip=np.zeros_like(array.skip),
        position_weight=np.zeros_like(array.position_weight),
        velocity_weight=np.zeros_like(array.velocity_weight),
    )
    x = np.random.default_rng(2).integers(-3000, 3000, (4, 50, 6))
    assert (centred(silent, x, np.ones((4, 50, 6))).offset == array.offset).all()
