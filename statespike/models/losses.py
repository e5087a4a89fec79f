"""What a training makes small: a loss for each kind of outputs, over the answers that are labelled."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from quantize.answered import UNLABELLED
from quantize.answers import answer_counts, answer_steps
from statespike.models.network import Network
from statespike.models.tasks.task import Sequences


def answered(
    logits: Tensor, wanted: Tensor, lengths: Tensor | None, steps: int, stride: int | None
) -> tuple[Tensor, Tensor]:
    """Return the answers (n, classes) that have a label or a target, and those: (n,) or (n, classes).

    As `quantize.answered.Answered`.

    Parameters
    ----------
    logits : (B, classes), or (B, answers, classes) with a stride
    wanted : (B,) labels or (B, classes) targets; with an axis of steps behind the first, those of steps
    lengths : (B,), optional
    steps : int
        T of the batch.
    stride : int or None
    """
    if stride is None:
        return logits, wanted
    valid = np.full(len(logits), steps) if lengths is None else lengths.numpy()
    places = torch.from_numpy(answer_steps(valid, steps, stride))
    values = wanted.is_floating_point()
    of_steps = wanted.ndim == 2 + values
    if of_steps:
        chosen = wanted.take_along_dim(places[..., None] if values else places, 1)
    else:
        chosen = wanted[:, None].expand(*places.shape, *wanted.shape[1:])
    counted = torch.arange(places.shape[1]) < torch.from_numpy(answer_counts(valid, stride))[:, None]
    if values:
        counted = counted & ~chosen.isnan().any(-1)
    elif of_steps:
        counted = counted & (chosen != UNLABELLED)
    return logits[counted], chosen[counted]


@dataclass(frozen=True)
class Scale:
    """What a network's outputs are multiplied with, and what is added, to have the unit of the targets.

    Training goes on in units in which targets have a mean of 0 and a deviation of 1; afterwards the decoder
    takes the scale over, so that it gives the targets' unit.

    Parameters
    ----------
    factor, offset : (outputs,)
    """

    factor: Tensor
    offset: Tensor

    @classmethod
    def of(cls, sequences: Sequences, output: str) -> "Scale | None":
        """The scale of training sequences; None where outputs are no values."""
        if output != "regression" or sequences.targets is None:
            return None
        flat = sequences.targets.reshape(-1, sequences.targets.shape[-1])
        deviation = np.nanstd(flat, axis=0)
        factor = np.where(deviation > 0, deviation, 1.0)
        return cls(torch.from_numpy(factor).float(), torch.from_numpy(np.nanmean(flat, axis=0)).float())

    def applied(self, sequences: Sequences) -> Sequences:
        """Sequences with their targets in the unit of the training."""
        assert sequences.targets is not None
        targets = (sequences.targets - self.offset.numpy()) / self.factor.numpy()
        return replace(sequences, targets=targets)

    @torch.no_grad()
    def into(self, network: Network) -> None:
        """Let the decoder give the targets' unit."""
        network.decoder.weight.mul_(self.factor[:, None])
        network.decoder.bias.mul_(self.factor).add_(self.offset)

    @torch.no_grad()
    def out_of(self, network: Network) -> None:
        """Let a decoder that gives the targets' unit give that of the training."""
        network.decoder.weight.div_(self.factor[:, None])
        network.decoder.bias.sub_(self.offset).div_(self.factor)


Loss = Callable[[Tensor, Tensor, Tensor | None, float], Tensor]


def _of_classes(logits: Tensor, wanted: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
    return cross_entropy(logits, wanted, weights, label_smoothing=smoothing)


def _of_labels(logits: Tensor, wanted: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
    return binary_cross_entropy_with_logits(logits, wanted * (1 - smoothing) + smoothing / 2)


def _of_values(logits: Tensor, wanted: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
    return mse_loss(logits, wanted)


LOSSES: dict[str, Loss] = {
    "classification": _of_classes,
    "multi_label": _of_labels,
    "regression": _of_values,
}
"""What outputs are -> loss of (answers, labels or targets, class weights, label smoothing)."""
