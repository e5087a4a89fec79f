"""The state of an unfinished training, so that an interrupted run ends with the weights of a whole one."""

import warnings
from dataclasses import asdict, dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from quantize.errors import StatespikeError
from quantize.files import write_whole
from quantize.reading import reading, require_file
from statespike.models.recipe import Recipe

MAGIC = b"statespike-training-state 1\n"
"""How a file begins; the SHA-256 of what PyTorch packed follows, then that itself.

PyTorch takes many a damaged file for a whole one, and a training that goes on from it fails much later."""


@dataclass
class Progress:
    """How far a training is, and its best epoch.

    Parameters
    ----------
    epochs : int
        Epochs done.
    best : int
        The epoch whose weights are kept, counted from 1; 0 before the first.
    accuracy : float
        Of that epoch on the validation set, 0 to 1.
    weights : dict
        The network's state after that epoch.
    """

    epochs: int
    best: int
    accuracy: float
    weights: dict[str, Tensor]

    def take(self, epoch: int, accuracy: float, network: nn.Module) -> None:
        """Note an epoch; of two that score alike the later one is kept."""
        self.epochs = epoch
        if accuracy >= self.accuracy or not self.best:
            self.best, self.accuracy = epoch, accuracy
            self.weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}


def save_state(
    path: Path,
    task: str,
    recipe: Recipe,
    progress: Progress,
    network: nn.Module,
    optimizer: Optimizer,
    schedule: LRScheduler,
) -> None:
    """Write the state after an epoch."""
    content = BytesIO()
    torch.save(
        {
            "task": task,
            "recipe": asdict(recipe),
            "progress": vars(progress),
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
        },
        content,
    )
    packed = content.getvalue()
    write_whole(path, MAGIC + sha256(packed).digest() + packed)


def load_state(
    path: Path, task: str, recipe: Recipe, network: nn.Module, optimizer: Optimizer, schedule: LRScheduler
) -> Progress:
    """Restore a training in place and return how far it is.

    Raises
    ------
    StatespikeError
        When the file is no training state, or the state of another task or recipe.
    """
    advice = "remove the file to start again, or name another"
    require_file(path, "name another file")
    with reading(path, "not a training state", advice):
        content = path.read_bytes()
    packed = content[len(MAGIC) + 32 :]
    if content[: len(MAGIC) + 32] != MAGIC + sha256(packed).digest():
        raise StatespikeError(f"{path}: not a training state of this version, or a damaged one; {advice}")
    with reading(path, "not a training state", advice):
        with warnings.catch_warnings(action="ignore"):  # of a damaged file, which is refused
            state = torch.load(BytesIO(packed), weights_only=True)
        # What an earlier version did not know had no effect in it, as by default.
        found = (state["task"], Recipe(**state["recipe"]))
        progress = Progress(**state["progress"])
    if found != (task, recipe):
        raise StatespikeError(
            f"{path}: the state of another task or recipe; give the options of that run, or another file"
        )
    with reading(path, "not the state of this training", advice):
        if not 1 <= progress.best <= progress.epochs <= recipe.epochs:
            raise ValueError(f"epoch {progress.best} of {progress.epochs} of {recipe.epochs}")
        network.load_state_dict(progress.weights)  # they suit it
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
    return progress
