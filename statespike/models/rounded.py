"""Fine-tuning on the numbers that integers can hold: rounded forwards, straight through backwards."""

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.func import functional_call

from quantize.calibration import Precision
from quantize.configuration import NetworkConfig
from quantize.convert import quantise
from quantize.inputs import input_format
from quantize.layers.array import ArraySpec
from quantize.rounded import rounded_tensors
from statespike.models.network import Network
from statespike.models.norm import ChannelNorm
from statespike.models.tasks.task import Sequences


class RoundedNetwork(nn.Module):
    """A network that computes with its tensors as words of `bits` bits would hold them.

    `quantize.rounded` says what those are, from the tensors as they stand at each call; the gradient goes to
    the tensors themselves as if nothing were rounded (a straight-through estimate).

    Parameters
    ----------
    network : Network
        What is trained; without shared poles and trained inputs, whose tensors a checkpoint does not have.
    bits : int
    arrays : list of ArraySpec
        Of each layer, as conversion made them for the network from which the training starts.
    """

    def __init__(self, network: Network, bits: int, arrays: list[ArraySpec]) -> None:
        super().__init__()
        self.network, self.bits, self.arrays = network, bits, arrays

    @property
    def config(self) -> NetworkConfig:
        """The network's."""
        return self.network.config

    @classmethod
    def calibrated(cls, network: Network, bits: int, samples: Sequences) -> Self:
        """With the scales that conversion chooses for the network as it stands.

        Raises
        ------
        StatespikeError
            If the network cannot be converted.
        """
        x = samples.x
        integers = quantise(network.to_checkpoint({}), x, input_format(x), Precision(bits), samples.lengths)
        return cls(network, bits, [block.array for block in integers.blocks])

    def train(self, mode: bool = True) -> Self:
        """Switch as any module, but for the batch norms: they go on with the statistics that they have.

        Conversion folds those; of a batch they would change with every word that rounding moves.
        """
        super().train(mode)
        for module in self.modules():
            if isinstance(module, ChannelNorm):
                module.eval()
        return self

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Classify sequences, as `Network.forward`."""
        tensors = dict(self.network.named_parameters())
        changed: dict[str, Any] = {}
        checkpoint = self.network.to_checkpoint({})
        for name, values in rounded_tensors(checkpoint, self.bits, self.arrays).items():
            moved = (torch.from_numpy(values) - tensors[name].detach()).to(tensors[name].dtype)
            table = f"{name}_moved"
            if table in dict(self.network.named_buffers()):
                # The ternary table of the same weights is not rounded.
                changed[table] = moved
            else:
                changed[name] = tensors[name] + moved
        result: Tensor = functional_call(self.network, changed, (x, lengths))
        return result
