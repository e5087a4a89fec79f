"""Circuits of quantised networks: planning, costs, components, Verilog."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from amaranth.lib.wiring import Component

from hdl.devices.devices import find_device
from hdl.emit.companions import companions_of
from hdl.emit.generate import convert
from hdl.emit.generate import generate as generate_folder
from hdl.emit.interface import PLAIN, interface_of
from hdl.emit.manifest import manifest_of
from hdl.planning.planner import Plan, plan_network
from quantize.files import scratch_folder
from quantize.network import QuantizedNetwork
from quantize.survey import Observation
from statespike.library.energy import energy_costs

COSTS = (
    "device", "clock_mhz", "clock_from", "cycles_per_step", "least_cycles_per_step", "cycles_follow_data",
    "steps_per_second", "latency_cycles",
    "multiplications_per_step", "multipliers", "schedule", "estimate", "shortfall",
)  # fmt: skip
"""Entries of a manifest that tell what a circuit costs."""


def plan(
    network: QuantizedNetwork,
    device: str = "up5k",
    *,
    rate: float | None = None,
    oversize: bool = False,
    clock_mhz: float | None = None,
    folded: bool | None = None,
) -> Plan:
    """Decide how parallel a network's circuit is: as fast as fits a device.

    Parameters
    ----------
    network : QuantizedNetwork
    device : str
        One of `hdl.devices.devices.DEVICES`.
    rate : float, optional
        Steps a second; the smallest circuit that makes them instead.
    clock_mhz : float, optional
        Clock to plan for; by default one that designs on the device reach.
    oversize : bool
        The smallest circuit where none fits, instead of an error.
    folded : bool, optional
        One block for all layers in turn, or one for each; by default whatever suits. The layers need common
        formats for it, see `quantise`.

    Raises
    ------
    StatespikeError
        If no circuit fits or reaches the rate; it says what is short. If no block can serve all layers.

    Examples
    --------
    >>> import statespike
    >>> network = statespike.quantise(statespike.load("digits-prf"))
    >>> plan = statespike.plan(network, "ecp5-25k")
    >>> plan.cycles_per_step > 0, plan.shortfall
    (True, [])
    """
    chosen = find_device(device).at(clock_mhz)
    return plan_network(network, chosen, rate=rate, oversize=oversize, folded=folded)


def cost(
    network: QuantizedNetwork,
    device: str = "up5k",
    *,
    plan: Plan | None = None,
    seeds: Sequence[int] = (),
    observed: Observation | None = None,
) -> dict[str, Any]:
    """What a network takes of a device: cells, cycles, clock, speed and energy.

    Of a network that does not fit, it is the smallest circuit, and `shortfall` says what the device lacks.

    Parameters
    ----------
    network : QuantizedNetwork
    device : str
        What to plan for, without a plan.
    plan : Plan, optional
        Of this network, see `statespike.plan`.
    seeds : sequence of int
        Place and route with each of them, which takes minutes: `measured`, `fmax_mhz` and
        `measured_steps_per_second`, of the slowest seed, are added.
    observed : Observation, optional
        What the network does with sequences, see `quantize.survey.observe`: energy and accountings are then
        those of a mean sequence. Without, accuracy, activity and the accountings are None, and the energy is
        that of a step.

    Examples
    --------
    >>> import statespike
    >>> network = statespike.quantise(statespike.load("digits-prf"))
    >>> costs = statespike.cost(network, "up5k")
    >>> sorted(costs["estimate"])
    ['bram', 'dsp', 'ff', 'lut', 'spram']
    >>> costs["energy_uj"]["low"] < costs["energy_uj"]["high"]
    True
    """
    planned = plan or plan_network(network, find_device(device), oversize=True)
    manifest = manifest_of(network, planned)
    costs = {key: manifest[key] for key in COSTS} | {"resources_from": "estimate"}
    costs |= energy_costs(network, planned, observed)
    if seeds and not planned.shortfall:
        with scratch_folder() as temporary:
            circuit = convert(network, planned, harness=True)
            measured = generate_folder(circuit, temporary / "build", seeds=seeds)
        costs |= {
            "measured": measured["resources"],
            "fmax_mhz": measured["fmax_mhz"],
            "untimed": measured["untimed"],
            "measured_steps_per_second": measured["steps_per_second"],
        }
    return costs


def component(
    network: QuantizedNetwork, device: str = "up5k", *, plan: Plan | None = None, interface: str = PLAIN.form
) -> Component:
    """A network's circuit as a component, for a design in Amaranth.

    Parameters
    ----------
    network : QuantizedNetwork
    device : str
        What to plan for, without a plan.
    plan : Plan, optional
        Of this network, see `statespike.plan`.
    interface : "plain" or "axis"
        With the ports of `hdl.network.top.Network`, or of `hdl.network.axis.AxisNetwork`.

    Raises
    ------
    StatespikeError
        If no circuit fits.

    Examples
    --------
    >>> import statespike
    >>> network = statespike.quantise(statespike.load("digits-prf"))
    >>> classifier = statespike.component(network, "ecp5-25k", interface="axis")
    >>> classifier.signature.members["s_axis"].signature.width
    9
    """
    ports = interface_of(interface)
    return ports.component(network, plan or plan_network(network, find_device(device)))


def generate(
    network: QuantizedNetwork,
    folder: str | os.PathLike[str],
    device: str = "up5k",
    *,
    plan: Plan | None = None,
    seeds: Sequence[int] = (),
    interface: str = PLAIN.form,
    name: str = PLAIN.name,
    prefix: str = PLAIN.prefix,
) -> dict[str, Any]:
    """Write a network's circuit into a folder: Verilog, and a manifest of ports, schedule and resources.

    Beside them are test benches with the reference's answers, a C header for firmware, and a FuseSoC core.

    Parameters
    ----------
    network : QuantizedNetwork
    folder : path
        A new or empty folder, or one of an earlier call; replaced as a whole.
    device : str
        What to plan for, without a plan.
    plan : Plan, optional
        Of this network, see `statespike.plan`.
    seeds : sequence of int
        Place and route with each of them, which takes minutes.
    interface : "plain" or "axis"
        Streams of payloads, or AXI4-Stream.
    name : str
        Of the top module.
    prefix : str
        Before the names of the streams' ports.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    StatespikeError
        If no circuit fits, the folder holds something else, Verilog does not take a name, or a tool is
        missing or fails.

    Examples
    --------
    >>> import statespike
    >>> network = statespike.quantise(statespike.load("digits-prf"))
    >>> manifest = statespike.generate(network, "circuit", "ecp5-25k")
    >>> manifest["device"], manifest["files"]["verilog"]
    ('ecp5-25k', 'design.v')
    """
    ports = interface_of(interface, name, prefix)
    chosen = plan or plan_network(network, find_device(device))
    circuit = convert(network, chosen, synthesis=bool(seeds), harness=bool(seeds), interface=ports)
    companions = companions_of(network, ports, circuit.manifest)
    return generate_folder(circuit, Path(folder), seeds=seeds, companions=companions)
