"""The planner: how parallel each layer is on a part, as fast as fits."""

from dataclasses import dataclass, field

from hdl.devices.devices import Part
from hdl.devices.resources import Resources
from hdl.network.folding import Choice
from hdl.network.top import Network
from hdl.planning.cost import census, counted_form, shortfall
from hdl.planning.design_space import choices
from hdl.planning.drafts import drafts
from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError
from quantize.network import QuantizedNetwork


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
        See `hdl.planning.cost.Census.logic_cells`.
    counted : str
        The circuit that was counted, see `hdl.planning.cost.counted_form`.
    """

    part: Part
    cycles_per_step: int
    latency_cycles: int
    multipliers: int
    estimate: Resources
    logic_cells: int
    counted: str = field(repr=False)

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
    text = rtlil_text(design, platform=counted_form(part))
    found = census(text)
    return Plan(
        layers=choice.layers,
        encoder_bits=choice.encoder_bits,
        streamed=choice.streamed,
        fabric=choice.fabric,
        part=part,
        cycles_per_step=design.cycles_per_step,
        latency_cycles=design.latency_cycles,
        multipliers=design.multipliers,
        estimate=found.resources(part),
        logic_cells=found.logic_cells(part),
        counted=text,
    )
