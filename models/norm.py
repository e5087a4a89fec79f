"""The normalisation over channels, which every circuit folds into a gain and an offset a channel."""

import torch
from torch import Tensor, nn


class ChannelNorm(nn.BatchNorm1d):
    """BatchNorm over channels-last sequences (B, T, H); padded steps stay out of the statistics."""

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """Normalise x (B, T, H); `valid` (B, T) is True on the steps that belong to a sequence."""
        if valid is None or not self.training:
            return super().forward(x.reshape(-1, x.shape[-1])).reshape(x.shape)
        result = torch.zeros_like(x)
        result[valid] = super().forward(x[valid])
        return result
