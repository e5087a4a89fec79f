"""The state of an unfinished training, so that an interrupted run ends with the weights of a whole one."""

import pickle
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from quantize.errors import StatespikeError
from quantize.files import write_whole
from statespike.models.recipe import Recipe


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
    write_whole(path, content.getvalue())


def load_state(
    path: Path, task: str, recipe: Recipe, network: nn.Module, optimizer: Optimizer, schedule: LRScheduler
) -> Progress:
    """Restore a training in place and return how far it is.

    Raises
    ------
    StatespikeError
        When the file is no training state, or the state of another task or recipe.
    """
    try:
        state = torch.load(path, weights_only=True)
        found = (state["task"], state["recipe"])
        progress = Progress(**state["progress"])
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, KeyError, TypeError) as error:
        raise StatespikeError(f"{path}: not a training state; remove the file to start again") from error
    if found != (task, asdict(recipe)):
        raise StatespikeError(
            f"{path}: the state of another task or recipe; give the options of that run, or another file"
        )
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    return progress
