"""The modules of the kinds of arrays, units and heads that a configuration names."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from quantize.configuration import NetworkConfig
from statespike.models import heads
from statespike.models.ssm import DiagonalStateSpace, RealStateSpace, StateSpace
from statespike.models.units import (
    GatedSpikingUnit,
    IntegrateAndFireUnit,
    LeanGatedSpikingUnit,
    ResonateAndFireUnit,
    Unit,
    binary,
    without_spikes,
)

ARRAYS: dict[str, Callable[..., StateSpace]] = {
    "s4d": DiagonalStateSpace,
    "s4d_real": RealStateSpace,
}
"""Name of a kind of array -> its module, built as `DiagonalStateSpace` is."""

UNITS: dict[str, Callable[..., Unit]] = {
    "gsu": GatedSpikingUnit,
    "gsu_lean": LeanGatedSpikingUnit,
    "binary_s4d": binary,
    "spiking_ssm": IntegrateAndFireUnit,
    "prf": ResonateAndFireUnit,
    "s4d": without_spikes(functional.gelu),
    "tanh": without_spikes(torch.tanh),
    "sigmoid": without_spikes(torch.sigmoid),
}
"""Name of a model -> its unit, built from the number of channels and the surrogate derivative; of a ternary
kind also from its threshold in twentieths."""

HEADS: dict[str, Callable[[NetworkConfig, Tensor, Tensor | None], Tensor]] = {
    "mean": heads.mean,
    "last": heads.last,
    "every_step": heads.every_step,
    "running": heads.running,
}
"""Name of a head -> what the decoder reads, from (B, T, H) and the valid steps (B,) or None for all."""
