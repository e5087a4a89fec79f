"""The kinds of arrays, units and heads that a checkpoint may have: what becomes of each in numbers.

A kind is registered here and, for training, in `statespike.models.kinds`. Its component in `hdl` names the
specification that it builds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quantize import float_layers, heads, shapes, units
from quantize.complex_modes import complex_modes, leapfrog_array, rounded_complex_modes
from quantize.constants import FIRE_THRESHOLD
from quantize.formats import Format, Integers
from quantize.layers.array import ArraySpec
from quantize.layers.ends import DecoderSpec, LabelDecoderSpec, PoolSpec, ValueDecoderSpec
from quantize.layers.glu import FireGluSpec, GeluGluSpec, SpikeGluSpec, TanhGluSpec
from quantize.layers.gsu import GsuSpec, LeanGsuSpec
from quantize.layers.head import HeadSpec
from quantize.layers.leapfrog import LeapfrogSpec
from quantize.layers.linear import SpikeLinearSpec
from quantize.layers.real_modes import RealModesSpec
from quantize.layers.repeated import EveryStepSpec, RunningSpec
from quantize.layers.unit import UnitSpec
from quantize.real_modes import real_array, real_modes, rounded_real_modes
from quantize.shapes import Shape

if TYPE_CHECKING:  # a configuration names kinds, whose functions take what has a configuration
    from quantize.checkpoint import Checkpoint
    from quantize.configuration import NetworkConfig

Real = NDArray[np.float64]


class FloatArray(Protocol):
    """An array in real arithmetic, a BatchNorm before it folded in."""

    @property
    def offset(self) -> Real:
        """(H,), the normalisation's constant, added to the input."""

    def compute(self, x: Real) -> Real:
        """(sequences, steps, H) to the same shape."""


@dataclass(frozen=True)
class ArrayKind:
    """A kind of array.

    Parameters
    ----------
    tensors : callable (channels, modes) -> dict of name to shape
        Of a block's state-space model.
    specification : type of ArraySpec
    reference : callable (checkpoint, layer) -> FloatArray
    quantised : callable (array, x, largest, given, precision) -> ArraySpec
        From that array, what calibration gives it (integers in the format `given`), and the largest magnitude
        of its outputs in real numbers.
    rounded : callable (checkpoint, layer, bits, spec) -> dict of arrays
        Its tensors, by their names in a checkpoint, as words of so many bits hold them, at the scales that
        conversion chose in `spec`.
    """

    tensors: Callable[[int, int], dict[str, Shape]]
    specification: type[ArraySpec]
    reference: Callable[[Checkpoint, int], FloatArray]
    quantised: Callable[..., ArraySpec]
    rounded: Callable[..., dict[str, Real]]


@dataclass(frozen=True)
class UnitKind:
    """A kind of unit.

    Parameters
    ----------
    tensors : callable (channels) -> dict of name to shape
        Of a block's part behind the state-space model.
    specification : type of UnitSpec
    reference : callable (checkpoint, prefix, y) -> array
        The unit over (sequences, steps, H), from the checkpoint's tensors below a prefix.
    quantised : callable (checkpoint, prefix, given, stream, y, precision) -> UnitSpec
    spike_threshold : float, optional
        In units of y, of a unit whose activations are y beside a constant threshold, and no more.
    bias_share : float
        Conversion moves so much of the sums of the weights into the biases.
    ternary : bool
        Weights, or activations too, become ternary by a share of their largest magnitude.
    """

    tensors: Callable[[int], dict[str, Shape]]
    specification: type[UnitSpec]
    reference: Callable[[Checkpoint, str, Real], Real]
    quantised: Callable[..., UnitSpec]
    spike_threshold: float | None = None
    bias_share: float = 0.0
    ternary: bool = False


@dataclass(frozen=True)
class HeadKind:
    """A kind of head.

    Parameters
    ----------
    specification : type of HeadSpec
    reference : callable (config, x, lengths) -> array
        From (sequences, steps, H) to (sequences, H), or (sequences, answers, H) with a stride.
    quantised : callable (config, given, max_steps) -> HeadSpec
        `given` is the format of what it pools; sequences have up to `max_steps` steps, where that matters.
    """

    specification: type[HeadSpec]
    reference: Callable[[NetworkConfig, Real, Integers], Real]
    quantised: Callable[[NetworkConfig, Format, int], HeadSpec]


def _glu(activation: Callable[[Real], Real]) -> Callable[[Checkpoint, str, Real], Any]:
    return partial(float_layers.glu, activation)


ARRAYS: dict[str, ArrayKind] = {
    "s4d": ArrayKind(
        shapes.complex_modes, LeapfrogSpec, complex_modes, leapfrog_array, rounded_complex_modes
    ),
    "s4d_real": ArrayKind(shapes.real_modes, RealModesSpec, real_modes, real_array, rounded_real_modes),
}
"""Name of a kind in a configuration -> what it is."""

UNITS: dict[str, UnitKind] = {
    "gsu": UnitKind(
        shapes.gated_spiking_unit, GsuSpec, float_layers.gated_spiking_unit, units.gsu, ternary=True
    ),
    "gsu_lean": UnitKind(
        shapes.lean_gated_spiking_unit, LeanGsuSpec, float_layers.lean_gated_spiking_unit, units.lean_gsu,
        ternary=True,
    ),
    "binary_s4d": UnitKind(
        shapes.gated_linear_unit, SpikeGluSpec, _glu(float_layers.spikes), units.spike_glu,
        spike_threshold=float(SpikeGluSpec.threshold),
    ),
    "spiking_ssm": UnitKind(
        shapes.integrate_and_fire_unit, FireGluSpec, float_layers.integrate_and_fire_unit, units.fire_glu
    ),
    "prf": UnitKind(
        shapes.resonate_and_fire_unit, SpikeLinearSpec, float_layers.resonate_and_fire_unit,
        units.spike_linear, spike_threshold=float(FIRE_THRESHOLD),
    ),
    "s4d": UnitKind(shapes.gated_linear_unit, GeluGluSpec, _glu(float_layers.gelu), units.gelu_glu),
    "tanh": UnitKind(shapes.gated_linear_unit, TanhGluSpec, _glu(np.tanh), units.tanh_glu),
    "sigmoid": UnitKind(
        shapes.gated_linear_unit, TanhGluSpec, _glu(float_layers.sigmoid), units.sigmoid_glu, bias_share=0.5
    ),
}  # fmt: skip
"""Name of a model -> its unit."""

HEADS: dict[str, HeadKind] = {
    "mean": HeadKind(PoolSpec, heads.mean, heads.pool),
    "last": HeadKind(PoolSpec, heads.last, heads.pool),
    "every_step": HeadKind(EveryStepSpec, heads.every_step, heads.every_step_head),
    "running": HeadKind(RunningSpec, heads.running, heads.running_head),
}
"""Name of a head -> what it is."""


@dataclass(frozen=True)
class OutputKind:
    """What outputs are.

    Parameters
    ----------
    specification : type of DecoderSpec
    width : int
        Bits of the decoder's words. A value is read as it is, where of scores only their order counts.
    """

    specification: type[DecoderSpec]
    width: int


OUTPUTS: dict[str, OutputKind] = {
    "classification": OutputKind(DecoderSpec, 8),
    "multi_label": OutputKind(LabelDecoderSpec, 8),
    "regression": OutputKind(ValueDecoderSpec, 12),
}
"""Name of what outputs are -> their decoder."""
