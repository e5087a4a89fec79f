"""The input's format: exact where the samples allow it."""

import numpy as np
import pytest

from quantize.errors import StatespikeError
from quantize.formats import Format
from quantize.inputs import input_format


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(256) / 256, Format(9, 8)),  # pixels
        (np.arange(17) / 16, Format(9, 7)),  # 1 itself needs a bit before the point
        (np.arange(-128, 128), Format(9, 1)),
        (np.arange(-256, 256), Format(9, 0)),
        (np.arange(-2048, 2048, 7), Format(12, 0)),
        (np.array([-3e4, 1.0]), Format(16, 0)),
        (np.array([2.0**-24, 0.0]), Format(9, 31)),
    ],
)
def test_digitised_samples_are_held_exactly(values, expected):
    found = input_format(values)
    assert found == expected
    np.testing.assert_array_equal(found.real(found.quantise(values)), values)


def test_other_samples_get_the_widest_format_with_headroom():
    values = np.random.default_rng(3).normal(0, 1, 1000)
    found = input_format(values)
    assert found.width == 16
    assert found.real(found.maximum) > 1.2 * np.abs(values).max()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.empty((0, 5, 1)), "there are no calibration samples"),
        (np.array([1.0, np.nan]), r"holds nan at index \(1,\)"),
        (np.zeros(3), "samples is 0, and"),
        (np.array([1e-9, 3e-9]), "samples is 3e-09, and"),
        (np.array([3e30]), r"samples is 3e\+30, and"),
    ],
)
def test_samples_without_a_range_are_refused(values, told):
    with pytest.raises(StatespikeError, match=told):
        input_format(values)


def test_the_format_is_that_of_all_samples_together(monkeypatch):
    monkeypatch.setattr("quantize.blocks.MOST_VALUES", 1)
    assert input_format(np.array([[0.5], [-3.0], [0.25]])) == Format(9, 6)
