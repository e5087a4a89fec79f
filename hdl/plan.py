"""The planner: how parallel each layer is on a part, as fast as fits."""

from dataclasses import dataclass, field
from math import inf

from hdl.array import NeuronArray
from hdl.block import UNITS, make_unit
from hdl.choice import Choice, LayerChoice
from hdl.cost import census, shortfall
from hdl.drafts import drafts
from hdl.encoder import make_encoder
from hdl.laned_array import LanedArray
from hdl.network import Network
from hdl.parts import Family, Part
from hdl.primitives.fabric import Fabric
from hdl.resources import Resources
from hdl.slots import HELPED_MODES
from hdl.units.gsu import StreamedGsu
from hdl.units.layer_norm import StreamedBlockNorm
from hdl.units.norm_stream import NORM_MULTIPLIERS
from hdl.verilog import rtlil_text
from quantize.errors import StatespikeError
from quantize.layers.gsu import GsuSpec
from quantize.network import Block, QuantizedNetwork

ARRAYS = ((4, False), (3, False), (2, True), (2, False), (1, False))
"""Multipliers of an array, and whether a helper stands beside them; the fastest first."""
STREAMED_MULTIPLIERS = (4, 2)
"""Of each lane of an array."""
ENCODER_BITS = (None, 2, 1)
"""See `hdl.choice.Choice`; the fastest first."""


@dataclass(frozen=True, kw_only=True)
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
    logic_cells : int
        See `hdl.cost.Census.logic_cells`.
    rtlil : str
        The circuit that was counted.
    """

    part: Part
    cycles_per_step: int
    latency_cycles: int
    multipliers: int
    estimate: Resources
    logic_cells: int
    rtlil: str = field(repr=False)

    @property
    def clock_mhz(self) -> float:
        """The part's planning clock for a build of this kind."""
        return self.part.planning_mhz(self.streamed)

    @property
    def steps_per_second(self) -> float:
        """Speed at the planning clock."""
        return self.clock_mhz * 1e6 / self.cycles_per_step

    @property
    def shortfall(self) -> list[str]:
        """What the part lacks, in words; nothing if the circuit fits."""
        return shortfall(self.estimate, self.logic_cells, self.part)


def plan_network(
    network: QuantizedNetwork, part: Part, *, rate: float | None = None, oversize: bool = False
) -> Plan:
    """The fastest of the planner's choices that fits a part, or the smallest that reaches a rate.

    The search goes through all choices from the fastest on. A slower one need not be smaller: a number of
    lanes that does not fill the words of its memories can take more of those than a greater one.

    Parameters
    ----------
    network : QuantizedNetwork
    part : Part
    rate : float, optional
        Steps a second at the part's planning clock.
    oversize : bool
        If none fits, the smallest of all, or of those that reach the rate.

    Raises
    ------
    StatespikeError
        If none fits; the sentence says what the smallest one is short of. If none that fits reaches the rate;
        it names the best rate.
    """
    with drafts():
        found = choices(network, part)
    if rate is not None:
        return _plan_rate(network, part, found, rate, oversize)
    *faster, smallest = found
    if network.memory_bits > part.memory_bits:
        faster = []
    fitting = (_fitting(network, choice, part) for choice in faster)
    plan = next((plan for plan in fitting if plan is not None), None) or assess(network, smallest, part)
    if plan.shortfall and not oversize:
        raise StatespikeError(
            f"the network is too big for {part.name}: its smallest circuit needs "
            f"{', and '.join(plan.shortfall)}; take a larger device, fewer layers or fewer channels"
        )
    return plan


def _fitting(network: QuantizedNetwork, choice: Choice, part: Part) -> Plan | None:
    """What a choice comes to on a part that it fits."""
    with drafts():
        multipliers = Network(network, choice).multipliers
    # Counting a circuit takes seconds; what needs more multipliers than there are does not fit anyway.
    if part.dsps and multipliers > part.dsps:
        return None
    plan = assess(network, choice, part)
    return None if plan.shortfall else plan


def _plan_rate(
    network: QuantizedNetwork, part: Part, possible: list[Choice], rate: float, oversize: bool
) -> Plan:
    """The last and so the smallest of the choices that reach a rate. See `plan_network`."""
    with drafts():
        reaching = [
            choice
            for choice in possible
            if Network(network, choice).cycles_per_step * rate <= part.planning_mhz(choice.streamed) * 1e6
        ]
    if reaching:
        plan = assess(network, reaching[-1], part)
        if oversize or not plan.shortfall:
            return plan
    fastest = plan_network(network, part)
    if fastest.steps_per_second >= rate:
        return fastest
    raise StatespikeError(
        f"{part.name} at {fastest.clock_mhz:g} MHz cannot make {rate:g} steps a second of this network: the "
        f"best circuit that fits makes {fastest.steps_per_second:.0f}, "
        f"{fastest.cycles_per_step} cycles a step"
    )


def assess(network: QuantizedNetwork, choice: Choice, part: Part) -> Plan:
    """What a choice comes to on a part."""
    design = Network(network, choice)
    rtlil = rtlil_text(design)
    counted = census(rtlil)
    return Plan(
        layers=choice.layers,
        encoder_bits=choice.encoder_bits,
        streamed=choice.streamed,
        fabric=choice.fabric,
        part=part,
        cycles_per_step=design.cycles_per_step,
        latency_cycles=design.latency_cycles,
        multipliers=design.multipliers,
        estimate=counted.resources(part),
        logic_cells=counted.logic_cells(part),
        rtlil=rtlil,
    )


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
    for choice in reversed(found):
        cycles = Network(network, choice).cycles_per_step
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
    return {
        (lanes, multipliers): NeuronArray(
            block.array.lane(0, lanes),
            multipliers,
            lane=True,  # the first lane has the most channels
        ).cycles_per_step
        for multipliers in STREAMED_MULTIPLIERS
        for lanes in LanedArray.lane_choices(block.array)
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
