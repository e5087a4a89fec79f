"""Offsets let channels exceed a threshold as often as in real numbers."""

from dataclasses import replace

import numpy as np
import pytest

from quantize import float_reference
from quantize.centring import centred
from quantize.convert import Precision, quantise
from tests.networks import INPUT, random_checkpoint, random_samples

SAMPLES = random_samples(4, 200, seed=1)


def array_of(seed):
    """An array, its input, and what real numbers would make of it."""
    checkpoint = random_checkpoint("binary_s4d", 6, 4, 1, seed=seed)
    network = quantise(checkpoint, SAMPLES, INPUT, Precision(4))
    x = network.encoder.compute(network.encoder.inputs(SAMPLES))
    return network.blocks[0].array, x, float_reference.forward(checkpoint, SAMPLES)["array_0"]


@pytest.mark.parametrize("threshold", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(3))
def test_channels_cross_a_threshold_as_often_as_real_ones(seed, threshold):
    array, x, y = array_of(seed)
    astray = replace(array, offset=array.offset + 400)

    def missing(found) -> int:
        spikes = array.output.real(found.compute(x)[0]) > threshold
        return int(np.abs(spikes.sum((0, 1)) - (y > threshold).sum((0, 1))).sum())

    wanted = (y > threshold).sum((0, 1))
    assert missing(centred(astray, x, wanted, threshold)) < missing(astray) / 2


def test_steps_behind_a_sequence_do_not_count():
    checkpoint = random_checkpoint("binary_s4d", 6, 4, 1, seed=1)
    array = quantise(checkpoint, SAMPLES, INPUT, Precision(8)).blocks[0].array
    x = np.random.default_rng(2).integers(-3000, 3000, (4, 50, 6))
    lengths = np.array([50, 20, 1, 30])
    valid = np.arange(50) < lengths[:, None]
    spikes = (array.outputs(x)[valid] > 0).sum(0)
    assert (centred(array, x, spikes, 0.0, lengths).offset == array.offset).all()


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
    assert (centred(silent, x, np.full(6, 4 * 50), 0.0).offset == array.offset).all()
