"""Held-out sequences: a share of every class, whatever the order of the labels."""

import numpy as np
import pytest

from statespike.models.tasks.split import held_out


@pytest.mark.parametrize("labels", [np.arange(200) % 10, np.repeat(np.arange(10), 20)])
def test_every_class_gives_its_share(labels):
    drawn = held_out(labels, every=10, least=1)
    assert np.bincount(labels[drawn]).tolist() == [2] * 10


def test_the_seed_decides():
    labels = np.random.default_rng(1).integers(0, 4, 300)
    first = held_out(labels, 10, 1, seed=3)
    np.testing.assert_array_equal(first, held_out(labels, 10, 1, seed=3))
    assert (first != held_out(labels, 10, 1, seed=4)).any()


def test_a_small_class_gives_what_it_must_and_keeps_one():
    labels = np.array([0] * 100 + [1] * 3 + [2])
    assert np.bincount(labels[held_out(labels, 10, 1)], minlength=3).tolist() == [10, 1, 0]
    assert np.bincount(labels[held_out(labels, 10, 0)], minlength=3).tolist() == [10, 0, 0]
