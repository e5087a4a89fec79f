"""From a checkpoint's unit to its specification, calibrated on what the array before it gives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from quantize import float_layers
from quantize.blocks import blocks
from quantize.calibration import HEADROOM, Precision, StreamWords, format_for
from quantize.coefficients import finest_with, mixer_words
from quantize.constants import FIRE_THRESHOLD, LEAN_THRESHOLD
from quantize.formats import OPERAND_WIDTH, Format, fixed_words, nearest, requantise
from quantize.layers.functions import Gelu, Tanh
from quantize.layers.glu import (
    ACTIVATION_WIDTH,
    BIAS_WIDTH,
    SPIKE,
    FireGluSpec,
    GeluGluSpec,
    GluSpec,
    SpikeGluSpec,
    TanhGluSpec,
)
from quantize.layers.gsu import GsuSpec, LeanGsuSpec
from quantize.layers.linear import SpikeLinearSpec
from quantize.layers.norm import GAIN_WIDTH

if TYPE_CHECKING:  # a configuration names kinds, whose functions take what has a configuration
    from quantize.checkpoint import Checkpoint

AnyGlu = TypeVar("AnyGlu", bound=GluSpec)
Real = NDArray[np.float64]


def gsu(
    checkpoint: Checkpoint, prefix: str, given: Format, stream: Format, y: StreamWords, precision: Precision
) -> GsuSpec:
    weight, bias, gain, shift = float_layers.tensors(
        checkpoint, prefix, "weight", "bias", "norm.weight", "norm.bias"
    )
    words, fraction = mixer_words(weight, precision.mixers, finest_with(bias, OPERAND_WIDTH))
    gain_words, gain_fraction = fixed_words(gain, GAIN_WIDTH)
    unit = GsuSpec(
        input=given,
        output=stream,
        weight_fraction=fraction,
        product_shift=0,
        gain_fraction=gain_fraction,
        # From the real weights: rounding the words first would move some of them over the threshold.
        table=float_layers.ternary_weights(checkpoint, weight),
        weight=words,
        bias=nearest(bias, fraction),
        gain=gain_words,
        shift=Gelu().argument.quantise(shift),
        twentieths=checkpoint.config.twentieths,
    )
    largest = HEADROOM * max(
        float(np.abs(unit.products(y[part].astype(np.int64))).max()) for part in blocks(len(y), y[0].size)
    )
    product_shift = max(0, int(np.ceil(np.log2(max(largest, 1.0)))) - (unit.norm.input_width - 1))
    return replace(unit, product_shift=product_shift)


def lean_gsu(
    checkpoint: Checkpoint, prefix: str, given: Format, stream: Format, y: StreamWords, precision: Precision
) -> LeanGsuSpec:
    weight, bias = float_layers.tensors(checkpoint, prefix, "weight", "bias")
    gain, offset = float_layers.affine_norm(checkpoint, f"{prefix}.norm")
    finest = finest_with(bias * gain, OPERAND_WIDTH)
    words, fraction = mixer_words(weight * gain, precision.mixers, finest)
    return LeanGsuSpec(
        input=given,
        output=stream,
        weight_fraction=fraction,
        threshold=int(given.quantise(float(LEAN_THRESHOLD))),
        table=float_layers.ternary_weights(checkpoint, weight),
        weight=words,
        bias=nearest(bias * gain, fraction),
        offset=stream.quantise(offset),
    )


def _paths(checkpoint: Checkpoint, prefix: str) -> tuple[Real, Real]:
    """Weights (2, H, H), rows for inputs, and biases (2, H) of a gated linear unit: value, then gate."""
    value, gate, value_bias, gate_bias = float_layers.tensors(
        checkpoint, prefix, "value.weight", "gate.weight", "value.bias", "gate.bias"
    )
    return np.stack([value.T, gate.T]), np.stack([value_bias, gate_bias])


def _glu(
    kind: type[AnyGlu],
    given: Format,
    stream: Format,
    paths: tuple[Real, Real],
    precision: Precision,
    **own: Any,
) -> AnyGlu:
    """A gated linear unit of a kind, with that kind's own entries."""
    weights, biases = paths
    activation_fraction = own.get("activation_fraction", SPIKE.fraction)
    finest = finest_with(biases, BIAS_WIDTH, activation_fraction)
    words, fraction = mixer_words(weights, precision.mixers, finest)
    bias_words = nearest(biases, fraction + activation_fraction)
    return kind(
        input=given,
        output=stream,
        weight_fraction=fraction,
        value=words[0],
        gate=words[1],
        value_bias=bias_words[0],
        gate_bias=bias_words[1],
        **own,
    )


def spike_glu(
    checkpoint: Checkpoint, prefix: str, given: Format, stream: Format, y: StreamWords, precision: Precision
) -> SpikeGluSpec:
    return _glu(SpikeGluSpec, given, stream, _paths(checkpoint, prefix), precision)


def fire_glu(
    checkpoint: Checkpoint, prefix: str, given: Format, stream: Format, y: StreamWords, precision: Precision
) -> FireGluSpec:
    # A threshold of 0 would let a neuron fire at rest.
    threshold = np.maximum(given.quantise(FIRE_THRESHOLD * float_layers.thresholds(checkpoint, prefix)), 1)
    paths = _paths(checkpoint, prefix)
    return _glu(FireGluSpec, given, stream, paths, precision, threshold=threshold)


def gelu_glu(
    checkpoint: Checkpoint, prefix: str, given: Format, stream: Format, y: StreamWords, precision: Precision
) -> GeluGluSpec:
    gelu = Gelu()
    shift = given.fraction - gelu.argument.fraction
    words = np.unique(y).astype(np.int64)
    activations = gelu.output.real(gelu.compute(requantise(words, shift, gelu.argument.width)))
    finest = format_for(float(np.abs(activations).max()), ACTIVATION_WIDTH)
    fraction = min(finest.fraction, gelu.output.fraction)
    own = {"activation_fraction": fraction, "input_shift": shift}
    return _glu(GeluGluSpec, given, stream, _paths(checkpoint, prefix), precision, **own)


def tanh_glu(
    checkpoint: Checkpoint, prefix: str, given: Format, stream: Format, y: StreamWords, precision: Precision
) -> TanhGluSpec:
    tanh = Tanh()
    shift = given.fraction - tanh.argument.fraction
    own = {"activation_fraction": tanh.output.fraction, "input_shift": shift}
    return _glu(TanhGluSpec, given, stream, _paths(checkpoint, prefix), precision, **own)


def sigmoid_glu(
    checkpoint: Checkpoint, prefix: str, given: Format, stream: Format, y: StreamWords, precision: Precision
) -> TanhGluSpec:
    """By sigmoid(y) = (1 + tanh(y/2)) / 2: one more shift, half the weights, half their sums as biases."""
    tanh = Tanh()
    shift = given.fraction - tanh.argument.fraction + 1
    weights, biases = _paths(checkpoint, prefix)
    halved = weights / 2.0, biases + weights.sum(1) / 2.0
    own = {"activation_fraction": tanh.output.fraction, "input_shift": shift}
    return _glu(TanhGluSpec, given, stream, halved, precision, **own)


def spike_linear(
    checkpoint: Checkpoint, prefix: str, given: Format, stream: Format, y: StreamWords, precision: Precision
) -> SpikeLinearSpec:
    weight, bias = float_layers.tensors(checkpoint, prefix, "mix.weight", "mix.bias")
    words, fraction = mixer_words(weight.T, precision.mixers, finest_with(bias, BIAS_WIDTH))
    return SpikeLinearSpec(
        input=given,
        output=stream,
        weight_fraction=fraction,
        threshold=int(given.quantise(FIRE_THRESHOLD)),
        weight=words,
        bias=nearest(bias, fraction),
    )
