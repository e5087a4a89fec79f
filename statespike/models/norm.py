"""What normalises a block: over all steps of a channel, or over the channels of a step."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class ChannelNorm(nn.BatchNorm1d):
    """BatchNorm over channels-last sequences (B, T, H); padded steps stay out of the statistics.

    Before a state-space model, or in a unit, a circuit folds it into a gain and an offset a channel.
    """

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """Normalise x (B, T, H); `valid` (B, T) is True on the steps that belong to a sequence."""
        if valid is None or not self.training:
            return super().forward(x.reshape(-1, x.shape[-1])).reshape(x.shape)
        result = torch.zeros_like(x)
        result[valid] = super().forward(x[valid])
        return result


class StepNorm(nn.LayerNorm):
    """LayerNorm over the channels of every step: it costs a circuit sums, a square root and a division."""

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """Normalise x (..., H); no step knows of another, so `valid` does not matter."""
        return super().forward(x)


NORMS: dict[str, Callable[[int], ChannelNorm | StepNorm]] = {"batch": ChannelNorm, "layer": StepNorm}
"""Kind of a norm (see `quantize.checkpoint.NetworkConfig`) -> its module, from the number of channels."""
