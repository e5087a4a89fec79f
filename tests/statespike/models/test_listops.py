"""ListOps: expressions drawn by the published rule, and their answers."""

import numpy as np
import pytest

from statespike.models.tasks.listops import SIZES, TOKENS, ListOpsSize, answer, draw_expressions, to_sequences
from statespike.models.tasks.registry import load_task
from statespike.models.tasks.task import TaskError

SMALL = ListOpsSize(shortest=5, longest=40, train=0, test=0)


def parse(text):
    return bytes(TOKENS.index(word) for word in text.split())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("[MIN 4 2 9 ]", 2),
        ("[MAX 4 2 9 ]", 9),
        ("[SM 4 2 9 ]", 5),
        ("[MED 4 2 9 ]", 4),
        ("[MED 3 2 9 0 ]", 2),
        ("[MED 9 8 ]", 8),
        ("[MAX 4 [MIN 2 3 ] 1 [SM 5 [MED 6 8 7 ] 3 ] ]", 5),
    ],
)
def test_answers(text, value):
    assert answer(parse(text)) == value


def test_the_same_expressions_whenever_they_are_drawn():
    expressions = draw_expressions(SMALL, 30, "test")
    assert draw_expressions(SMALL, 10, "test") == expressions[:10]
    assert draw_expressions(SMALL, 30, "train") != expressions


def test_no_expression_comes_twice():
    # Two digits in an operation: a few hundred expressions are all there are of four tokens.
    tiny = ListOpsSize(shortest=4, longest=4, train=0, test=0)
    first = draw_expressions(tiny, 150, "test")
    second = draw_expressions(tiny, 150, "train", without=first)
    assert len({*first, *second}) == 300


def test_expressions_follow_the_grammar():
    for expression in draw_expressions(SMALL, 200, "test"):
        assert SMALL.shortest <= len(expression) <= SMALL.longest
        levels = []
        for position, token in enumerate(expression):
            word = TOKENS[token]
            if word == "]":
                assert 2 <= levels.pop() <= 10
                assert bool(levels) == (position < len(expression) - 1)
            else:
                if levels:
                    levels[-1] += 1
                if word.startswith("["):
                    levels.append(0)
                    assert len(levels) < 10
        assert not levels


def test_operations_and_digits_are_equally_likely_among_themselves():
    tokens = np.frombuffer(b"".join(draw_expressions(SMALL, 1000, "test")), np.uint8)
    counts = np.bincount(tokens, minlength=len(TOKENS))
    digits, operations = counts[:10], counts[10:14]
    assert counts[14] == operations.sum()
    for group in (digits, operations):
        # Five standard deviations of a binomial count.
        assert np.abs(group - group.mean()).max() < 5 * np.sqrt(group.mean())


def test_steps_are_one_hot_and_zero_behind_the_end():
    expressions = [parse("[MIN 4 2 9 ]"), parse("7")]
    sequences = to_sequences(expressions, 8)
    assert sequences.x.shape == (2, 8, 15)
    assert sequences.x.dtype == np.float32
    assert sequences.y.tolist() == [2, 7]
    assert sequences.lengths.tolist() == [5, 1]
    for x, expression in zip(sequences.x, expressions, strict=True):
        np.testing.assert_array_equal(x[: len(expression)].argmax(1), list(expression))
        np.testing.assert_array_equal(x.sum(1), np.arange(8) < len(expression))


def test_a_part_of_the_sequences_is_that_part():
    sequences = to_sequences(draw_expressions(SMALL, 5, "test"), 40)
    part = sequences.take(np.array([3, 1]))
    assert (len(sequences), len(part)) == (5, 2)
    np.testing.assert_array_equal(part.x, sequences.x[[3, 1]])
    np.testing.assert_array_equal(part.y, sequences.y[[3, 1]])
    np.testing.assert_array_equal(part.lengths, sequences.lengths[[3, 1]])


def test_the_task_trains_and_tests_on_different_expressions(monkeypatch):
    monkeypatch.setitem(SIZES, "listops-short", ListOpsSize(5, 30, 200, 40))
    task = load_task("listops-short")
    assert (task.features, task.classes) == (15, 10)
    assert (task.train.x.shape, task.test.x.shape) == ((200, 30, 15), (40, 30, 15))
    rows = np.concatenate([task.train.x, task.test.x])
    assert len(np.unique(rows, axis=0)) == 240
    np.testing.assert_array_equal(task.calibration.x, task.train.x[:128])


def test_long_expressions_are_those_of_the_long_range_arena():
    size = SIZES["listops"]
    lengths = [len(expression) for expression in draw_expressions(size, 10, "test")]
    assert min(lengths) > 500
    assert max(lengths) < 2000


def test_a_place_for_data_is_refused(tmp_path):
    with pytest.raises(TaskError, match="task listops is drawn by its rule"):
        load_task("listops", tmp_path)
