"""What the planner chooses from: builds of a network, in the order of their speed."""

from functools import cache
from math import inf

from hdl.devices.devices import Family, Part
from hdl.devices.features import Fabric
from hdl.encoder.multiplied import AnyEncoder, make_encoder
from hdl.head.small import Pool
from hdl.network.block import UNITS, ResidualBlock, make_unit
from hdl.network.folding import Choice, LayerChoice
from hdl.network.top import Network, pace_of
from hdl.norm.block_norm import StreamedBlockNorm
from hdl.norm.streamed_step_norm import NORM_MULTIPLIERS
from hdl.ssm.array import NeuronArray
from hdl.ssm.laned_array import LanedArray
from hdl.ssm.schedule import HELPED_MODES
from hdl.units.gsu.unit import StreamedGsu
from quantize.layers.gsu import GsuSpec
from quantize.network import Block, QuantizedNetwork

ARRAYS = ((4, False), (3, False), (2, True), (2, False), (1, False))
"""Multipliers of an array, and whether a helper stands beside them; the fastest first."""
STREAMED_MULTIPLIERS = (4, 2)
"""Of each lane of an array."""
ENCODER_BITS = (None, 2, 1)
"""See `hdl.network.folding.Choice`; the fastest first."""


def choices(network: QuantizedNetwork, part: Part) -> list[Choice]:
    """Choices in the order of their speed, the smallest last.

    For each form of the arrays these are units that keep up with their arrays, then such as do not but are
    still faster than the next slower arrays. Of choices equally fast, only the smallest.
    """
    found: list[Choice] = []
    fabric = part.fabric
    options = [_unit_options(block, fabric) for block in network.blocks]
    fewest_modes = min(block.array.modes for block in network.blocks)
    forms = [form for form in ARRAYS if fewest_modes >= HELPED_MODES or not form[1]]
    slowest = [
        max(
            NeuronArray(block.array, count, helped=helped, fabric=fabric).cycles_per_step
            for block in network.blocks
        )
        for count, helped in forms
    ]
    for form, array, next_array in zip(forms, slowest, [*slowest[1:], inf], strict=True):
        units = {taken for unit in options for taken in unit.values() if array < taken < next_array}
        for cycles in [array, *sorted(units)]:
            layers = _layers(network, options, form, cycles, part.family)
            # A multiplier for the encoder, or two bits a cycle, only where less would hold the layers up.
            found += [Choice(layers, encoder_bits=bits, fabric=fabric) for bits in ENCODER_BITS]
    found = _each_slower(network, found)
    if part.family == "ecp5":  # the streamed builds live on its memories of look-up tables
        found = [*_streamed_choices(network, part, Network(network, found[0]).cycles_per_step), *found]
    return found


def _each_slower(network: QuantizedNetwork, found: list[Choice]) -> list[Choice]:
    """The choices without those that one behind them equals or exceeds in speed."""
    kept: list[Choice] = []
    slowest: float = inf
    fabric = found[0].fabric
    pool = Pool(network.pool, fabric)

    # Many choices have components in common, and one of a thousand channels takes long to make.
    @cache
    def encoder(bits: int | None) -> AnyEncoder:
        return make_encoder(network.encoder, bits=bits, streamed=False, fabric=fabric)

    @cache
    def block(index: int, layer: LayerChoice) -> ResidualBlock:
        return ResidualBlock(network.blocks[index], layer, fabric=fabric)

    for choice in reversed(found):
        blocks = [block(index, layer) for index, layer in enumerate(choice.layers)]
        cycles = pace_of(encoder(choice.encoder_bits), blocks, pool)
        if cycles < slowest:
            kept.append(choice)
            slowest = cycles
    return kept[::-1]


def _streamed_choices(network: QuantizedNetwork, part: Part, slowest: int) -> list[Choice]:
    """Choices of streamed builds that take fewer cycles than the slowest of use, in the order of speed."""
    options = [_lane_options(block, part.fabric, streamed=True) for block in network.blocks]
    norms = [_norm_options(block) for block in network.blocks]
    arrays = [_array_options(block, part.dsps) for block in network.blocks]
    encoder = make_encoder(network.encoder, bits=None, streamed=True, fabric=part.fabric).cycles_per_step
    fastest = [min(option.values()) for option in (*options, *norms)]
    fastest += [min(array.values()) for array in arrays]
    least = max(encoder, *fastest)
    found: list[Choice] = []
    for cycles in sorted({max(least, taken) for array in arrays for taken in array.values()}):
        if cycles >= slowest:
            break
        layers = []
        for unit, norm, array in zip(options, norms, arrays, strict=True):
            # The fewest multipliers, then the fewest lanes.
            enough = [form for form, taken in array.items() if taken <= cycles]
            array_lanes, multipliers = min(enough, key=lambda form: (form[0] * form[1], form))
            lanes = min(lanes for lanes, taken in unit.items() if taken <= cycles)
            in_norms = min(count for count, taken in norm.items() if taken <= cycles)
            layers.append(LayerChoice(multipliers, lanes, array_lanes, norm_multipliers=in_norms))
        choice = Choice(tuple(layers), encoder_bits=None, streamed=True, fabric=part.fabric)
        if choice not in found:
            found.append(choice)
    return found


def _array_options(block: Block, most: int) -> dict[tuple[int, int], int]:
    """Lanes that a block's array offers, and multipliers of each, up to so many in all; cycles a step."""
    spec = block.array
    return {
        (lanes, multipliers): LanedArray.pace_of(
            spec, lanes, NeuronArray(spec.lane(0, lanes), multipliers, lane=True)
        )
        for multipliers in STREAMED_MULTIPLIERS
        for lanes in LanedArray.lane_choices(spec)
        if multipliers * lanes < most
    }


def _norm_options(block: Block) -> dict[int, int]:
    """Multipliers of a streamed block's norms, and the cycles a step of the slowest; 0 without one."""
    specs = [spec for spec in (block.norm_before, block.norm_after) if spec is not None]

    def slowest(multipliers: int) -> int:
        norms = [StreamedBlockNorm(spec, multipliers).norm for spec in specs]
        if isinstance(block.unit, GsuSpec):
            norms.append(StreamedGsu(block.unit, 1, norm_multipliers=multipliers).norm)
        return max((norm.cycles_per_step for norm in norms), default=0)

    return {multipliers: slowest(multipliers) for multipliers in NORM_MULTIPLIERS}


def _lane_options(block: Block, fabric: Fabric, *, streamed: bool = False) -> dict[int, int]:
    """The numbers of lanes that a block's unit offers, and the cycles a step that each takes."""
    return {
        lanes: make_unit(block.unit, lanes, streamed=streamed, fabric=fabric).cycles_per_step
        for lanes in _lanes_of(block)
    }


def _lanes_of(block: Block) -> list[int]:
    """Numbers of lanes that a block's unit offers."""
    return UNITS[block.unit.kind].lane_choices(block.unit)


def _unit_options(block: Block, fabric: Fabric) -> dict[tuple[int, bool], int]:
    """The numbers of lanes that a block's unit offers, and whether it waits; cycles a step."""
    may_wait = UNITS[block.unit.kind].WAITS_FOR is not None
    return {
        (lanes, waits): make_unit(
            block.unit, lanes, streamed=False, waits=waits, fabric=fabric
        ).cycles_per_step
        for lanes in _lanes_of(block)
        for waits in (False, True)[: 1 + may_wait]
    }


def _layers(
    network: QuantizedNetwork,
    options: list[dict[tuple[int, bool], int]],
    array: tuple[int, bool],
    cycles: int,
    family: Family,
) -> tuple[LayerChoice, ...]:
    """For each layer the smallest mixer that takes so many cycles at most, or as few as its unit can."""
    layers = []
    for block, unit in zip(network.blocks, options, strict=True):
        enough = max(cycles, min(unit.values()))
        size = UNITS[block.unit.kind].mixer_size
        fitting = (form for form, taken in unit.items() if taken <= enough)
        _, lanes, waits = min((size(block.unit, *form, family), *form) for form in fitting)
        layers.append(LayerChoice(array[0], lanes, helped=array[1], waits=waits))
    return tuple(layers)
