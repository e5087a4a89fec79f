"""Scores: the figures of worked examples, and labels that no network knows."""

import numpy as np
import pytest

from quantize.convert import Precision, quantise
from quantize.errors import StatespikeError
from quantize.evaluate import evaluate
from quantize.scores import Classification, Regression, real_outputs
from tests.networks import INPUT, random_checkpoint, random_samples

CONFUSION = np.array([[20, 5, 0], [10, 15, 0], [0, 0, 0]])
"""Cohen's example of two judges, and a class that never comes."""


def labelled(confusion):
    """Labels and predictions that give a confusion matrix."""
    pairs = np.repeat(np.arange(confusion.size), confusion.ravel())
    return pairs // len(confusion), pairs % len(confusion)


def test_figures_of_a_worked_example():
    score = Classification.of(*labelled(CONFUSION), classes=3)
    np.testing.assert_array_equal(score.confusion, CONFUSION)
    assert score.accuracy == pytest.approx(0.7)
    assert score.kappa == pytest.approx(0.4)
    np.testing.assert_allclose(score.sensitivity, [0.8, 0.6, np.nan])
    np.testing.assert_allclose(score.predictivity, [2 / 3, 0.75, np.nan])
    assert score.macro_f1 == pytest.approx((8 / 11 + 2 / 3) / 2)
    figures = score.figures()
    assert figures["sensitivity"] == [0.8, 0.6, None]
    assert figures["confusion"] == CONFUSION.tolist()


def test_always_the_same_answer_is_worth_nothing():
    labels = np.array([0, 0, 0, 1])
    assert Classification.of(labels, np.zeros(4, int), 2).kappa == 0
    alone = Classification.of(np.zeros(4, int), np.zeros(4, int), 2)
    assert alone.accuracy == 1
    assert alone.figures()["kappa"] is None


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_of_no_class_are_refused(label):
    with pytest.raises(StatespikeError, match=f"label {label} is none of the network's 3 classes, 0 to 2"):
        Classification.of(np.array([0, label]), np.array([0, 1]), 3)


def test_errors_have_the_unit_of_the_targets():
    score = Regression.of(np.array([1.0, 2.0]), np.array([1.5, 4.0]))
    assert score.figures() == {
        "mean_squared_error": 2.125,
        "root_mean_squared_error": pytest.approx(2.125**0.5),
        "mean_absolute_error": 1.25,
        "explained_variance": -7.5,
    }


@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_real_outputs_are_those_of_real_numbers(pooling):
    checkpoint = random_checkpoint("s4d", 6, 3, 1, seed=2, pooling=pooling)
    network = quantise(checkpoint, random_samples(8, 16, seed=3), INPUT, Precision())
    x, lengths = random_samples(6, 16, seed=3), np.array([16, 1, 7, 16, 3, 12])
    real = evaluate(checkpoint, x, lengths).logits
    integers = evaluate(network, x, lengths).logits
    np.testing.assert_array_equal(real_outputs(checkpoint, real), real)
    np.testing.assert_allclose(real_outputs(network, integers), real, atol=0.05 * np.abs(real).max())
