"""Tasks by name."""

import os
from collections.abc import Callable
from pathlib import Path

from quantize.errors import look_up
from statespike.models.tasks.digits import digits_task
from statespike.models.tasks.ecg import PROTOCOLS as ECG_PROTOCOLS
from statespike.models.tasks.ecg import ecg_task
from statespike.models.tasks.ecg_denoising import ecg_denoising_task
from statespike.models.tasks.keywords import keywords_task
from statespike.models.tasks.listops import SIZES as LISTOPS_SIZES
from statespike.models.tasks.listops import listops_task
from statespike.models.tasks.mnist import fashion_task, mnist_sample, mnist_task
from statespike.models.tasks.own import own_task
from statespike.models.tasks.pathfinder import SIZES as PATHFINDER_SIZES
from statespike.models.tasks.pathfinder import pathfinder_task
from statespike.models.tasks.readers import is_own_file, read_own
from statespike.models.tasks.spoken_digits import spoken_digits_task
from statespike.models.tasks.spoken_stream import spoken_stream_task
from statespike.models.tasks.task import Task

SAMPLE = "-sample"
"""Behind a task's name: the part of its test set that ships."""
TASKS: dict[str, Callable[[str, Path | None], Task]] = {
    "smnist": mnist_task,
    "psmnist": mnist_task,
    "smnist-sample": mnist_sample,
    "psmnist-sample": mnist_sample,
    "digits": digits_task,
    "fashion": fashion_task,
    "spoken_digits": spoken_digits_task,
    "spoken-stream": spoken_stream_task,
    **dict.fromkeys(ECG_PROTOCOLS, ecg_task),
    "ecg-denoising": ecg_denoising_task,
    "keywords": keywords_task,
    **dict.fromkeys(LISTOPS_SIZES, listops_task),
    **dict.fromkeys(PATHFINDER_SIZES, pathfinder_task),
}
"""Name of a task -> its maker, called with the name and where its data lies."""


def own_path(name: str | None, data: Path | None) -> Path | None:
    """Return the path of a user's own data that a task argument and --data mean; None for a task of `TASKS`.

    A file of sequences takes the place of a task's own; a folder does so where no task is named. The task
    argument itself may be a path.
    """
    if data is not None:
        return data if is_own_file(data) or name not in TASKS else None
    if name is None or name in TASKS:
        return None
    return Path(name) if is_own_file(Path(name)) or Path(name).exists() else None


def load_task(name: str, data: str | os.PathLike[str] | None = None) -> Task:
    """Return a task by name; its arrays are read when they are first used.

    Parameters
    ----------
    name : str
        One of `TASKS`, or the path of data of one's own: see `statespike.models.tasks.readers`.
    data : path, optional
        Where a task's files are, or data of one's own in the place of the task's.

    Raises
    ------
    StatespikeError
        If there is no such task, or its files are missing or cannot be used.

    Examples
    --------
    >>> import statespike
    >>> task = statespike.load_task("digits")
    >>> task.test.x.shape, task.classes
    ((360, 64, 1), 10)
    """
    path = None if data is None else Path(data)
    own = own_path(name, path)
    if own is not None:
        return own_task(read_own(own))
    return look_up(TASKS, name, "task", ", or give the path of data of your own")(name, path)
