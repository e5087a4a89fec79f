"""Whole sets of sequences: both arithmetics, lengths, progress."""

import numpy as np
import pytest

from quantize import float_reference
from quantize.errors import StatespikeError
from quantize.evaluate import evaluate
from tests.networks import random_checkpoint, random_network, random_samples


def test_integers_are_those_of_the_reference():
    network = random_network("gsu", 5, 3, 2, seed=1)
    x = random_samples(230, 12, seed=2)
    lengths = np.random.default_rng(3).integers(1, 13, 230)
    done = []
    result = evaluate(network, x, lengths, done.append)
    expected = network.compute(network.input.quantise(x), lengths, taps=False).logits
    np.testing.assert_array_equal(result.logits, expected)
    assert done == [230]  # so few steps are one block
    assert result.accuracy(expected.argmax(1)) == 1.0
    assert result.accuracy(None) is None


def test_real_numbers_are_those_of_the_checkpoint():
    checkpoint = random_checkpoint("binary_s4d", 4, 2, 1, seed=4)
    x = random_samples(3, 9, seed=5)
    np.testing.assert_array_equal(
        evaluate(checkpoint, x).logits, float_reference.forward(checkpoint, x)["logits"]
    )


def test_data_must_suit_the_network():
    network = random_network("gsu", 3, 2, 1, seed=6, features=2)
    with pytest.raises(StatespikeError, match=r"the network takes \(sequences, steps, 2\)"):
        evaluate(network, random_samples(3, 9, seed=7))
