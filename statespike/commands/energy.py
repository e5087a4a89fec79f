"""`statespike energy`: where the energy of a network's circuit goes, and a measured current beside it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hdl.devices.devices import find_device
from hdl.devices.power import Range
from statespike.current_log import CurrentLog, read_log
from statespike.library.circuits import plan as plan_network
from statespike.library.energy import energy_of
from statespike.networks import integers_of
from statespike.options import DeviceName, Json, NetworkPath, Rate
from statespike.output import new_table, progress, say, show, write_json


def energy(
    network: NetworkPath,
    device: DeviceName = "up5k",
    clock: Annotated[
        float | None,
        typer.Option(metavar="MHZ", help="clock  [default: the planning clock]", show_default=False),
    ] = None,
    rate: Rate = None,
    measured: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="log of the core's current, time,current in s and A, to compare with",
            show_default=False,
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Model the energy of a network's circuit, part by part, as ranges.

    The figures are a model's, with its errors and an assumed activity of the logic; docs/energy.md has its
    sources, its residuals, and how to measure. With --rate so many steps arrive a second, and between them
    the clock of the circuit that makes them stands still; without, the fastest circuit that fits never waits.

    Example: statespike energy digits-gsu --device up5k --rate 1000
    """
    log = None if measured is None else read_log(measured)
    target = find_device(device)
    found = integers_of(network)
    with progress() as bars:
        bars.add_task("planning", total=None)
        plan = plan_network(found, device, rate=rate, oversize=True, clock_mhz=clock)
    step = energy_of(found, plan, rate=rate)
    table = new_table("of a step", "nJ, low", "nJ, high")
    for name, part in step.parts.items():
        table.add_row(name, f"{part.low * 1e3:.3g}", f"{part.high * 1e3:.3g}")
    total, power = step.microjoules, step.power_uw * 1e-3
    table.add_row("together", f"{total.low * 1e3:.3g}", f"{total.high * 1e3:.3g}")
    show(table)
    say(
        f"a step each {step.seconds * 1e6:.4g} us at {plan.clock_mhz:g} MHz: "
        f"{power.low:.3g} to {power.high:.3g} mW"
    )
    say("a model's range, not measured; the activity of the logic is assumed")
    if plan.shortfall:
        say(f"this circuit does not fit {target.name}: it is short of {', '.join(plan.shortfall)}")
    compared = None if log is None or target.power is None else _compared(log, power, target.power.volts)
    if compared is not None:
        say(
            f"measured over {compared['seconds']:.3g} s: {compared['measured_mw']:.3g} mW at "
            f"{compared['volts']:g} V, {compared['verdict']}"
        )
    write_json(
        json,
        {
            "network": str(network),
            "device": target.name,
            "clock_mhz": plan.clock_mhz,
            "cycles_per_step": plan.cycles_per_step,
            "shortfall": plan.shortfall,
            "steps_per_second": 1 / step.seconds,
            "energy_uj": {"low": total.low, "high": total.high, "per": "step"},
            "energy_from": "model",
            "parts_uj": {name: _bounds(part) for name, part in step.parts.items()},
            "power_mw": _bounds(power),
            "measured": compared,
        },
    )


def _bounds(values: Range) -> dict[str, float]:
    return {"low": values.low, "high": values.high}


def _compared(log: CurrentLog, power: Range, volts: float) -> dict[str, Any]:
    """A measured current beside the model's power."""
    milliwatts = log.amperes * volts * 1e3
    if milliwatts < power.low:
        verdict = f"{1 - milliwatts / power.low:.0%} below the model's range"
    elif milliwatts > power.high:
        verdict = f"{milliwatts / power.high - 1:.0%} above the model's range"
    else:
        verdict = "inside the model's range"
    return {
        "seconds": log.seconds, "samples": log.samples, "volts": volts, "measured_mw": milliwatts,
        "verdict": verdict,
    }  # fmt: skip
