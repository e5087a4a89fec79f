"""The kinds of layers of a quantised network: kind of a layer -> its specification."""

from typing import get_args

from quantize.layers.array import ArraySpec
from quantize.layers.embedding import EmbeddingSpec
from quantize.layers.ends import DecoderSpec, EncoderSpec, LabelDecoderSpec, PoolSpec, ValueDecoderSpec
from quantize.layers.glu import FireGluSpec, GeluGluSpec, SpikeGluSpec, TanhGluSpec
from quantize.layers.gsu import GsuSpec, LeanGsuSpec
from quantize.layers.head import HeadSpec
from quantize.layers.leapfrog import LeapfrogSpec
from quantize.layers.linear import SpikeLinearSpec
from quantize.layers.norm import LayerNormSpec
from quantize.layers.real_modes import RealModesSpec
from quantize.layers.repeated import EveryStepSpec, RunningSpec
from quantize.specification import QuantizedNetworkError, Specification

UnitSpec = GsuSpec | LeanGsuSpec | SpikeGluSpec | FireGluSpec | GeluGluSpec | TanhGluSpec | SpikeLinearSpec
AnyEncoderSpec = EncoderSpec | EmbeddingSpec
LayerSpec = AnyEncoderSpec | LayerNormSpec | ArraySpec | UnitSpec | HeadSpec | DecoderSpec
ARRAY_KINDS: dict[str, type[ArraySpec]] = {array.kind: array for array in (LeapfrogSpec, RealModesSpec)}
UNIT_KINDS: dict[str, type[UnitSpec]] = {unit.kind: unit for unit in get_args(UnitSpec)}
HEAD_KINDS: dict[str, type[HeadSpec]] = {head.kind: head for head in (PoolSpec, EveryStepSpec, RunningSpec)}
DECODER_KINDS: dict[str, type[DecoderSpec]] = {
    decoder.kind: decoder for decoder in (DecoderSpec, LabelDecoderSpec, ValueDecoderSpec)
}
"""Kind of an array, a unit, a head or a decoder -> its specification: what names the kinds of layers."""


def specification_class(kind: str) -> type[Specification]:
    """The class of a layer kind.

    Raises
    ------
    QuantizedNetworkError
        If there is no such kind.
    """
    known: dict[str, type[Specification]] = {
        layer.kind: layer for layer in (EncoderSpec, EmbeddingSpec, LayerNormSpec)
    }
    known |= ARRAY_KINDS
    known |= UNIT_KINDS
    known |= HEAD_KINDS
    known |= DECODER_KINDS
    if kind not in known:
        raise QuantizedNetworkError(f"unknown layer kind {kind!r}, known are {', '.join(sorted(known))}")
    return known[kind]
