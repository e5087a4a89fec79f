"""Formats that another network has already: what a circuit asks of networks that are loaded into it."""

from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from quantize.coefficients import real_of, stabilised
from quantize.errors import StatespikeError
from quantize.formats import OPERAND_WIDTH, STREAM_WIDTH, Format, Integers, round_shift
from quantize.layers.array import OUTPUT_WEIGHT_WIDTH, ArraySpec
from quantize.layers.embedding import EmbeddingSpec
from quantize.layers.ends import DecoderSpec, EncoderSpec
from quantize.layers.glu import FireGluSpec, GluSpec
from quantize.layers.gsu import GatedProductSpec, GsuSpec, LeanGsuSpec
from quantize.layers.leapfrog import LeapfrogSpec
from quantize.layers.linear import SpikeLinearSpec
from quantize.layers.norm import LayerNormSpec
from quantize.layers.real_modes import RealModesSpec
from quantize.network import QuantizedNetwork
from quantize.specification import QuantizedNetworkError, Specification
from quantize.words import count

TRAINED = ("channels", "mean", "time_shift", "stride", "after", "twentieths")
"""Numbers of layers that are no formats: another one is another network."""
LOWEST, HIGHEST = -(1 << (STREAM_WIDTH - 1)), (1 << (STREAM_WIDTH - 1)) - 1
"""Ends of the formats that a circuit's streams have."""
Layer = TypeVar("Layer", bound=Specification)


class ImposedFormats:
    """The formats of one network, imposed on the layers of another one while it is converted.

    Words move to the other scale: rounded where it is coarser, clipped where it is finer and they do not fit.

    Parameters
    ----------
    network : QuantizedNetwork
        That has the formats.

    Attributes
    ----------
    words, clipped : int
        Numbers in tables so far, and how many of them the other scales clipped.
    """

    def __init__(self, network: QuantizedNetwork):
        self._layers = dict(network.layers())
        self.network = network
        self.words = self.clipped = 0

    @property
    def stream(self) -> Format:
        """Of the residual stream."""
        return self.network.encoder.output

    def of(self, name: str, layer: Layer) -> Layer:
        """A layer, by its name in `QuantizedNetwork.layers`, in the other network's formats.

        Raises
        ------
        StatespikeError
            If the other network has another kind or size of layer there, or its tables do not fit.
        """
        like = self._layers.get(name)
        if like is None or like.kind != layer.kind:
            theirs = "none" if like is None else f"one of the kind {like.kind}"
            raise StatespikeError(
                f"the formats of another network do not fit: {name} is of the kind {layer.kind}, and there "
                f"is {theirs}"
            )
        for letter, size in layer.shapes().items():
            if like.shapes()[letter] != size:
                raise StatespikeError(
                    f"the formats of another network do not fit: {name} has {letter} = {size}, and there it "
                    f"is {like.shapes()[letter]}"
                )
        for entry in TRAINED:
            if getattr(like, entry, None) != getattr(layer, entry, None):
                raise StatespikeError(
                    f"the formats of another network do not fit: {name} has {entry.replace('_', ' ')} "
                    f"{getattr(layer, entry)}, and there it is {getattr(like, entry)}"
                )
        changes: dict[str, Any] = {
            item.name: getattr(like, item.name) for item in fields(like) if "shape" not in item.metadata
        }
        for words in saturated_by_format(layer):
            self.clipped += int(np.count_nonzero((words == LOWEST) | (words == HIGHEST)))
        ours, theirs_scales = scales_of(layer), scales_of(like)
        for item in fields(layer):
            if "shape" in item.metadata:
                words = getattr(layer, item.name)
                self.words += words.size
                if item.name in ours:
                    moved = round_shift(words, ours[item.name] - theirs_scales[item.name])
                    changes[item.name] = self._clipped(moved, item.metadata["low"], item.metadata["high"])
        try:
            made = self._kept_valid(layer, like, changes)
        except QuantizedNetworkError as error:
            raise StatespikeError(
                f"{name} has no integers in the other network's formats: {error}"
            ) from error
        if made.built_for() != like.built_for():
            entry = next(key for key, value in like.built_for().items() if made.built_for().get(key) != value)
            raise StatespikeError(
                f"{name} cannot take the other network's formats: its tables ask for "
                f"{entry.replace('_', ' ')} {made.built_for().get(entry)}, and the other's for "
                f"{like.built_for()[entry]}"
            )
        return made

    def _clipped(self, words: Integers, low: Any, high: Any) -> Integers:
        kept = np.clip(words, low, high)
        self.clipped += int(np.count_nonzero(kept != words))
        return kept

    def _kept_valid(self, layer: Layer, like: Specification, changes: dict[str, Any]) -> Layer:
        """The layer with its changes, and with what moving words may have broken put right."""
        if isinstance(layer, LeapfrogSpec):
            shift = changes["damping_shift"]
            damping = self._clipped(changes["damping"], 1, (1 << shift) - 1)
            changes["damping"] = damping
            changes["stiffness"] = stabilised(
                real_of(damping, shift),
                np.maximum(changes["stiffness"], 1),
                changes["stiffness_shift"] + layer.position_shift,
                OUTPUT_WEIGHT_WIDTH,
            )
        elif isinstance(layer, RealModesSpec):
            changes["decay"] = self._clipped(changes["decay"], 1, (1 << changes["decay_shift"]) - 1)
        elif isinstance(layer, GatedProductSpec):
            # With its bias, a sum is an operand of the product.
            room = (1 << (OPERAND_WIDTH - 1)) - 1 - np.abs(changes["weight"]).sum(0)
            changes["bias"] = self._clipped(changes["bias"], -room, room)
        return replace(layer, **changes)

    def notes(self) -> tuple[str, ...]:
        """What the formats did to the words, in a sentence; nothing if no word was clipped."""
        if not self.clipped:
            return ()
        return (
            f"the scales of the other network clip {count(self.clipped, 'word')} of {self.words:,} in tables "
            "to the largest that they hold",
        )


def saturated_by_format(layer: Specification) -> tuple[Integers, ...]:
    """Tables of a layer that were rounded in an imposed format of a stream: a word at its end was clipped.

    Conversion goes from input to output, and what a layer takes in has the imposed format already.
    """
    match layer:
        case EncoderSpec():
            return (layer.bias,)
        case EmbeddingSpec():
            return (layer.table,)
        case ArraySpec():
            return (layer.offset,)
        case LeanGsuSpec():
            return (layer.offset,)
        case FireGluSpec():
            return (layer.threshold,)
    return ()


def scales_of(layer: Specification) -> dict[str, int]:
    """Fraction bits of the words in a layer's tables, by name; tables that have no scale are left out."""
    match layer:
        case EncoderSpec():
            return {"weight": layer.weight_fraction, "bias": layer.output.fraction}
        case EmbeddingSpec():
            return {"table": layer.output.fraction}
        case LeapfrogSpec():
            return _array_scales(layer, "position_weight", "velocity_weight") | {
                "damping": layer.damping_shift,
                "stiffness": layer.stiffness_shift,
            }
        case RealModesSpec():
            return _array_scales(layer, "weight") | {"decay": layer.decay_shift}
        case GsuSpec():
            scales = {"weight": layer.weight_fraction, "bias": layer.weight_fraction}
            return scales | {"gain": layer.gain_fraction}
        case LeanGsuSpec():
            scales = {"weight": layer.weight_fraction, "bias": layer.weight_fraction}
            return scales | {"offset": layer.output.fraction}
        case GluSpec():
            weights = {name: layer.weight_fraction for name in ("value", "gate")}
            return weights | {f"{name}_bias": layer.sum_fraction for name in ("value", "gate")}
        case SpikeLinearSpec():
            return {"weight": layer.weight_fraction, "bias": layer.weight_fraction}
        case LayerNormSpec():
            return {"gain": layer.gain_fraction, "shift": layer.output.fraction}
        case DecoderSpec():
            return {"weight": layer.fraction, "bias": layer.fraction - layer.bias_shift}
    return {}


def _array_scales(layer: ArraySpec, *weights: str) -> dict[str, int]:
    scales = {name: layer.accumulator_fraction for name in (*weights, "skip")}
    return scales | {"offset": layer.input.fraction}
