"""The benchmark's matrices are what their names say."""

import numpy as np
import pytest

from benchmarks.mixers import matrix
from quantize.errors import StatespikeError


@pytest.mark.parametrize(("name", "zeros"), [("half-64", 0.5), ("sparse-64", 0.8)])
def test_random_matrices_have_their_share_of_zeros(name, zeros):
    drawn = matrix(name, seed=0)
    assert drawn.shape == (64, 64)
    assert abs((drawn == 0).mean() - zeros) < 0.03
    assert (drawn == matrix(name, seed=0)).all()
    assert (drawn != matrix(name, seed=1)).any()


def test_trained_tables_are_ternary():
    table = matrix("gsu-1", seed=0)
    assert table.shape == (32, 32)
    assert set(np.unique(table)) == {-1, 0, 1}


@pytest.mark.parametrize("name", ["half", "half-", "other-8", "gsu-7"])
def test_unknown_matrices_are_told(name):
    with pytest.raises(StatespikeError, match=f"unknown matrix '{name}'; known are half-N, sparse-N"):
        matrix(name, seed=0)
