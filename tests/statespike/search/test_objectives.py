"""Objectives, the front, and the volume below it."""

import numpy as np
import pytest

from benchmarks.synthetic import synthetic
from hdl.devices.devices import find_device
from quantize.errors import StatespikeError
from statespike.search.objectives import OBJECTIVES, front, hypervolume, objectives_of, values_of
from statespike.search.space import Specification
from statespike.search.trial import Result, Trial

TRIAL = Trial(Specification("s4d", "s4d", "mean", 1, 4, 2, 8, 7, 6, 14), 0, "digits", "up5k")


def test_every_objective_reads_a_result():
    values = values_of(synthetic(TRIAL).result, tuple(OBJECTIVES))
    assert values is not None and all(isinstance(value, float) for value in values)
    assert values_of(Result(failure="no"), tuple(OBJECTIVES)) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no objective is named"),
        ("error,lut,error", "named twice"),
        ("error,beauty", "unknown objective 'beauty'; choose one of error, lut"),
    ],
)
def test_objectives_that_cannot_be_are_refused(text, sentence):
    with pytest.raises(StatespikeError, match=sentence):
        objectives_of(text, find_device("up5k"))


def test_energy_is_an_objective_where_it_is_modelled():
    assert objectives_of("error,energy", find_device("up5k")) == ("error", "energy")
    with pytest.raises(StatespikeError, match="the energy of ecp5-25k is not modelled"):
        objectives_of("error,energy", find_device("ecp5-25k"))


def test_of_equal_points_the_first_is_on_the_front():
    points = [("a", (2, 1)), ("b", (1, 2)), ("c", (2, 1)), ("d", (2, 2))]
    assert front(points) == ["b", "a"]


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
def test_the_hypervolume_is_the_volume_of_the_boxes(dimensions):
    side, generator = 6, np.random.default_rng(dimensions)
    for count in (1, 3, 9):
        points = generator.integers(0, side + 1, (count, dimensions))
        cells = np.stack(np.meshgrid(*[np.arange(side)] * dimensions), -1).reshape(-1, dimensions)
        covered = (points[None] <= cells[:, None]).all(-1).any(-1).sum()
        assert hypervolume(points.astype(float), np.full(dimensions, float(side))) == covered
    assert hypervolume(np.empty((0, dimensions)), np.ones(dimensions)) == 0
