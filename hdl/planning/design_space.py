"""What the planner chooses from: builds of a network, in the order of their speed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import inf

from hdl.devices.devices import Device
from hdl.devices.family import Family
from hdl.devices.features import DeviceFeatures
from hdl.encoder.multiplied import AnyEncoder, make_encoder
from hdl.head.repeated_decoder import decoder_lanes, make_repeated_decoder
from hdl.network.block import LayerBlock, ResidualBlock
from hdl.network.folding import Folding, LayerFolding
from hdl.network.kinds import ARRAYS, HEADS, UNITS, make_unit
from hdl.network.layer_loop import obstacle
from hdl.network.top import (
    Network,
    beat_cycles_behind,
    decoding_cycles,
    make_blocks,
    make_final_norm,
    pace_of,
)
from hdl.norm.block_norm import StreamedBlockNorm
from hdl.norm.streamed_step_norm import NORM_MULTIPLIERS
from hdl.ssm.component import ArrayFolding
from hdl.units.gsu.unit import StreamedGsu
from quantize.block import Block
from quantize.layers.gsu import GsuSpec
from quantize.layers.norm import LayerNormSpec
from quantize.network import QuantizedNetwork

ENCODER_BITS = (None, 2, 1)
"""See `hdl.network.folding.Folding`; the fastest first."""


def foldings(network: QuantizedNetwork, device: Device) -> list[Folding]:
    """Choices in the order of their speed, the smallest last.

    For each pace of an array or a unit that the arrays can keep, every layer has the smallest array and the
    smallest unit that keep it, or the fastest unit. Of choices equally fast, only the smallest. Where one
    block can serve all layers, folded choices come last, and take the place of others that are slower.
    """
    found: list[Folding] = []
    target = device.features
    arrays = [ARRAYS[block.array.kind].foldings(block.array, target) for block in network.blocks]
    units = [_unit_options(block, target) for block in network.blocks]
    fastest = max(min(array.values()) for array in arrays)
    taken = {cycles for options in arrays for cycles in options.values()}
    taken |= {cycles for options in units for cycles in options.values()}
    for cycles in sorted({max(fastest, each) for each in taken}):
        layers = _layers(network.blocks, arrays, units, cycles, device.family)
        # A multiplier for the encoder, or two bits a cycle, only where less would hold the layers up.
        found += [Folding(layers, encoder_bits=bits, target=target) for bits in ENCODER_BITS]
    found += _folded_choices(network, device, arrays[0], units[0])
    found = _each_slower(network, found)
    if device.family.distributed_memories:  # the streamed builds live on those
        # Their clock is another one, so what counts is the time of a step.
        fastest_small = Network(network, found[0]).cycles_per_step / device.planning_mhz(streamed=False)
        limit = fastest_small * device.planning_mhz(streamed=True)
        found = [*_streamed_choices(network, device, limit), *found]
    return found


def _each_slower(network: QuantizedNetwork, found: list[Folding]) -> list[Folding]:
    """The choices without those that one behind them equals or exceeds in speed."""
    kept: list[Folding] = []
    slowest: float = inf
    target = found[0].target
    pool = HEADS[network.pool.kind].make(network.pool, streamed=False, target=target)
    norm = make_final_norm(network.norm, found[0])
    behind = beat_cycles_behind(len(network.blocks), norm, pool)

    # Many choices have components in common, and one of a thousand channels takes long to make.
    @cache
    def encoder(bits: int | None) -> AnyEncoder:
        return make_encoder(network.encoder, bits=bits, streamed=False, target=target)

    @cache
    def block(index: int, layer: LayerFolding) -> ResidualBlock:
        return ResidualBlock(network.blocks[index], layer, target=target, taken_in=behind[index])

    for folding in reversed(found):
        blocks: Sequence[LayerBlock]
        if folding.folded:
            blocks = make_blocks(network, folding, norm, pool)
        else:
            blocks = [block(index, layer) for index, layer in enumerate(folding.layers)]
        cycles = pace_of(encoder(folding.encoder_bits), blocks, norm, pool)
        lanes, decoding = _decoder_choice(network, cycles, target)
        cycles = max(cycles, decoding)
        if cycles < slowest:
            kept.append(replace(folding, decoder_lanes=lanes))
            slowest = cycles
    return kept[::-1]


def _folded_choices(
    network: QuantizedNetwork,
    device: Device,
    array: Mapping[ArrayFolding, int],
    unit: dict[tuple[int, bool], int],
) -> list[Folding]:
    """Choices with one block for all layers, the smallest last; none where that cannot be.

    All tables go into memory blocks: in logic, depth would cost logic.
    """
    if obstacle(network) is not None:
        return []
    target = replace(device.features, tables_in_blocks=True)
    found = []
    for cycles in sorted({max(min(array.values()), each) for each in (*array.values(), *unit.values())}):
        layers = _layers(network.blocks[:1], [array], [unit], cycles, device.family)
        found += [Folding(layers, encoder_bits=bits, target=target, folded=True) for bits in ENCODER_BITS]
    return found


def _decoder_choice(network: QuantizedNetwork, cycles: int, target: DeviceFeatures) -> tuple[int, int]:
    """The fewest lanes of a decoder that keeps a pace, or the most, and the cycles a step that they take."""
    if network.answer_stride is None:
        return 0, 0
    taken = {
        lanes: decoding_cycles(network, make_repeated_decoder(network.decoder, lanes, target))
        for lanes in decoder_lanes(network.decoder)
    }
    lanes = next(
        (lanes for lanes, each in taken.items() if each <= cycles), min(taken, key=taken.__getitem__)
    )
    return lanes, taken[lanes]


def _streamed_choices(network: QuantizedNetwork, device: Device, slowest: float) -> list[Folding]:
    """Choices of streamed builds that take fewer cycles than the slowest of use, in the order of speed."""
    options = [_lane_options(block, device.features, streamed=True) for block in network.blocks]
    norms = [_norm_options(block) for block in network.blocks[:-1]]
    norms.append(_norm_options(network.blocks[-1], network.norm))
    arrays = [
        ARRAYS[block.array.kind].streamed_foldings(block.array, device.dsps) for block in network.blocks
    ]
    if not all(arrays):
        return []
    encoder = make_encoder(network.encoder, bits=None, streamed=True, target=device.features).cycles_per_step
    fastest = [min(option.values()) for option in (*options, *norms)]
    fastest += [min(array.values()) for array in arrays]
    least = max(encoder, *fastest)
    found: list[Folding] = []
    for cycles in sorted({max(least, taken) for array in arrays for taken in array.values()}):
        if cycles >= slowest:
            break
        layers = []
        for unit, norm, array in zip(options, norms, arrays, strict=True):
            # The fewest multipliers, then the fewest lanes.
            enough = [folding for folding, taken in array.items() if taken <= cycles]
            smallest = min(enough, key=lambda each: (each.lanes * each.multipliers, each.lanes))
            lanes = min(lanes for lanes, taken in unit.items() if taken <= cycles)
            in_norms = min(count for count, taken in norm.items() if taken <= cycles)
            layers.append(LayerFolding(smallest, lanes, norm_multipliers=in_norms))
        decoder, _ = _decoder_choice(network, cycles, device.features)
        folding = Folding(
            tuple(layers), encoder_bits=None, decoder_lanes=decoder, streamed=True, target=device.features
        )
        if folding not in found:
            found.append(folding)
    return found


def _norm_options(block: Block, behind: LayerNormSpec | None = None) -> dict[int, int]:
    """Multipliers of a streamed block's norms, and of one behind it; cycles a step of the slowest, or 0."""
    specs = [spec for spec in (block.norm_before, block.norm_after, behind) if spec is not None]

    def slowest(multipliers: int) -> int:
        norms = [StreamedBlockNorm(spec, multipliers).norm for spec in specs]
        if isinstance(block.unit, GsuSpec):
            norms.append(StreamedGsu(block.unit, 1, norm_multipliers=multipliers).norm)
        return max((norm.cycles_per_step for norm in norms), default=0)

    return {multipliers: slowest(multipliers) for multipliers in NORM_MULTIPLIERS}


def _lane_options(block: Block, target: DeviceFeatures, *, streamed: bool = False) -> dict[int, int]:
    """The numbers of lanes that a block's unit offers, and the cycles a step that each takes."""
    return {
        lanes: make_unit(block.unit, lanes, streamed=streamed, target=target).cycles_per_step
        for lanes in _lanes_of(block)
    }


def _lanes_of(block: Block) -> list[int]:
    """Numbers of lanes that a block's unit offers."""
    return UNITS[block.unit.kind].component.lane_choices(block.unit)


def _unit_options(block: Block, target: DeviceFeatures) -> dict[tuple[int, bool], int]:
    """The numbers of lanes that a block's unit offers, and whether it waits; cycles a step."""
    may_wait = UNITS[block.unit.kind].component.SEQUENTIAL_PART is not None
    return {
        (lanes, sequential): make_unit(
            block.unit, lanes, streamed=False, sequential=sequential, target=target
        ).cycles_per_step
        for lanes in _lanes_of(block)
        for sequential in (False, True)[: 1 + may_wait]
    }


def _layers(
    blocks: Sequence[Block],
    arrays: list[Mapping[ArrayFolding, int]],
    units: list[dict[tuple[int, bool], int]],
    cycles: int,
    family: Family,
) -> tuple[LayerFolding, ...]:
    """For each layer the smallest array that takes so many cycles at most, and the smallest such mixer.

    Where no mixer of a unit is so fast, its fastest.
    """
    layers = []
    for block, array, unit in zip(blocks, arrays, units, strict=True):
        smallest_array = [folding for folding, taken in array.items() if taken <= cycles][-1]
        enough = max(cycles, min(unit.values()))
        size = UNITS[block.unit.kind].component.mixer_size
        fitting = (form for form, taken in unit.items() if taken <= enough)
        _, lanes, sequential = min((size(block.unit, *form, family), *form) for form in fitting)
        layers.append(LayerFolding(smallest_array, lanes, sequential=sequential))
    return tuple(layers)
