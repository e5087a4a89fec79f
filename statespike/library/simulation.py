"""Circuits in simulation: every value compared with the integer reference."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from amaranth.lib.wiring import Component
from numpy.typing import NDArray

from hdl.devices.devices import Device, find_device
from hdl.emit.generate import expected_of
from hdl.network.top import Network
from hdl.planning.planner import Plan, plan_network
from hdl.toolchain import synthesise
from hdl.toolchain.synthesis import Expected
from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError
from quantize.files import one_at_a_time, scratch_folder
from quantize.inputs import require_sequences
from quantize.jobs import Run
from quantize.network import QuantizedNetwork
from quantize.reading import reading
from quantize.states import read_states, write_states
from sim.backends import backend as backend_named
from sim.backends.base import Backend
from sim.backends.netlist import Netlist
from sim.backends.verilated import design_folder
from sim.check import Check, check
from sim.pace import FULL_SPEED, Pace, Varied
from sim.part import Outcome
from sim.session import CircuitSession
from sim.spread import BACKEND, Work, played, spread
from sim.waves import require_writer, waves_of, write_waves


def simulate(
    network: QuantizedNetwork,
    x: NDArray[np.floating],
    lengths: NDArray[np.int64] | None = None,
    *,
    device: str = "up5k",
    plan: Plan | None = None,
    simulator: str = "cxxrtl",
    against: QuantizedNetwork | None = None,
    pace: Pace | Varied = Varied(),
    folder: Path | None = None,
    jobs: int | None = None,
    on_progress: Callable[[str, int], None] = lambda stage, done: None,
    trace: Path | None = None,
    workers: Run | None = None,
) -> Check:
    """Run sequences through a network's circuit, and compare every value with the integer reference.

    Parameters
    ----------
    network : QuantizedNetwork
    x : real (sequences, steps, features)
    lengths : integers (sequences,), optional
        Valid steps of each sequence; all by default.
    device : str
        What to plan for, without a plan.
    plan : Plan, optional
        Of this network, see `statespike.plan`.
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
    workers : Run, optional
        What plays the runs, see `statespike.workers_at`; by default threads of this process. All counts are
        the same. Each worker compiles the circuit once, and the time for it is part of `seconds`.

    Raises
    ------
    StatespikeError
        If the trace has another suffix, the sequences do not suit the network, a tool is missing, the circuit
        does not answer, or workers are given what this machine alone does.

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
    if workers is not None:
        require_workers_work(simulator, folder, jobs, trace)
    reference = network if against is None else against
    _require_same_shape(network, reference)
    target = find_device(device) if plan is None else plan.device
    lengths = require_sequences(np.shape(x), reference.features, lengths)
    reference.require_lengths(lengths)
    u = reference.inputs(np.asarray(x))

    if workers is not None:
        on_progress("planning", 0)
        # Only the planner reads what it counted, which is long.
        chosen_plan = replace(plan or plan_network(network, target), counted=None)
        return spread(
            partial(Network, network, chosen_plan, taps=True),
            reference,
            u,
            lengths,
            pace,
            workers,
            play_at_worker,
            lambda done: on_progress("simulating", done),
        )
    with scratch_folder() as temporary:
        place = folder or temporary
        on_progress("planning", 0)
        design, chosen = _prepared(
            simulator, network, target, plan, place, lambda stage: on_progress(stage, 0)
        )
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


def play_at_worker(work: Work) -> Outcome:
    """Play a run at a worker of Dask, whose folder keeps the compiled circuit; see `sim.spread`."""
    from statespike.cluster.worker import folder  # with Dask, which nothing else here needs

    return played(work, folder())


def require_workers_work(simulator: str, folder: Path | None, jobs: int | None, trace: Path | None) -> None:
    """Refuse what workers do not do.

    Raises
    ------
    StatespikeError
    """
    if simulator != BACKEND:
        raise StatespikeError(
            f"workers of a scheduler simulate with {BACKEND}, which needs no tool but g++ there; run "
            f"{simulator} on this machine"
        )
    for option, given, why in (
        ("--keep", folder, "they keep compiled circuits as long as they live"),
        ("--jobs", jobs, "they are as many as were started"),
        ("--trace", trace, "signals are written by a run on this machine, with `--limit 1`"),
    ):
        if given is not None:
            raise StatespikeError(f"{option} is not for workers of a scheduler: {why}; leave it out")


def _prepared(
    simulator: str, network: QuantizedNetwork, device: Device, plan: Plan | None, folder: Path,
    tell: Callable[[str], None],
) -> tuple[Callable[[], Component], Backend]:  # fmt: skip
    """What makes the design, and what runs it; for the netlist, the design is synthesised here."""
    if simulator != Netlist.name:
        backend = backend_named(simulator)

        def made() -> Component:
            design = Network(network, plan or plan_network(network, device), taps=True)
            tell("compiling the circuit")
            return design

        return made, backend
    chosen = plan or plan_network(network, device)
    design = Network(network, chosen)
    tell("synthesising")
    netlist = synthesised(rtlil_text(design, platform=device.family), device, folder, expected_of(chosen))
    tell("compiling the netlist")
    return lambda: design, Netlist(netlist, device)


def synthesised(rtlil: str, device: Device, folder: Path, expected: Expected) -> Path:
    """The netlist of a design after synthesis, as RTLIL; that of an earlier run, if the folder has it.

    Parameters
    ----------
    rtlil : str
        Of a design without collisions, see `hdl.toolchain.synthesise`.
    device : Device
    folder : Path
        Receives a subfolder, named by the hash of design and device.
    expected : Expected
        What synthesis may infer at most.
    """
    build = design_folder(folder, "synthesis", "\0".join([rtlil, device.name, repr(expected)]))
    kept = build / "checked.il"
    build.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(build):
        if not kept.exists():
            synthesise(rtlil, device, build, expected, no_collisions=True).rtlil.rename(kept)
    return kept


def simulate_piece(
    network: QuantizedNetwork,
    x: NDArray[np.floating],
    *,
    device: str = "up5k",
    plan: Plan | None = None,
    pace: Pace = FULL_SPEED,
    folder: Path | None = None,
    from_state: Path | None = None,
    save_state: Path | None = None,
    on_progress: Callable[[str, int], None] = lambda stage, done: None,
) -> Check:
    """Simulate the next steps of a sequence that is played in several calls; see `simulate`.

    Circuit and reference go on from the states that an earlier call saved, and all their values are compared.

    Parameters
    ----------
    network : QuantizedNetwork
    x : real (steps, features)
    device, plan, pace, folder, on_progress
        See `simulate`.
    from_state : Path, optional
        A file that `save_state` wrote; a sequence begins without.
    save_state : Path, optional
        Leave the sequence open, and write all states to this .npz file; it ends without.

    Raises
    ------
    StatespikeError
        See `simulate`; and if the file is of another network or circuit, or cannot be read.
    """
    require_sequences((1, *np.shape(x)), network.features)
    u = network.inputs(np.asarray(x)[None])[0]
    with scratch_folder() as temporary:
        on_progress("planning", 0)
        circuit = Network(network, plan or plan_network(network, find_device(device)), taps=True)
        session = CircuitSession(network, circuit, folder or temporary)
        if from_state is not None:
            with reading(from_state, "no saved sequence", "begin the sequence anew"):
                session.restore(read_states(from_state))
        on_progress("compiling and simulating", 0)
        result = session.compute(u, ended=save_state is None, pace=pace)
    if save_state is not None:
        write_states(save_state, session.saved())
    return result


def _require_same_shape(circuit: QuantizedNetwork, reference: QuantizedNetwork) -> None:
    for name in ("features", "beats_per_step", "channels", "classes", "input"):
        ours, theirs = getattr(circuit, name), getattr(reference, name)
        if ours != theirs:
            raise StatespikeError(
                f"the networks cannot be compared: {name} is {ours} in one, {theirs} in the other"
            )
    if circuit.tap_names() != reference.tap_names():
        raise StatespikeError("the networks cannot be compared: they have different numbers of layers")
