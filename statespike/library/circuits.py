"""Circuits of quantised networks: planning, costs, Verilog, simulation, bitstreams."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.lib.wiring import Component
from numpy.typing import NDArray

from boards.boards import Board
from boards.boards import board as board_named
from boards.build import Build, pll_for
from boards.build import build as build_board
from boards.link import Link
from hdl.devices.devices import Device, find_device
from hdl.emit.companions import companions_of
from hdl.emit.generate import convert, expected_of
from hdl.emit.generate import generate as generate_folder
from hdl.emit.interface import PLAIN, interface_of
from hdl.emit.manifest import manifest_of
from hdl.network.top import Network
from hdl.planning.planner import Plan, plan_network
from hdl.toolchain import synthesise
from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError
from quantize.files import scratch_folder
from quantize.network import QuantizedNetwork
from quantize.survey import Observation
from sim.backends import backend as backend_named
from sim.backends.base import Backend
from sim.backends.netlist import Netlist
from sim.check import Check, Pace, Varied, check
from sim.waves import require_writer, waves_of, write_waves
from statespike.library.energy import energy_costs

COSTS = (
    "device", "clock_mhz", "clock_from", "cycles_per_step", "least_cycles_per_step", "cycles_follow_data",
    "steps_per_second", "latency_cycles",
    "multiplications_per_step", "multipliers", "estimate", "shortfall",
)  # fmt: skip
"""Entries of a manifest that tell what a circuit costs."""


def plan(
    network: QuantizedNetwork,
    device: str = "up5k",
    *,
    rate: float | None = None,
    oversize: bool = False,
    clock_mhz: float | None = None,
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

    Raises
    ------
    StatespikeError
        If no circuit fits or reaches the rate; it says what is short.

    Examples
    --------
    >>> import statespike
    >>> network = statespike.quantise(statespike.load("digits-prf"))
    >>> plan = statespike.plan(network, "ecp5-25k")
    >>> plan.cycles_per_step > 0, plan.shortfall
    (True, [])
    """
    return plan_network(network, find_device(device).at(clock_mhz), rate=rate, oversize=oversize)


def cost(
    network: QuantizedNetwork,
    device: str = "up5k",
    *,
    seeds: Sequence[int] = (),
    observed: Observation | None = None,
) -> dict[str, Any]:
    """What a network takes of a device: cells, cycles, clock, speed and energy.

    Of a network that does not fit, it is the smallest circuit, and `shortfall` says what the device lacks.

    Parameters
    ----------
    network : QuantizedNetwork
    device : str
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
    planned = plan(network, device, oversize=True)
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


def simulate(
    network: QuantizedNetwork,
    x: NDArray[np.floating],
    lengths: NDArray[np.int64] | None = None,
    *,
    device: str = "up5k",
    simulator: str = "cxxrtl",
    against: QuantizedNetwork | None = None,
    pace: Pace | Varied = Varied(),
    folder: Path | None = None,
    jobs: int | None = None,
    on_progress: Callable[[str, int], None] = lambda stage, done: None,
    trace: Path | None = None,
) -> Check:
    """Run sequences through a network's circuit, and compare every value with the integer reference.

    Parameters
    ----------
    network : QuantizedNetwork
    x : real (sequences, steps, features)
    lengths : integers (sequences,), optional
        Valid steps of each sequence; all by default.
    device : str
        What the circuit is planned for.
    simulator : str
        One of `sim.backends.BACKENDS`; "netlist" for the circuit after synthesis, of which only logits are
        compared.
    against : QuantizedNetwork, optional
        Whose reference to compare with; the network's own by default.
    pace : Pace or Varied
        How source and sink behave: by default everything at full speed, and a part again with pauses.
    folder : Path, optional
        Where the compiled circuit is kept for the next run.
    jobs : int, optional
        Simulations at the same time; by default one for each core.
    on_progress : callable, optional
        Called with what is going on, and how many sequences are done.
    trace : Path, optional
        A `.vcd` or `.fst` file to write, of the first sequence, see `sim.waves`.

    Raises
    ------
    StatespikeError
        If the trace has another suffix, the sequences do not suit the network, a tool is missing, or the
        circuit does not answer.

    Examples
    --------
    >>> import numpy, statespike
    >>> network = statespike.quantise(statespike.load("digits-prf"))
    >>> result = statespike.simulate(network, numpy.zeros((1, 3, 1)), device="ecp5-25k", simulator="amaranth")
    >>> result.bit_exact, result.logits.shape
    (True, (1, 10))
    """
    if trace is not None:
        require_writer(trace)
    reference = network if against is None else against
    _require_same_shape(network, reference)
    target = find_device(device)
    u = reference.inputs(np.asarray(x))
    reference.require_lengths(np.array([u.shape[1]]) if lengths is None else lengths)

    with scratch_folder() as temporary:
        place = folder or temporary
        on_progress("planning", 0)
        design, chosen = _prepared(simulator, network, target, place, lambda stage: on_progress(stage, 0))
        return check(
            design,
            reference,
            u,
            lengths,
            chosen,
            pace,
            place,
            lambda done: on_progress("simulating", done),
            jobs,
            None if trace is None else lambda run, ports: write_waves(trace, waves_of(run, ports, network)),
        )


def _prepared(
    simulator: str, network: QuantizedNetwork, device: Device, folder: Path, tell: Callable[[str], None]
) -> tuple[Callable[[], Component], Backend]:
    """What makes the design, and what runs it; for the netlist, the design is synthesised here."""
    if simulator != Netlist.name:
        backend = backend_named(simulator)

        def made() -> Component:
            design = Network(network, plan_network(network, device), taps=True)
            tell("compiling the circuit")
            return design

        return made, backend
    chosen = plan_network(network, device)
    design = Network(network, chosen)
    tell("synthesising")
    synthesis = synthesise(
        rtlil_text(design, platform=device.family),
        device,
        folder / "synthesis",
        expected_of(chosen),
        no_collisions=True,
    )
    tell("compiling the netlist")
    return lambda: design, Netlist(synthesis.rtlil, device)


def _require_same_shape(circuit: QuantizedNetwork, reference: QuantizedNetwork) -> None:
    for name in ("features", "beats_per_step", "channels", "classes", "input"):
        ours, theirs = getattr(circuit, name), getattr(reference, name)
        if ours != theirs:
            raise StatespikeError(
                f"the networks cannot be compared: {name} is {ours} in one, {theirs} in the other"
            )
    if circuit.tap_names() != reference.tap_names():
        raise StatespikeError("the networks cannot be compared: they have different numbers of layers")


def board_plan(network: QuantizedNetwork, target: Board, clock_mhz: float | None = None) -> Plan:
    """How parallel a network's circuit is on a board, at its clock and beside its link; see `build`."""
    pll = pll_for(target, clock_mhz)
    return plan_network(network, target.room.at(pll.clock_mhz if pll else target.clock_mhz))


def build(
    network: QuantizedNetwork,
    folder: str | os.PathLike[str],
    board: str = "icebreaker",
    *,
    clock_mhz: float | None = None,
    seeds: Sequence[int] = (1, 2, 3),
) -> Build:
    """Make a bitstream for a board: the network behind a serial port.

    Parameters
    ----------
    network : QuantizedNetwork
    folder : path
        Receives Verilog, bitstream, manifest, the network and the tools' logs; replaced as a whole.
    board : str
        One of `boards.boards.BOARDS`.
    clock_mhz : float, optional
        By default the board's oscillator; another one is made by the PLL.
    seeds : sequence of int
        Of the placer; the fastest result becomes the bitstream, which takes minutes. Without any there is
        none: what is written then serves a virtual board (`statespike.Board`).

    Raises
    ------
    StatespikeError
        If no circuit fits, a tool is missing or fails, or no seed reaches the clock.

    Examples
    --------
    >>> import statespike
    >>> network = statespike.quantise(statespike.load("digits-prf"))
    >>> result = statespike.build(network, "board", "ulx3s-25f", seeds=[1])
    >>> result.bitstream.suffix, result.manifest["board"]
    ('.bit', 'ulx3s-25f')
    """
    target = board_named(board)
    chosen = board_plan(network, target, clock_mhz)
    return build_board(
        Network(network, chosen),
        Link.of(network),
        target,
        Path(folder),
        clock_mhz=clock_mhz,
        seeds=seeds,
        expected=expected_of(chosen),
        no_collisions=True,
        facts=manifest_of(network, chosen),
        integers=network,
    )
