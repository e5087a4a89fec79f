"""The planner: how parallel each layer is on a part, as fast as fits."""

from dataclasses import dataclass, field, replace
from operator import attrgetter

from hdl.devices.devices import Device, require_rate
from hdl.devices.resources import Resources
from hdl.network.folding import Folding
from hdl.network.layer_loop import obstacle
from hdl.network.reloadable import circuit_of
from hdl.network.top import Network
from hdl.planning.census import census
from hdl.planning.cost import Census, counted_form, shortfall
from hdl.planning.design_space import foldings
from hdl.planning.remembered import keep, key_of, recall
from hdl.planning.single_port import with_tables_moved
from hdl.primitives.drafts import drafts
from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError
from quantize.network import QuantizedNetwork
from quantize.words import per_second


@dataclass(frozen=True, kw_only=True)
class Plan(Folding):
    """A choice for a part, and what it comes to.

    Parameters
    ----------
    device : Device
    cycles_per_step : int
        In the steady state; the worst case where they follow the data.
    least_cycles_per_step : int
        In the steady state, whatever the data; the same where nothing follows them.
    latency_cycles : int
        Most cycles from a sequence's last beat to its last logit.
    multipliers : int
        Multipliers at work in every step.
    estimate : Resources
        Multipliers and memories are exact.
    logic_cells : int
        See `hdl.planning.cost.Census.logic_cells`.
    counted : str or None
        The circuit that was counted, see `hdl.planning.cost.counted_form`; None if its count was known.
    """

    device: Device
    cycles_per_step: int
    least_cycles_per_step: int
    latency_cycles: int
    multipliers: int
    estimate: Resources
    logic_cells: int
    counted: str | None = field(repr=False)

    @property
    def clock_mhz(self) -> float:
        """The part's planning clock for a build of this kind."""
        return self.device.planning_mhz(self.streamed)

    @property
    def cycles_follow_data(self) -> bool:
        """Whether the cycles a step are the most: an event mixer, or a norm, takes fewer for some data."""
        return self.least_cycles_per_step < self.cycles_per_step

    @property
    def steps_per_second(self) -> float:
        """Speed at the planning clock; the least where the cycles follow the data."""
        return self.clock_mhz * 1e6 / self.cycles_per_step

    @property
    def shortfall(self) -> list[str]:
        """What the part lacks, in words; nothing if the circuit fits."""
        return shortfall(self.estimate, self.logic_cells, self.device)


BUILDS: dict[str, dict[str, bool]] = {
    "any": {},
    "small": {"streamed": False, "folded": False},
    "streamed": {"streamed": True},
    "folded": {"folded": True},
}
"""Name of a build -> which of them `plan_network` looks at."""


def plan_network(
    network: QuantizedNetwork,
    device: Device,
    *,
    rate: float | None = None,
    oversize: bool = False,
    streamed: bool | None = None,
    folded: bool | None = None,
) -> Plan:
    """The fastest of the planner's choices that fits a part, or the smallest that reaches a rate.

    The search goes through all choices from the fastest on. A slower one need not be smaller: a number of
    lanes that does not fill the words of its memories can take more of those than a greater one.

    Parameters
    ----------
    network : QuantizedNetwork
    device : Device
    rate : float, optional
        Steps a second at the part's planning clock.
    oversize : bool
        If none fits, the smallest of all, or of those that reach the rate.
    streamed : bool, optional
        Streamed builds only, or none of them.
    folded : bool, optional
        Builds with one block for all layers only, or none of them.

    Raises
    ------
    StatespikeError
        If there is no such build, or no block can serve all layers; it says why. If none fits; the sentence
        says what the smallest one is short of. If none that fits reaches the rate; it names the best rate.
    """
    require_rate(rate)
    if folded:
        reason = obstacle(network)
        if reason is not None:
            raise StatespikeError(f"one block cannot serve all layers of this network in turn: {reason}")
    with drafts():
        found = [
            one
            for one in foldings(network, device)
            if streamed in (None, one.streamed) and folded in (None, one.folded)
        ]
    if not found:
        raise StatespikeError(
            f"this network has no streamed build on {device.name}; take the small one, or another device"
        )
    if rate is not None:
        return _plan_rate(network, device, found, rate, oversize, streamed, folded)
    *faster, smallest = found
    if network.memory_bits > device.memory_bits:
        faster = []
    fitting = (_fitting(network, folding, device) for folding in faster)
    plan = next((plan for plan in fitting if plan is not None), None) or assess(network, smallest, device)
    if plan.shortfall and not oversize:
        raise StatespikeError(
            f"the network is too big for {device.name}: its smallest circuit needs "
            f"{', and '.join(plan.shortfall)}; take a larger device, fewer layers or fewer channels"
        )
    return plan


def _fitting(network: QuantizedNetwork, folding: Folding, device: Device) -> Plan | None:
    """What a choice comes to on a part that it fits."""
    with drafts():
        multipliers = Network(network, folding).multipliers
    # Counting a circuit takes seconds; what needs more multipliers than there are does not fit anyway.
    if device.dsps and multipliers > device.dsps:
        return None
    plan = assess(network, folding, device)
    return None if plan.shortfall else plan


def _plan_rate(
    network: QuantizedNetwork,
    device: Device,
    possible: list[Folding],
    rate: float,
    oversize: bool,
    streamed: bool | None,
    folded: bool | None,
) -> Plan:
    """The last and so the smallest of the choices that reach a rate. See `plan_network`."""
    with drafts():
        reaching = [
            folding
            for folding in possible
            if Network(network, folding).cycles_per_step * rate <= device.planning_mhz(folding.streamed) * 1e6
        ]
    if reaching:
        plan = assess(network, reaching[-1], device)
        if oversize or not plan.shortfall:
            return plan
    fastest = plan_network(network, device, streamed=streamed, folded=folded)
    if fastest.steps_per_second >= rate:
        return fastest
    raise StatespikeError(
        f"{device.name} at a planned {fastest.clock_mhz:g} MHz cannot make {rate:g} steps a second of "
        f"this network: the best circuit that fits makes {per_second(fastest.steps_per_second)}, "
        f"{fastest.cycles_per_step} cycles a step"
    )


def assess(network: QuantizedNetwork, folding: Folding, device: Device) -> Plan:
    """What a choice comes to on a part.

    If it lacks nothing but memories, and its tables can be loaded, some of them move into single-port ones.
    """
    plan, found = _counted(network, folding, device)
    without = replace(plan.estimate, bram=0, spram=0)
    if network.any_contents and plan.shortfall and not shortfall(without, plan.logic_cells, device):
        moved = with_tables_moved(network, folding, device, found)
        if moved is not None:
            plan, _ = _counted(network, moved, device)
    return plan


def _counted(network: QuantizedNetwork, folding: Folding, device: Device) -> tuple[Plan, Census]:
    """What a choice as it is comes to, and the count of its circuit."""
    form = counted_form(device)
    key = key_of(network, folding, device.family)
    found, text = recall(key), None
    if found is None:
        text = rtlil_text(circuit_of(network, folding), platform=form)
        found = census(text, device.family)
        keep(key, found)
    plan = Plan(
        layers=folding.layers,
        encoder_bits=folding.encoder_bits,
        decoder_lanes=folding.decoder_lanes,
        streamed=folding.streamed,
        target=folding.target,
        folded=folding.folded,
        single_port_bits=folding.single_port_bits,
        device=device,
        estimate=found.resources(device),
        logic_cells=found.logic_cells(device),
        counted=text,
        **_schedule(network, folding),
    )
    return plan, found


def _schedule(network: QuantizedNetwork, folding: Folding) -> dict[str, int]:
    """What a draft of a circuit tells."""
    names = ("cycles_per_step", "least_cycles_per_step", "latency_cycles", "multipliers")
    with drafts():
        # Held by no name, so that nothing is left of it behind the drafts.
        return dict(zip(names, attrgetter(*names)(Network(network, folding)), strict=True))


def counted_text(network: QuantizedNetwork, plan: Plan) -> str:
    """The circuit of a plan in the form that is counted."""
    if plan.counted is not None:
        return plan.counted
    return rtlil_text(circuit_of(network, plan), platform=counted_form(plan.device))
