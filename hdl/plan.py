"""The planner: how parallel each layer is on a part, as fast as fits."""

from dataclasses import dataclass

from hdl.array import NeuronArray
from hdl.block import UNITS, ResidualBlock
from hdl.cost import Resources, census
from hdl.drafts import drafts
from hdl.encoder import Encoder
from hdl.network import Network
from hdl.parts import Part
from quantize.errors import StatespikeError
from quantize.network import Block, QuantizedNetwork

ARRAY_MULTIPLIERS = (4, 3, 2)


@dataclass(frozen=True)
class LayerChoice:
    """How parallel one layer is.

    Parameters
    ----------
    multipliers : int
        Of the neuron array.
    lanes : int
        Of the unit's mixer.
    """

    multipliers: int
    lanes: int


@dataclass(frozen=True)
class Choice:
    """How parallel a network is: all that its components need to know beside their specifications.

    Parameters
    ----------
    layers : tuple of LayerChoice
    serial_encoder : bool
        The encoder multiplies a bit a cycle instead of with a multiplier block.
    """

    layers: tuple[LayerChoice, ...]
    serial_encoder: bool

    @property
    def array_multipliers(self) -> int:
        """Multipliers of all arrays."""
        return sum(layer.multipliers for layer in self.layers)


@dataclass(frozen=True)
class Plan(Choice):
    """A choice for a part, and what it comes to.

    Parameters
    ----------
    part : Part
    cycles_per_step : int
        In the steady state; the worst case where an event mixer follows the activity.
    latency_cycles : int
        Most cycles from a sequence's last beat to its last logit.
    multipliers : int
        Multipliers at work in every step.
    estimate : Resources
        Multipliers and memories are exact.
    """

    part: Part
    cycles_per_step: int
    latency_cycles: int
    multipliers: int
    estimate: Resources


def plan_network(network: QuantizedNetwork, part: Part) -> Plan:
    """The fastest of the planner's choices that fits a part.

    Each choice takes less of a part than the one before, so one that fits bounds the search: from the fastest
    on in steps that double, then back by halves.

    Raises
    ------
    StatespikeError
        If none fits; the sentence says what the smallest one is short of.
    """
    with drafts():
        considered = choices(network)
    # Counting a circuit takes seconds; what needs more multipliers than there are does not fit anyway.
    units = sum(block.unit.multiplications > 0 for block in network.blocks)
    *faster, smallest = considered
    possible = [
        choice for choice in faster if not part.dsps or choice.array_multipliers + units <= part.dsps
    ]
    possible.append(smallest)
    too_big, fits = -1, 0
    while True:
        plan = assess(network, possible[fits], part)
        short = plan.estimate.shortfall(part)
        if not short:
            break
        if fits == len(possible) - 1:
            raise StatespikeError(
                f"the network is too big for {part.name}: its smallest circuit needs {', and '.join(short)}; "
                "take a larger device, fewer layers or fewer channels"
            )
        too_big, fits = fits, min(2 * fits + 1, len(possible) - 1)
    while fits - too_big > 1:
        middle = (too_big + fits) // 2
        tried = assess(network, possible[middle], part)
        if tried.estimate.shortfall(part):
            too_big = middle
        else:
            fits, plan = middle, tried
    return plan


def assess(network: QuantizedNetwork, choice: Choice, part: Part) -> Plan:
    """What a choice comes to on a part."""
    design = Network(network, choice)
    counted = census(design)
    return Plan(
        layers=choice.layers,
        serial_encoder=choice.serial_encoder,
        part=part,
        cycles_per_step=design.cycles_per_step,
        latency_cycles=design.latency_cycles,
        multipliers=len(counted.multipliers),
        estimate=counted.resources(part),
    )


def choices(network: QuantizedNetwork) -> list[Choice]:
    """Choices in the order of their speed, the smallest last: units that keep up with their arrays, then such
    as do not.
    """
    found = []
    options = [_lane_options(block) for block in network.blocks]
    for multipliers in ARRAY_MULTIPLIERS:
        slowest = max(NeuronArray(block.array, multipliers).cycles_per_step for block in network.blocks)
        layers = _layers(options, multipliers, slowest)
        reached = max(
            ResidualBlock(block, layer.multipliers, layer.lanes).cycles_per_step
            for block, layer in zip(network.blocks, layers, strict=True)
        )
        # A multiplier block for the encoder only where the bit-serial one would hold the layers up.
        if Encoder(network.encoder, serial=True).cycles_per_step > reached:
            found.append(Choice(layers, serial_encoder=False))
        found.append(Choice(layers, serial_encoder=True))
    for cycles in sorted({taken for lanes in options for taken in lanes.values() if taken > slowest}):
        slower = Choice(_layers(options, multipliers, cycles), serial_encoder=True)
        if slower != found[-1]:
            found.append(slower)
    return found


def _lane_options(block: Block) -> dict[int, int]:
    """Numbers of lanes that a block's unit offers, and the cycles a step that each takes."""
    component = UNITS[block.unit.kind]
    # mypy cannot see that the table pairs specifications with their components.
    return {
        lanes: component(block.unit, lanes).cycles_per_step  # type: ignore[arg-type]
        for lanes in component.lane_choices(block.unit)  # type: ignore[arg-type]
    }


def _layers(options: list[dict[int, int]], multipliers: int, cycles: int) -> tuple[LayerChoice, ...]:
    """For each layer the fewest lanes that take so many cycles at most, or as few as its unit can."""
    layers = []
    for unit in options:
        enough = max(cycles, min(unit.values()))
        lanes = min(lanes for lanes, taken in unit.items() if taken <= enough)
        layers.append(LayerChoice(multipliers, lanes))
    return tuple(layers)
