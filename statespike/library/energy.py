"""Energy of planned circuits beside the papers' accountings."""

from typing import Any

from hdl.energy.step import StepEnergy, step_energy
from hdl.planning.planner import Plan
from quantize.accounting import accountings
from quantize.errors import StatespikeError
from quantize.network import QuantizedNetwork
from quantize.survey import Observation


def energy_costs(network: QuantizedNetwork, plan: Plan, observed: Observation | None) -> dict[str, Any]:
    """Accuracy, activity, energy and accountings: the entries of a cost that follow from data and power.

    Energies are in microjoules, of a mean sequence where sequences were observed, else of a step; None where
    the device is not modelled.
    """
    steps, per = (1.0, "step") if observed is None else (observed.steps, "sequence")
    low = high = None
    if plan.device.power is not None:
        energy = step_energy(network, plan, plan.device.power, clock_mhz=plan.clock_mhz).microjoules * steps
        low, high = energy.low, energy.high
    return {
        "accuracy": None if observed is None else observed.accuracy,
        "activity": None if observed is None else list(observed.activity),
        "observed_sequences": 0 if observed is None else observed.sequences,
        "energy_uj": {"low": low, "high": high, "per": per},
        "energy_from": "not modelled" if plan.device.power is None else "model",
        "accountings": {"paper": None, "everything": None} if observed is None else priced(network, observed),
    }


def priced(network: QuantizedNetwork, observed: Observation) -> dict[str, float]:
    """A mean sequence at the papers' prices in microjoules, see `quantize.accounting.Accountings`."""
    counted = accountings(network, observed)
    microjoules = observed.steps * 1e-6
    return {"paper": counted.paper_pj * microjoules, "everything": counted.everything_pj * microjoules}


def energy_of(network: QuantizedNetwork, plan: Plan, *, rate: float | None = None) -> StepEnergy:
    """Energy of a step of a planned network. See `hdl.energy.step.step_energy`.

    Raises
    ------
    StatespikeError
        If the device is not modelled, or the circuit cannot make the rate.
    """
    if plan.device.power is None:
        raise StatespikeError(
            f"the energy of {plan.device.name} is not modelled: no measured currents of such a part are "
            "known; choose --device up5k, or see `statespike cost` for activity and the papers' accountings"
        )
    return step_energy(network, plan, plan.device.power, clock_mhz=plan.clock_mhz, rate=rate)
