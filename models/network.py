"""The sequence classifier: encoder, pre-norm state-space blocks, pooling, decoder."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.recipe import DEFAULT_SURROGATES
from models.ssm import DiagonalStateSpace
from models.surrogates import surrogate
from models.units import UNITS
from quantize.checkpoint import Checkpoint, NetworkConfig

_NOT_STORED = "num_batches_tracked"


class ChannelNorm(nn.BatchNorm1d):
    """BatchNorm over channels-last sequences (B, T, H); padded steps stay out of the statistics."""

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """Normalise x (B, T, H); `valid` (B, T) is True on the steps that belong to a sequence."""
        if valid is None or not self.training:
            return super().forward(x.reshape(-1, x.shape[-1])).reshape(x.shape)
        result = torch.zeros_like(x)
        result[valid] = super().forward(x[valid])
        return result


class Block(nn.Module):
    """One residual block: x + unit(ssm(norm(x)))."""

    def __init__(self, config: NetworkConfig, surrogate_name: str) -> None:
        super().__init__()
        self.norm = ChannelNorm(config.channels)
        self.ssm = DiagonalStateSpace(
            config.channels, config.modes, config.discretisation, config.initialisation
        )
        self.unit = UNITS[config.model](config.channels, surrogate(surrogate_name))

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """Map x (B, T, H) to (B, T, H)."""
        result: Tensor = x + self.unit(self.ssm(self.norm(x, valid)))
        return result

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance by one step: x (B, H), state (B, H, N) -> (B, H), next state."""
        normalised = self.norm(x[:, None])[:, 0]
        y, state = self.ssm.step(normalised, state)
        return x + self.unit(y), state


class Network(nn.Module):
    """A sequence classifier.

    Parameters
    ----------
    config : NetworkConfig
    surrogate_name : str, optional
        Surrogate gradient of every step function; the model's default when not given.
    """

    def __init__(self, config: NetworkConfig, surrogate_name: str | None = None) -> None:
        super().__init__()
        chosen = surrogate_name or DEFAULT_SURROGATES[config.model]
        self.config = config
        self.encoder = nn.Linear(config.features, config.channels)
        self.layers = nn.ModuleList(Block(config, chosen) for _ in range(config.layers))
        self.norm = ChannelNorm(config.channels)
        self.decoder = nn.Linear(config.channels, config.classes)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Classify sequences.

        Parameters
        ----------
        x : Tensor (B, T, F)
        lengths : Tensor (B,), optional
            Valid steps of each sequence; all T when not given. What follows them has no influence.

        Returns
        -------
        Tensor (B, classes)
            Logits.
        """
        valid = None if lengths is None else torch.arange(x.shape[1]) < lengths[:, None]
        hidden = self.encoder(x)
        for layer in self.layers:
            hidden = layer(hidden, valid)
        logits: Tensor = self.decoder(self.pool(self.norm(hidden, valid), lengths, valid))
        return logits

    def pool(self, hidden: Tensor, lengths: Tensor | None, valid: Tensor | None) -> Tensor:
        """Reduce (B, T, H) to (B, H) over the valid steps."""
        if self.config.pooling == "last":
            last = torch.full((len(hidden),), hidden.shape[1]) if lengths is None else lengths
            return hidden[torch.arange(len(hidden)), last - 1]
        if lengths is None or valid is None:
            return hidden.mean(1)
        return (hidden * valid[..., None]).sum(1) / lengths[:, None]

    @property
    def parameter_count(self) -> int:
        """Trained numbers; the running statistics of the norms are not among them."""
        return sum(parameter.numel() for parameter in self.parameters())

    def to_checkpoint(self, provenance: dict[str, Any]) -> Checkpoint:
        """Return the network as plain arrays."""
        tensors = {
            name: tensor.detach().numpy().astype(np.float32, copy=True)
            for name, tensor in self.state_dict().items()
            if not name.endswith(_NOT_STORED)
        }
        return Checkpoint(self.config, tensors, provenance)

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> "Network":
        """Rebuild the network of a checkpoint, ready to infer (evaluation mode)."""
        network = cls(checkpoint.config)
        state = network.state_dict()
        for name, tensor in checkpoint.tensors.items():
            state[name] = torch.from_numpy(tensor.copy())
        network.load_state_dict(state)
        return network.eval()
