"""Pathfinder: are two discs in an image the tips of one dashed path? An image is 1,024 steps of one pixel.

The task is that of Linsley et al. 2018, "Learning long-range spatial dependencies with horizontal gated
recurrent units", with the settings of the Long Range Arena for 32 x 32 pixels. The generator is our own and
places segments by exact distances: its images are of the same kind as the published ones, not the same ones.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from statespike.models.tasks.task import CALIBRATION_SEQUENCES, Sequences, Task, refuse_files

TRAIN, TEST = 0, 1


@dataclass(frozen=True)
class PathfinderSize:
    """How many images there are."""

    train: int
    test: int


SIZES = {"pathfinder": PathfinderSize(160_000, 20_000), "pathfinder-small": PathfinderSize(20_000, 2_000)}
"""Name of a task -> its size. The first is the Long Range Arena's, less its validation set."""


def pathfinder_task(name: str, data: Path | None) -> Task:
    """Drawn images: the same ones whenever they are drawn; the small task's are the first of the large one.

    Parameters
    ----------
    name : str
        One of `SIZES`.
    data : Path, optional
        Must not be given: there are no files.
    """
    refuse_files(name, data)
    size = SIZES[name]
    return Task(
        name,
        features=1,
        classes=2,
        load_train=lambda: draw_sequences(size.train, TRAIN),
        load_test=lambda: draw_sequences(size.test, TEST),
        load_calibration=lambda: draw_sequences(CALIBRATION_SEQUENCES, TRAIN),
    )


def draw_sequences(count: int, split: int) -> Sequences:
    """Draw x float32 (count, 1024, 1) with values of 0 to 255/256; labels alternate."""
    # With numba, which no other task shall wait for.
    from statespike.models.tasks.pathfinder_images import LEVELS, draw_images

    pixels = draw_images(count, split).reshape(count, -1, 1)
    return Sequences(pixels.astype(np.float32) / np.float32(LEVELS), np.arange(count) % 2)
