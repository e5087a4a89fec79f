"""Formats that all layers share: what one datapath needs that serves the layers in turn."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from quantize.coefficients import real_of, stabilised
from quantize.errors import StatespikeError
from quantize.formats import Format, Integers, round_shift
from quantize.layers.array import OUTPUT_WEIGHT_WIDTH
from quantize.layers.glu import FireGluSpec, SpikeGluSpec
from quantize.layers.gsu import GsuSpec, LeanGsuSpec
from quantize.layers.leapfrog import LeapfrogSpec
from quantize.network import QuantizedNetwork
from quantize.specification import Specification

SHARED_FORMATS = "shared_formats"
"""Entry of a network's provenance: its layers were given common formats."""


def with_shared_formats(network: QuantizedNetwork) -> QuantizedNetwork:
    """The network with all layers in one set of formats, the coarsest of each.

    Words of finer layers are rounded to the common scale, except for those that a circuit holds exactly in
    wider words. Poles stay inside the unit circle.

    Raises
    ------
    StatespikeError
        If layers are of different kinds, of a kind without shared formats, or cannot agree.
    """
    parts = [
        _shared(part, specs) if difference_of(part, specs) else list(specs) for part, specs in _parts(network)
    ]
    arrays, units = parts[0], parts[1]
    blocks = tuple(
        replace(block, array=array, unit=unit)
        for block, array, unit in zip(network.blocks, arrays, units, strict=True)
    )
    shared = replace(network, blocks=blocks, provenance=network.provenance | {SHARED_FORMATS: True})
    left = difference(shared)
    if left is not None:
        raise StatespikeError(
            f"the layers cannot share their formats: {left}; quantise without shared formats"
        )
    return shared


def difference(network: QuantizedNetwork) -> str | None:
    """The first format, number or size in which layers differ, in words; None if one datapath suits all."""
    found = (difference_of(part, specs) for part, specs in _parts(network))
    return next((each for each in found if each is not None), None)


def _parts(network: QuantizedNetwork) -> Iterator[tuple[str, Sequence[Any]]]:
    yield "arrays", [block.array for block in network.blocks]
    yield "units", [block.unit for block in network.blocks]
    yield "norms", [block.norm for block in network.blocks if block.norm is not None]


def difference_of(part: str, specs: Sequence[Specification]) -> str | None:
    """As `difference`, of the specifications of one part of each layer."""
    for layer, spec in enumerate(specs):
        ours, theirs = specs[0].built_for(), spec.built_for()
        for name in ours | theirs:
            if ours.get(name) != theirs.get(name):
                found = f"{ours.get(name)} and {theirs.get(name)}"
                return f"the {part} of layers 0 and {layer} differ in their {name.replace('_', ' ')}, {found}"
    return None


def _shared(part: str, specs: Sequence[Any]) -> list[Any]:
    kinds = {spec.kind for spec in specs}
    if len(kinds) > 1:
        raise StatespikeError(
            f"the {part} are of several kinds, {', '.join(sorted(kinds))}, and share no formats"
        )
    (kind,) = kinds
    if kind not in _SHARED:
        raise StatespikeError(f"{part} of the kind {kind} have no shared formats yet; quantise without them")
    return _SHARED[kind](specs)


def _coarsest(specs: Sequence[Any], name: str) -> int:
    return min(getattr(spec, name) for spec in specs)


def _coarsest_y(specs: Sequence[Any], name: str) -> Format:
    """The format of y in which all layers fit."""
    formats = [getattr(spec, name) for spec in specs]
    return min(formats, key=lambda each: each.fraction)


def _positive(words: Integers, shift: int) -> Integers:
    """Positive words on a coarser scale, never zero."""
    return np.maximum(round_shift(words, shift), 1)


def _leapfrogs(specs: Sequence[LeapfrogSpec]) -> list[LeapfrogSpec]:
    damping_shift, stiffness_shift = _coarsest(specs, "damping_shift"), _coarsest(specs, "stiffness_shift")
    fraction, output = _coarsest(specs, "accumulator_fraction"), _coarsest_y(specs, "output")
    output = Format(output.width, min(output.fraction, fraction))
    top = (1 << (OUTPUT_WEIGHT_WIDTH - 1)) - 1
    found = []
    for spec in specs:
        damping = _positive(spec.damping, spec.damping_shift - damping_shift)
        damping = np.minimum(damping, (1 << damping_shift) - 1)
        stiffness = stabilised(
            real_of(damping, damping_shift),
            _positive(spec.stiffness, spec.stiffness_shift - stiffness_shift),
            stiffness_shift + spec.position_shift,
            OUTPUT_WEIGHT_WIDTH,
        )
        lost = spec.accumulator_fraction - fraction
        found.append(
            replace(
                spec, output=output, damping_shift=damping_shift, stiffness_shift=stiffness_shift,
                accumulator_fraction=fraction, damping=damping, stiffness=stiffness,
                skip=round_shift(spec.skip, lost),
                position_weight=np.minimum(round_shift(spec.position_weight, lost), top),
                velocity_weight=np.minimum(round_shift(spec.velocity_weight, lost), top),
            )
        )  # fmt: skip
    return found


def _lean_gsus(specs: Sequence[LeanGsuSpec]) -> list[LeanGsuSpec]:
    given = _coarsest_y(specs, "input")
    threshold = next(spec.threshold for spec in specs if spec.input == given)
    return [replace(spec, input=given, threshold=threshold) for spec in specs]


def _gsus(specs: Sequence[GsuSpec]) -> list[GsuSpec]:
    """What leaves a mixer is normalised, so that its scale may be any that no layer exceeds."""
    given = _coarsest_y(specs, "input")
    scale = max(spec.product_shift - spec.weight_fraction for spec in specs)
    return [replace(spec, input=given, product_shift=scale + spec.weight_fraction) for spec in specs]


def _spike_glus(specs: Sequence[SpikeGluSpec]) -> list[SpikeGluSpec]:
    given = _coarsest_y(specs, "input")
    return [replace(spec, input=given) for spec in specs]


def _fire_glus(specs: Sequence[FireGluSpec]) -> list[FireGluSpec]:
    given = _coarsest_y(specs, "input")
    return [
        replace(spec, input=given, threshold=_positive(spec.threshold, spec.input.fraction - given.fraction))
        for spec in specs
    ]


_SHARED: dict[str, Callable[[Sequence[Any]], list[Any]]] = {
    LeapfrogSpec.kind: _leapfrogs,
    GsuSpec.kind: _gsus,
    LeanGsuSpec.kind: _lean_gsus,
    SpikeGluSpec.kind: _spike_glus,
    FireGluSpec.kind: _fire_glus,
}
"""Kind of a specification -> those of all layers in their common formats."""
