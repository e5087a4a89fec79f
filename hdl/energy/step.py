"""Energy of a step of a planned network, at work or at the rate of a sensor."""

from dataclasses import dataclass

from hdl.devices.devices import require_rate
from hdl.devices.power import PowerCosts, Range
from hdl.energy.model import Load, cycle_pj, waiting_uw
from hdl.planning.planner import Plan
from quantize.errors import StatespikeError
from quantize.network import QuantizedNetwork
from quantize.words import per_second


@dataclass(frozen=True)
class StepEnergy:
    """Microjoules of a step.

    Parameters
    ----------
    parts : dict
        What takes it -> how much: "static", and the names of `cycle_pj`.
    seconds : float
        From a step to the next.
    """

    parts: dict[str, Range]
    seconds: float

    @property
    def microjoules(self) -> Range:
        """All parts together."""
        total = Range(0.0, 0.0)
        for part in self.parts.values():
            total += part
        return total

    @property
    def power_uw(self) -> Range:
        """Mean power in microwatts."""
        return self.microjoules * (1 / self.seconds)


def load_of(network: QuantizedNetwork, plan: Plan) -> Load:
    """What a planned circuit keeps busy.

    Multipliers and memories work in every cycle at most; at least as long as the network's products take on
    all multipliers.
    """
    busy = network.multiplications_per_step / (plan.multipliers * plan.cycles_per_step)
    return Load(
        cells=plan.logic_cells,
        multipliers=plan.estimate.dsp,
        block_rams=plan.estimate.bram,
        single_ports=plan.estimate.spram,
        use=Range(min(1.0, busy), 1.0),
    )


def step_energy(
    network: QuantizedNetwork, plan: Plan, costs: PowerCosts, *, clock_mhz: float, rate: float | None = None
) -> StepEnergy:
    """Energy of a step.

    Parameters
    ----------
    network : QuantizedNetwork
    plan : Plan
    costs : PowerCosts
        Of the plan's device.
    clock_mhz : float
    rate : float, optional
        Steps a second: between them the clock stands still, and static power goes on. By default a step
        follows the other.

    Raises
    ------
    StatespikeError
        If the rate is none, or the circuit cannot make it at this clock.
    """
    seconds = plan.cycles_per_step / (clock_mhz * 1e6)
    require_rate(rate)
    if rate is not None:
        if rate * seconds > 1:
            raise StatespikeError(
                f"{rate:g} steps a second are not possible on {plan.device.name}: at {clock_mhz:g} MHz this "
                f"circuit makes {per_second(1 / seconds)}; ask for that or less"
            )
        seconds = 1 / rate
    parts = {"static": waiting_uw(costs) * seconds}
    for name, cycle in cycle_pj(costs, load_of(network, plan)).items():
        parts[name] = cycle * (plan.cycles_per_step * 1e-6)
    return StepEnergy(parts, seconds)
