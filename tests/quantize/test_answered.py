"""Answers stand beside the labels and targets of their steps."""

import numpy as np
import pytest

from quantize.answered import UNLABELLED, Answered
from quantize.errors import StatespikeError
from quantize.scores import Regression, by_place, score_answers


def logits_of(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=float).reshape(shape)


def test_labels_of_steps_are_taken_where_answers_come():
    y = np.array([[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]])
    found = Answered.of(logits_of(2, 3, 2), y, np.array([5, 3]), 5, 2, of_steps=True)
    np.testing.assert_array_equal(found.wanted, [1, 3, 4, 6, 7])
    np.testing.assert_array_equal(found.place, [0, 1, 2, 0, 1])
    np.testing.assert_array_equal(found.last, [False, False, True, False, True])
    np.testing.assert_array_equal(found.outputs[:, 0], [0, 2, 4, 6, 8])


def test_a_label_of_a_sequence_is_that_of_each_answer():
    found = Answered.of(logits_of(2, 2, 1), np.array([3, 4]), None, 4, 2, of_steps=False)
    np.testing.assert_array_equal(found.wanted, [3, 3, 4, 4])
    once = Answered.of(logits_of(2, 3), np.array([3, 4]), None, 4, None, of_steps=False)
    np.testing.assert_array_equal(once.wanted, [3, 4])
    assert once.last.all()


def test_what_has_no_label_or_target_counts_nowhere():
    y = np.array([[0, UNLABELLED, 1]])
    found = Answered.of(logits_of(1, 3, 2), y, None, 3, 1, of_steps=True)
    np.testing.assert_array_equal(found.wanted, [0, 1])
    targets = np.array([[[1.0], [np.nan], [2.0]]])
    found = Answered.of(logits_of(1, 3, 1), targets, None, 3, 1, of_steps=True)
    np.testing.assert_array_equal(found.wanted, [[1], [2]])
    np.testing.assert_array_equal(found.outputs, [[0], [2]])


def test_labels_of_steps_need_answers_to_them():
    with pytest.raises(StatespikeError, match="a network with the head every_step or running"):
        Answered.of(logits_of(1, 2), np.zeros((1, 3), int), None, 3, None, of_steps=True)


def answered(outputs, wanted, place=None) -> Answered:
    outputs = np.asarray(outputs, dtype=float)
    place = np.zeros(len(outputs), int) if place is None else np.asarray(place)
    return Answered(outputs, np.asarray(wanted), place, place > 0)


def test_labels_of_which_several_may_hold_are_those_above_zero():
    score = score_answers(
        "multi_label", answered([[1, -1], [2, 3], [-1, -1], [-1, 1]], [[1.0, 0], [1, 0], [1, 0], [0, 1]])
    )
    assert (score.accuracy, score.exact) == (6 / 8, 2 / 4)
    np.testing.assert_allclose(score.f1, [4 / 5, 2 / 3])
    assert score.figures()["macro_f1"] == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_values_have_errors_in_their_unit():
    score = score_answers("regression", answered([[1.0], [2.0], [3.0]], [[1.0], [2.5], [3.0]]))
    assert isinstance(score, Regression)
    assert score.figures()["root_mean_squared_error"] == pytest.approx((0.25 / 3) ** 0.5)
    assert score.explained == pytest.approx(1 - (0.25 / 3) / np.var([1.0, 2.5, 3.0]))


def test_each_answer_of_a_sequence_is_scored_by_its_place():
    given = answered([[1, 0], [0, 1], [1, 0]], [0, 0, 1], [0, 0, 2])
    assert by_place("classification", given) == [0.5, None, 0.0]
    values = answered([[1.0], [2.0]], [[1.0], [4.0]], [0, 1])
    assert by_place("regression", values) == [0.0, 2.0]


@pytest.mark.parametrize(
    ("output", "wanted", "sentence"),
    [
        ("classification", [[0.5, 1.0]], "the network tells 2 classes apart; give labels from 0 on"),
        ("classification", [4], "label 4 is none of the network's 2 classes"),
        ("regression", [[0.5]], "y holds 1 values for an answer, and the network has 2 outputs"),
    ],
)
def test_what_does_not_fit_the_outputs_is_refused(output, wanted, sentence):
    with pytest.raises(StatespikeError, match=sentence):
        score_answers(output, answered([[1, 0]], wanted))
