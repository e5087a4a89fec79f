"""Pathfinder: paths that keep their distances, and two discs that are the tips of one path or of two."""

import numpy as np
import pytest

from statespike.models.tasks.pathfinder import SIZES, TEST, TRAIN, PathfinderSize, draw_sequences
from statespike.models.tasks.pathfinder_images import (
    CLEARANCE,
    DISC_DISTANCE,
    GAP,
    PADDING,
    SEGMENT,
    SEGMENTS,
    SIDE,
    START_DISTANCE,
    draw_images,
    last_target,
    place,
)
from statespike.models.tasks.registry import load_task
from statespike.models.tasks.task import TaskError

SEEDS = range(12)


def points_of(segments, count=21):
    """Points along each segment, (segments, count, 2)."""
    share = np.linspace(0, 1, count)[None, :, None]
    return segments[:, None, :2] * (1 - share) + segments[:, None, 2:] * share


@pytest.mark.parametrize("seed", SEEDS)
def test_paths_are_dashed_lines_that_keep_clear_of_each_other(seed):
    segments = place(seed, seed % 2 == 1)
    vectors = segments[:, 2:] - segments[:, :2]
    np.testing.assert_allclose(np.hypot(*vectors.T), SEGMENT)
    assert segments.min() >= PADDING
    assert segments.max() <= SIDE - PADDING
    np.testing.assert_allclose(np.hypot(*(segments[SEGMENTS, :2] - segments[0, :2])), START_DISTANCE)
    follows = np.ones(len(segments) - 1, bool)
    follows[[SEGMENTS - 1, *range(2 * SEGMENTS - 1, len(follows))]] = False
    gaps = np.hypot(*(segments[1:, :2] - segments[:-1, 2:]).T)
    np.testing.assert_allclose(gaps[follows], GAP)
    assert ((vectors[1:] * vectors[:-1]).sum(1)[follows] > 0).all()
    points = points_of(segments)
    between = points[:, None, :, None] - points[None, :, None, :]
    distances = np.hypot(between[..., 0], between[..., 1]).min((2, 3))
    apart = np.abs(np.subtract.outer(np.arange(len(segments)), np.arange(len(segments)))) > 1
    # Points lie a tenth apart, so the sampled distance is no less than the exact one.
    assert distances[apart].min() >= CLEARANCE
    assert distances[SEGMENTS - 1, SEGMENTS] >= CLEARANCE


@pytest.mark.parametrize("connected", [False, True])
def test_the_discs_are_where_the_label_says(connected):
    images = draw_images(12, TRAIN)[int(connected) :: 2]
    for number, image in enumerate(images):
        segments = place(2 * number + connected, connected)
        tips = segments[0, :2], segments[last_target(connected), 2:]
        assert np.hypot(*(tips[0] - tips[1])) >= DISC_DISTANCE
        for x, y in tips:
            assert image[int(y), int(x)] == 255
    assert last_target(connected) == (13 if connected else 27)


def test_the_same_images_whenever_they_are_drawn():
    images = draw_images(8, TEST)
    np.testing.assert_array_equal(draw_images(3, TEST), images[:3])
    assert not (draw_images(8, TRAIN) == images).all((1, 2)).any()


def test_images_become_sequences_of_exact_fractions():
    sequences = draw_sequences(6, TRAIN)
    assert sequences.x.shape == (6, 1024, 1)
    assert sequences.x.dtype == np.float32
    assert sequences.y is not None
    assert sequences.y.tolist() == [0, 1, 0, 1, 0, 1]
    np.testing.assert_array_equal(sequences.x[:, :, 0] * 256, draw_images(6, TRAIN).reshape(6, 1024))


def test_the_tasks_sets(monkeypatch, tmp_path):
    monkeypatch.setitem(SIZES, "pathfinder-small", PathfinderSize(130, 4))
    task = load_task("pathfinder-small")
    assert (task.features, task.classes, len(task.train), len(task.test)) == (1, 2, 130, 4)
    np.testing.assert_array_equal(task.calibration.x, task.train.x[:128])
    with pytest.raises(TaskError, match="task pathfinder is drawn by its rule"):
        load_task("pathfinder", tmp_path)
