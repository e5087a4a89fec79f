"""The state of an unfinished training, so that an interrupted run ends with the weights of a whole one."""

import pickle
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from quantize.errors import StatespikeError
from quantize.files import write_whole
from statespike.models.recipe import Recipe


def save_state(
    path: Path,
    task: str,
    recipe: Recipe,
    epochs_done: int,
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
            "epochs_done": epochs_done,
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
        },
        content,
    )
    write_whole(path, content.getvalue())


def load_state(
    path: Path, task: str, recipe: Recipe, network: nn.Module, optimizer: Optimizer, schedule: LRScheduler
) -> int:
    """Restore a training in place and return how many epochs it has done.

    Raises
    ------
    StatespikeError
        When the file is no training state, or the state of another task or recipe.
    """
    try:
        state = torch.load(path, weights_only=True)
        found = (state["task"], state["recipe"])
        epochs_done = int(state["epochs_done"])
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, KeyError, TypeError) as error:
        raise StatespikeError(f"{path}: not a training state; remove the file to start again") from error
    if found != (task, asdict(recipe)):
        raise StatespikeError(
            f"{path}: the state of another task or recipe; give the options of that run, or another file"
        )
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    return epochs_done
