"""Sequential MNIST and Fashion-MNIST: an image as 784 steps of one pixel, in raster or fixed shuffled order.

Both orders are those of Le, Jaitly and Hinton 2015, "A Simple Way to Initialize Recurrent Networks of
Rectified Linear Units". A pixel becomes pixel/256, not pixel/255: an exact binary fraction of eight bits, so
that the circuit's input is the float network's input to the last bit.
"""

from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.idx import FASHION, Images, data_location, read_images
from statespike.models.tasks.task import CALIBRATION_SEQUENCES, Sequences, Task, TaskError

CLASSES = 10
STEPS = 784
PERMUTATION_SEED = 92916
"""Of numpy's legacy generator, whose numbers never change. Wisdom et al. 2016, "Full-Capacity Unitary
Recurrent Neural Networks" (code stwisdom/urnn), chose it, and later papers took it over."""
SAMPLE = "smnist-sample.npz"
"""The first 400 test images and the first 128 training images of MNIST (CC BY-SA 3.0, LeCun & Cortes)."""


def pixel_order(permuted: bool) -> NDArray[np.intp]:
    """Return which pixel comes at which step: raster order, or the published permutation of it."""
    if not permuted:
        return np.arange(STEPS)
    return np.random.RandomState(PERMUTATION_SEED).permutation(STEPS)


def to_sequences(images: Images, order: NDArray[np.intp]) -> Sequences:
    """Turn images uint8 (n, 28, 28) into x float32 (n, 784, 1) with values of 0 to 255/256."""
    if images.pixels[0].size != STEPS:
        raise TaskError(f"images of {images.pixels.shape[1:]} pixels; sequential MNIST takes 28 x 28")
    x = images.pixels.reshape(-1, STEPS, 1)[:, order].astype(np.float32) / np.float32(256)
    return Sequences(x, images.labels.astype(np.int64))


def mnist_task(name: str, data: Path | None) -> Task:
    """Sequential MNIST in full: 60,000 training and 10,000 test images.

    Parameters
    ----------
    name : str
        "smnist" (raster order) or "psmnist" (permuted).
    data : Path, optional
        Where the images are, see `statespike.models.tasks.idx`.
    """
    order = pixel_order(name == "psmnist")
    location = data_location(data)

    return Task(
        name,
        features=1,
        classes=CLASSES,
        load_train=lambda: to_sequences(read_images(location, "train"), order),
        load_test=lambda: to_sequences(read_images(location, "t10k"), order),
        load_calibration=lambda: to_sequences(_sample("train"), order),
    )


def fashion_task(name: str, data: Path | None) -> Task:
    """Sequential Fashion-MNIST: ten kinds of clothes for digits, all else as in sequential MNIST.

    60,000 training and 10,000 test images (Xiao, Rasul and Vollgraf 2017, MIT licence).

    Parameters
    ----------
    name : str
    data : Path, optional
        Where the images are, see `statespike.models.tasks.idx`.
    """
    order = pixel_order(permuted=False)
    location = data_location(data)

    def train(count: int | None = None) -> Sequences:
        images = read_images(location, "train", FASHION)
        return to_sequences(Images(images.pixels[:count], images.labels[:count]), order)

    return Task(
        name,
        features=1,
        classes=CLASSES,
        load_train=train,
        load_test=lambda: to_sequences(read_images(location, "t10k", FASHION), order),
        load_calibration=lambda: train(CALIBRATION_SEQUENCES),
    )


def mnist_sample(name: str, data: Path | None) -> Task:
    """Sequential MNIST as it ships: 400 test images, and training images for calibration only.

    Parameters
    ----------
    name : str
        "smnist-sample" or "psmnist-sample".
    data : Path, optional
        Must not be given: the images are part of the package.
    """
    whole = name.removesuffix("-sample")
    if data is not None:
        raise TaskError(
            f"task {name} ships with its images, and reads none from {data}; use {whole} for that"
        )
    order = pixel_order(whole == "psmnist")

    def no_training_set() -> Sequences:
        raise TaskError(f"task {name} holds only {CALIBRATION_SEQUENCES} training images; train on {whole}")

    return Task(
        name,
        features=1,
        classes=CLASSES,
        load_train=no_training_set,
        load_test=lambda: to_sequences(_sample("test"), order),
        load_calibration=lambda: to_sequences(_sample("train"), order),
    )


def _sample(split: str) -> Images:
    with (
        (files("statespike.models.tasks") / SAMPLE).open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,
    ):
        return Images(arrays[f"{split}_images"], arrays[f"{split}_labels"])
