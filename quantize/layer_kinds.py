"""The kinds of layers of a quantised network: kind of a layer -> its specification."""

from quantize.kinds import ARRAYS, HEADS, OUTPUTS, UNITS
from quantize.layers.array import ArraySpec
from quantize.layers.embedding import EmbeddingSpec
from quantize.layers.ends import DecoderSpec, EncoderSpec
from quantize.layers.head import HeadSpec
from quantize.layers.norm import LayerNormSpec
from quantize.layers.unit import UnitSpec
from quantize.specification import QuantizedNetworkError, Specification

AnyEncoderSpec = EncoderSpec | EmbeddingSpec
LayerSpec = AnyEncoderSpec | LayerNormSpec | ArraySpec | UnitSpec | HeadSpec | DecoderSpec
UNIT_KINDS: dict[str, type[UnitSpec]] = {
    kind.specification.kind: kind.specification for kind in UNITS.values()
}
"""Kind of a unit's specification -> its class."""


def specification_class(kind: str) -> type[Specification]:
    """The class of a layer kind.

    Raises
    ------
    QuantizedNetworkError
        If there is no such kind.
    """
    layers: list[type[Specification]] = [EncoderSpec, EmbeddingSpec, LayerNormSpec, *UNIT_KINDS.values()]
    layers += [kind.specification for kind in ARRAYS.values()]
    layers += [kind.specification for kind in HEADS.values()]
    layers += [kind.specification for kind in OUTPUTS.values()]
    known = {layer.kind: layer for layer in layers}
    if kind not in known:
        raise QuantizedNetworkError(f"unknown layer kind {kind!r}, known are {', '.join(sorted(known))}")
    return known[kind]
