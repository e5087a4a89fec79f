"""The network: encoder, state-space blocks, head, decoder."""

from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from quantize.checkpoint import Checkpoint
from quantize.configuration import NetworkConfig
from quantize.errors import StatespikeError
from quantize.kinds import UNITS as UNIT_KINDS
from statespike.models.kinds import ARRAYS, HEADS, UNITS
from statespike.models.norm import NORMS
from statespike.models.recipe import model_defaults
from statespike.models.surrogates import Derivative, surrogate


def _is_left_out(name: str) -> bool:
    """Whether a checkpoint does without a tensor: a counter of the norms, or a B that goes into C."""
    return name.endswith(("num_batches_tracked", ".ssm.B"))


class BlockState(NamedTuple):
    """What a block keeps between steps: of its state-space model (B, H, N), and of its unit."""

    ssm: Tensor
    unit: Tensor


class Block(nn.Module):
    """One residual block: x + unit(ssm(norm(x))), or norm(x + unit(ssm(x))).

    In training, a share `dropout` of the unit's channels is left out, others for each sequence, the same ones
    at all its steps.
    """

    def __init__(
        self,
        config: NetworkConfig,
        layer: int,
        derivative: Derivative,
        dropout: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.pre_norm = config.norm_position == "pre"
        self.norm = NORMS[config.norm](config.channels)
        self.ssm = ARRAYS[config.arrays[layer]](
            config.channels, config.modes, config.discretisation, config.initialisation, **options
        )
        # The threshold of a unit that has none is not passed on.
        own = (config.twentieths,) if UNIT_KINDS[config.model].ternary else ()
        self.unit = UNITS[config.model](config.channels, derivative, *own)

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """Map x (B, T, H) to (B, T, H)."""
        given = self.norm(x, valid) if self.pre_norm else x
        out = self.unit(self.ssm(given), valid)
        if self.dropout:
            # Channels first: a mask for each sequence and channel.
            out = nn.functional.dropout1d(out.mT, self.dropout, self.training).mT
        result: Tensor = x + out
        return result if self.pre_norm else self.norm(result, valid)

    def initial_state(self, batch: int) -> BlockState:
        """Return the state before the first step of `batch` sequences."""
        return BlockState(self.ssm.initial_state(batch), self.unit.initial_state(batch))

    def step(self, x: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Advance by one step: x (B, H) and the state -> (B, H), next state."""
        given = self.norm(x[:, None])[:, 0] if self.pre_norm else x
        y, ssm_state = self.ssm.step(given, state.ssm)
        out, unit_state = self.unit.step(y, state.unit)
        result = x + out if self.pre_norm else self.norm((x + out)[:, None])[:, 0]
        return result, BlockState(ssm_state, unit_state)


class Network(nn.Module):
    """A network that reads sequences.

    Parameters
    ----------
    config : NetworkConfig
    surrogate_name : str, optional
        Surrogate gradient of every step function; the model's default when not given.
    **options
        `pole_sets` and `trained_input` of every state-space model, `dropout` of every `Block`: how it is
        trained, not what it is.
    """

    def __init__(self, config: NetworkConfig, surrogate_name: str | None = None, **options: Any) -> None:
        super().__init__()
        derivative = surrogate(surrogate_name or model_defaults(config.model).surrogate)
        self.config = config
        self.encoder = nn.Linear(config.features, config.channels)
        self.layers = nn.ModuleList(
            Block(config, layer, derivative, **options) for layer in range(config.layers)
        )
        self.norm = NORMS[config.final_norm](config.channels)
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
            Logits; (B, answers, classes) of a head with a stride, see `quantize.answers.answer_steps`.
        """
        valid = None if lengths is None else torch.arange(x.shape[1]) < lengths[:, None]
        hidden = self.encoder(x)
        for layer in self.layers:
            hidden = layer(hidden, valid)
        pooled = HEADS[self.config.pooling](self.config, self.norm(hidden, valid), lengths)
        logits: Tensor = self.decoder(pooled)
        return logits

    @property
    def parameter_count(self) -> int:
        """Trained numbers; the running statistics of the norms are not among them."""
        return sum(parameter.numel() for parameter in self.parameters())

    def to_checkpoint(self, provenance: dict[str, Any]) -> Checkpoint:
        """Return the network as plain arrays."""
        stored = {name: tensor for name, tensor in self.state_dict().items() if not _is_left_out(name)}
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, Block)
            tensors_of_ssm = layer.ssm.checkpoint_tensors()
            stored |= {f"layers.{index}.ssm.{name}": tensor for name, tensor in tensors_of_ssm.items()}
        tensors = {
            name: tensor.detach().cpu().numpy().astype(np.float32, copy=True)
            for name, tensor in stored.items()
        }
        return Checkpoint(self.config, tensors, provenance)

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> "Network":
        """Rebuild the network of a checkpoint, ready to infer (evaluation mode)."""
        network = cls(checkpoint.config)
        network.load_checkpoint(checkpoint)
        return network.eval()

    def inherit(self, checkpoint: Checkpoint) -> None:
        """Take over what a network of other sizes has in common with this one.

        Of a tensor of the same name and rank that is the part with the same indices: the first channels,
        modes and layers. The rest stays as it is.
        """
        state = self.state_dict()
        for name, tensor in checkpoint.tensors.items():
            own = state.get(name)
            if own is not None and own.ndim == tensor.ndim:
                shared = tuple(slice(min(sizes)) for sizes in zip(own.shape, tensor.shape, strict=True))
                own[shared] = torch.from_numpy(tensor[shared].copy())
        self.load_state_dict(state)

    def load_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Take over the tensors of a checkpoint.

        Raises
        ------
        StatespikeError
            If it is of another network.
        """
        state = self.state_dict()
        if checkpoint.config != self.config or any(name not in state for name in checkpoint.tensors):
            mine, its = asdict(self.config), asdict(checkpoint.config)
            differing = [name for name in mine if mine[name] != its[name]] or ["pole_sets or trained_input"]
            raise StatespikeError(
                f"the checkpoint is of another network ({', '.join(differing)}); "
                "train with the options that it was trained with"
            )
        for name, tensor in checkpoint.tensors.items():
            state[name] = torch.from_numpy(tensor.copy())
        self.load_state_dict(state)
