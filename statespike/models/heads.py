"""The heads in PyTorch: from what a network computes at each step to what its decoder reads."""

import numpy as np
import torch
from torch import Tensor

from quantize.answers import answer_steps
from quantize.configuration import NetworkConfig


def mean(config: NetworkConfig, hidden: Tensor, lengths: Tensor | None) -> Tensor:
    """Mean over the valid steps: (B, T, H) to (B, H)."""
    if lengths is None:
        return hidden.mean(1)
    valid = torch.arange(hidden.shape[1]) < lengths[:, None]
    return (hidden * valid[..., None]).sum(1) / lengths[:, None]


def last(config: NetworkConfig, hidden: Tensor, lengths: Tensor | None) -> Tensor:
    """Last valid step: (B, T, H) to (B, H)."""
    end = torch.full((len(hidden),), hidden.shape[1]) if lengths is None else lengths
    return hidden[torch.arange(len(hidden)), end - 1]


def every_step(config: NetworkConfig, hidden: Tensor, lengths: Tensor | None) -> Tensor:
    """Each step as it is: (B, T, H) to (B, answers, H)."""
    if lengths is None:
        return hidden
    steps = _answer_steps(config, hidden, lengths)
    return hidden.take_along_dim(steps[..., None], 1)


def running(config: NetworkConfig, hidden: Tensor, lengths: Tensor | None) -> Tensor:
    """Leaky mean at every stride: (B, T, H) to (B, answers, H).

    The mean `m <- m + (x - m) / time_constant` as the weighted sum that it is, for the steps that are
    answered alone.
    """
    steps = _answer_steps(config, hidden, lengths)
    age = steps[..., None] - torch.arange(hidden.shape[1])
    share = 1 / config.time_constant
    weights = torch.where(age < 0, 0.0, share * (1 - share) ** age.clamp(min=0).double())
    weights[..., 0] /= share  # the mean begins with the first step's value
    return weights.to(hidden.dtype) @ hidden


def _answer_steps(config: NetworkConfig, hidden: Tensor, lengths: Tensor | None) -> Tensor:
    """Steps that answers follow, (B, answers); (1, answers) where all sequences are alike."""
    every = np.array([hidden.shape[1]]) if lengths is None else lengths.numpy()
    return torch.from_numpy(answer_steps(every, hidden.shape[1], config.answer_stride))
