"""The mean over a sequence is exact at every length, and what is beyond the longest one is told."""

import numpy as np
import pytest

from quantize.calibration import Precision
from quantize.constants import MOST_STEPS
from quantize.convert import quantise
from quantize.formats import Format
from quantize.layers.ends import PoolSpec
from quantize.specification import QuantizedNetworkError
from tests.networks import INPUT, random_checkpoint, random_network, random_samples

STREAM = Format(16, 8)


@pytest.mark.parametrize("steps", [1, 2, 3, 8, 40, 1000, 4096, 65_535, 1 << 20])
@pytest.mark.parametrize("max_steps", [1 << 20, MOST_STEPS])
def test_a_mean_is_half_a_unit_off_at_most(steps, max_steps):
    values = np.random.default_rng(steps).integers(-(1 << 15), 1 << 15, (1, steps, 2))
    pooled = PoolSpec(STREAM, 2, 1, max_steps).compute(values, np.array([steps]))
    doubled = 2 * values.sum(1) - 2 * steps * pooled
    assert np.all((-steps <= doubled) & (doubled < steps + 1)), "halves are rounded upwards"


def test_the_longest_length_changes_no_logit():
    checkpoint = random_checkpoint("gsu", 4, 3, 1, seed=5, classes=4)
    samples = random_samples(3, 40, seed=5)
    lengths = np.array([40, 8, 1])
    logits = []
    for max_steps in (None, 40, 65_536, 1 << 20):
        network = quantise(checkpoint, samples, INPUT, Precision(), max_steps=max_steps)
        logits.append(network.compute(network.inputs(samples), lengths).logits)
    for found in logits[1:]:
        np.testing.assert_array_equal(found, logits[0])


def test_an_overrun_is_told_and_its_first_steps_count():
    network = random_network("gsu", 3, 2, 1, seed=2)
    assert network.max_steps == 32
    u = network.inputs(random_samples(3, 40, seed=2))
    lengths = np.array([32, 33, 40])
    trace = network.compute(u, lengths)
    np.testing.assert_array_equal(trace.overruns, [False, True, True])
    shortened = network.compute(u, np.minimum(lengths, 32))
    np.testing.assert_array_equal(trace.logits, shortened.logits)
    with pytest.raises(QuantizedNetworkError, match=r"a sequence of 40 steps is too long.*at most 32"):
        network.require_lengths(lengths)


def test_the_last_step_of_any_sequence_counts():
    network = random_network("gsu", 3, 2, 1, seed=2, pooling="last")
    assert network.max_steps is None
    network.require_lengths(np.array([1 << 40]))
    assert not network.compute(network.inputs(random_samples(1, 80, seed=2))).overruns.any()
