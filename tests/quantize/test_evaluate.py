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


@pytest.mark.parametrize("read", [random_network, random_checkpoint])
@pytest.mark.parametrize(
    ("x", "lengths", "said"),
    [
        (np.array([[[0.5], [np.nan]]]), None, r"holds nan at index \(0, 1, 0\)"),
        (np.array([[[np.inf]]]), None, "holds inf at index"),
        (np.array([[[1 + 1j]]]), None, "of type complex128; it must hold real numbers"),
        (np.array([[["1"]]]), None, "it must hold real numbers"),
        (np.zeros((2, 0, 1)), None, r"has shape \(2, 0, 1\)"),
        (np.zeros((2, 3, 1)), [0, 3], "lengths go from 0 to 3"),
        (np.zeros((2, 3, 1)), [1, 4], "lengths go from 1 to 4; they must lie between 1 and the 3 steps"),
        (np.zeros((2, 3, 1)), [1], r"lengths have shape \(1,\)"),
        (np.zeros((2, 3, 1)), [1.0, 3.0], "and type float64; give one integer for each of the 2 sequences"),
    ],
)
def test_both_arithmetics_refuse_what_is_no_set_of_sequences(read, x, lengths, said):
    with pytest.raises(StatespikeError, match=said):
        evaluate(read("tanh", 3, 2, 1, seed=8), x, lengths)


@pytest.mark.parametrize(
    "changed",
    [
        lambda x: x.astype(np.float16),
        lambda x: x.astype(">f8"),
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: x[::-1][::-1],
    ],
)
def test_how_an_array_lies_in_memory_changes_nothing(changed):
    network, x = random_network("gsu", 3, 2, 1, seed=9, features=2), random_samples(4, 7, 2, seed=10)
    np.testing.assert_array_equal(evaluate(network, changed(x)).logits, evaluate(network, x).logits)
