"""Why a circuit is as fast and as large as it is: a row for each of its components."""

from collections.abc import Iterator
from dataclasses import dataclass

from hdl.devices.resources import Resources
from hdl.encoder.embedding import Embedding
from hdl.head.repeated_decoder import RepeatedDecoder
from hdl.network.block import LayerBlock
from hdl.network.folding import Folding, LayerFolding
from hdl.network.top import Network, decoding_cycles
from hdl.planning.census import census_of_instances
from hdl.planning.planner import Plan, counted_text
from hdl.primitives.drafts import drafts
from hdl.units.gsu.unit import StreamedGsu
from quantize.network import QuantizedNetwork
from quantize.words import count


@dataclass(frozen=True)
class ComponentCost:
    """One component of a planned network.

    Parameters
    ----------
    layer : int or None
        None for both ends of the network.
    name : str
    parallel : str
        What it does at a time, as chosen; empty if there is nothing to choose.
    cycles_per_step : int or None
        None where it has no pace of its own.
    bottleneck : bool
        Nothing takes longer for a step.
    multipliers : int
        Multiplier blocks, or multipliers in logic on a part without them.
    estimate : Resources
        Each component for itself; the whole is some per cent less where synthesis works across their borders.
    """

    layer: int | None
    name: str
    parallel: str
    cycles_per_step: int | None
    bottleneck: bool
    multipliers: int
    estimate: Resources


@dataclass(frozen=True)
class _Place:
    path: str
    layer: int | None
    name: str
    parallel: str = ""
    cycles_per_step: int | None = None


def explain(network: QuantizedNetwork, plan: Plan) -> list[ComponentCost]:
    """The components of a planned network in data-flow order.

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    with drafts():
        places = list(_places(Network(network, plan), plan))
    counted = census_of_instances(
        counted_text(network, plan), [place.path for place in places], plan.device.family
    )
    return [
        ComponentCost(
            layer=place.layer,
            name=place.name,
            parallel=place.parallel,
            cycles_per_step=place.cycles_per_step,
            bottleneck=place.cycles_per_step == plan.cycles_per_step,
            multipliers=counted[place.path].multiplier_count(plan.device.family),
            estimate=counted[place.path].resources(plan.device),
        )
        for place in places
    ]


def _places(design: Network, folding: Folding) -> Iterator[_Place]:
    """Where components are in the circuit, and what was chosen for them."""
    if isinstance(design.encoder, Embedding):
        encoder = "a row for each token"
    elif folding.encoder_bits is None:
        encoder = "a product a cycle"
    else:
        encoder = f"{count(folding.encoder_bits, 'bit')} a cycle"
    yield _Place("encoder", None, "encoder", encoder, design.encoder.cycles_per_step)
    for index, (block, layer) in enumerate(zip(design.blocks, folding.layers, strict=True)):
        yield from _block_places(block, layer, index, folding.streamed)
    if design.norm is not None:
        in_norm = count(design.norm.multipliers, "multiplier") if folding.streamed else ""
        yield _Place("norm", None, "norm before the pool", in_norm, design.norm.cycles_per_step)
    yield _Place("pool", None, "pool", cycles_per_step=design.pool.cycles_per_step)
    if isinstance(design.decoder, RepeatedDecoder):
        at_once = folding.decoder_lanes
        decoder = f"{count(at_once, 'class')} at once" if at_once else "a bit a cycle"
        cycles = decoding_cycles(design.network, design.decoder)
        yield _Place("decoder", None, "decoder", decoder, cycles)
    else:
        yield _Place("decoder", None, "decoder", "once a sequence")


def _block_places(block: LayerBlock, layer: LayerFolding, index: int, streamed: bool) -> Iterator[_Place]:
    """Of the block of a layer, or of the one that serves all; cycles are then those of all together."""
    path, residual, paces = block.path_at(index), block.residual, block.paces
    of: int | None = index
    if block.layers > 1:
        of = None
        name, *_ = path.split(".")
        yield _Place(name, of, "all layers", f"{block.layers} in turn, with:", block.cycles_per_step)
    in_norms = count(layer.norm_multipliers, "multiplier") if streamed else ""
    yield _Place(f"{path}.ring", of, "residual FIFO")
    if residual.norm_before is not None:
        yield _Place(f"{path}.norm_before", of, "norm before", in_norms, paces["norm_before"])
    yield _Place(f"{path}.array", of, "neuron array", layer.array.describe(), paces["array"])
    waiting = f", {residual.unit.SEQUENTIAL_PART}" if layer.sequential else ""
    lanes = count(layer.lanes, "lane") + waiting
    lanes += f", {in_norms} in its norm" if isinstance(residual.unit, StreamedGsu) else ""
    yield _Place(f"{path}.unit", of, f"unit {residual.block.unit.kind}", lanes, paces["unit"])
    if residual.norm_after is not None:
        yield _Place(f"{path}.norm_after", of, "norm after", in_norms, paces["norm_after"])
    yield _Place(f"{path}.sums", of, "residual add")
