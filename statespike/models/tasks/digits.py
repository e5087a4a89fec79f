"""Digits: scikit-learn's 8 x 8 images as 64 steps, the task that trains in seconds."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from quantize.extras import how_to_get
from statespike.models.tasks.task import CALIBRATION_SEQUENCES, Sequences, Task, TaskError

TEST_SEQUENCES = 360
SPLIT_SEED = 0


def digits_task(name: str, data: Path | None) -> Task:
    """1,797 images of 64 steps of one pixel/16; 360 of them, drawn with a fixed seed, are the test set."""
    if data is not None:
        raise TaskError(f"task {name} comes with scikit-learn, not from {data}; leave --data out")
    order = np.random.default_rng(SPLIT_SEED).permutation(1797)

    def part(start: int, stop: int | None = None) -> Sequences:
        return _digits().take(order[start:stop])

    return Task(
        name,
        features=1,
        classes=10,
        load_train=lambda: part(TEST_SEQUENCES),
        load_test=lambda: part(0, TEST_SEQUENCES),
        load_calibration=lambda: part(TEST_SEQUENCES, TEST_SEQUENCES + CALIBRATION_SEQUENCES),
    )


def _digits() -> Sequences:
    # The package's file is read without importing the package, which takes most of a second.
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise TaskError(f"task digits needs scikit-learn; {how_to_get('sklearn')}")
    path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    try:
        rows = np.loadtxt(path, delimiter=",", dtype=np.int64)
    except OSError as error:
        raise TaskError(f"task digits cannot read {path}: {error.strerror or error}") from error
    return Sequences((rows[:, :64] / 16).astype(np.float32)[:, :, None], rows[:, 64])
