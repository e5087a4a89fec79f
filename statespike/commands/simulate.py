"""`statespike simulate`: a network's circuit beside the integer reference, bit by bit."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hdl.devices.devices import find_device
from quantize.clipping import clipping_of
from quantize.errors import StatespikeError
from quantize.words import count, per_second
from sim.pace import FULL_SPEED, Pace, Varied
from sim.waves import require_writer
from statespike.library.circuits import plan as plan_network
from statespike.library.simulation import require_workers_work, simulate_piece
from statespike.library.simulation import simulate as simulate_network
from statespike.models.tasks.task import Sequences
from statespike.networks import integers_of, require_suited, sequences_of, tell_smaller
from statespike.options import (
    Data,
    DeviceName,
    Folded,
    FromState,
    Json,
    Limit,
    Logits,
    NetworkPath,
    Rate,
    Scheduler,
    TaskName,
)
from statespike.output import progress, say, tell_clipping, write_json, write_logits
from statespike.spreading import asked_workers, figures_of, tell_workers

MISMATCH = 1
"""Exit status when circuit and reference differ."""


class Simulator(StrEnum):
    """What runs the circuit."""

    CXXRTL = "cxxrtl"
    AMARANTH = "amaranth"
    VERILATOR = "verilator"
    ICARUS = "icarus"
    NETLIST = "netlist"


def simulate(
    network: NetworkPath,
    task: TaskName = None,
    backend: Annotated[
        Simulator, typer.Option(help="simulator; netlist: the circuit after synthesis, logits only")
    ] = Simulator.CXXRTL,
    against: Annotated[
        Path | None,
        typer.Option(metavar="NETWORK", help="whose reference to compare with; by default NETWORK's own"),
    ] = None,
    device: DeviceName = "up5k",
    rate: Rate = None,
    folded: Folded = False,
    data: Data = None,
    limit: Limit = None,
    input_gaps: Annotated[
        float | None, typer.Option(help="probability that the source pauses in a cycle", show_default=False)
    ] = None,
    output_stalls: Annotated[
        float | None, typer.Option(help="probability that the sink waits in a cycle", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="of gaps and stalls")] = 0,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="simulations at the same time  [default: all cores]", show_default=False
        ),
    ] = None,
    scheduler: Scheduler = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="keep the compiled circuit here for the next run")
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="write the first sequence's signals, .vcd or .fst", show_default=False
        ),
    ] = None,
    from_state: FromState = None,
    save_state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="leave the one sequence open, and write all states, .npz", show_default=False
        ),
    ] = None,
    logits: Logits = None,
    json: Json = None,
) -> None:
    """Compare a network's circuit with the integer reference, bit by bit.

    The circuit runs on a task's sequences; every value of every layer is compared. Exit
    status 1 when a bit differs; the first difference is named. By default all sequences are
    played at full speed, and some again with pauses and a reset in mid-sequence. With
    --save-state and --from-state one sequence is played in several calls, bit for bit.

    Example: statespike simulate smnist-gsu smnist-sample --input-gaps 0.2
    """
    find_device(device)  # what is wrong is said before long work
    pieces = from_state is not None or save_state is not None
    if scheduler is not None:
        require_workers_work(backend.value, keep, jobs, trace)
        if pieces:
            raise StatespikeError(
                "--save-state and --from-state play one sequence, on this machine; leave --scheduler out"
            )
    if trace is not None:
        require_writer(trace)
    paced = input_gaps is not None or output_stalls is not None
    pace = Pace(input_gaps or 0.0, output_stalls or 0.0, seed) if paced else Varied(seed)
    asked = sequences_of(task, data, limit)
    circuit = integers_of(network, task, data, shared_formats=folded)
    require_suited(asked.source, asked.sequences, circuit)
    sequences = asked.sequences
    reference = circuit if against is None else integers_of(against, task, data, shared_formats=folded)
    if pieces:
        _require_piece(sequences, backend, against, trace)
    with progress() as bars:
        bars.add_task("planning", total=None)
        plan = plan_network(circuit, device, rate=rate, folded=folded or None)
    tell_smaller(circuit, plan, rate)
    with asked_workers(scheduler) as workers, progress() as bars:
        bar = bars.add_task("compiling", total=None)

        def tell(stage: str, done: int) -> None:
            total = len(sequences) if done else None
            bars.update(bar, description=stage, completed=done, total=total)

        result = (
            simulate_piece(
                circuit,
                sequences.x[0][: None if sequences.lengths is None else sequences.lengths[0]],
                plan=plan,
                pace=pace if isinstance(pace, Pace) else FULL_SPEED,
                folder=keep,
                from_state=from_state,
                save_state=save_state,
                on_progress=tell,
            )
            if pieces
            else simulate_network(
                circuit,
                sequences.x,
                sequences.lengths,
                plan=plan,
                simulator=backend.value,
                against=reference,
                pace=pace,
                folder=keep,
                jobs=jobs,
                on_progress=tell,
                trace=trace,
                workers=workers,
            )
        )
    clipping = clipping_of(reference, result.saturations, sequences.x, sequences.lengths)
    tell_clipping(clipping)
    tell_workers(workers)
    write_logits(logits, result.logits)
    write_json(
        json,
        {
            "network": str(network),
            "backend": result.backend,
            "sequences": len(sequences),
            "folded": plan.folded,
            "bit_exact": result.bit_exact,
            "compared_values": result.compared_values,
            "from_state": None if from_state is None else str(from_state),
            "save_state": None if save_state is None else str(save_state),
            "mismatches": result.mismatches,
            "first_mismatch": None if result.first_mismatch is None else asdict(result.first_mismatch),
            "steps": result.steps,
            "cycles": result.cycles,
            "cycles_per_step": result.cycles_per_step,
            "cycles_per_second": result.cycles_per_second,
            "seconds": result.seconds,
            "jobs": result.jobs,
            "scheduler": figures_of(scheduler, workers),
            "clipping": clipping.figures(),
        },
    )
    say(
        f"{count(len(sequences), 'sequence')} in {result.seconds:.1f} s: {count(result.steps, 'step')} in "
        f"{count(result.cycles, 'cycle')}, {result.cycles_per_step:.1f} a step "
        f"({result.backend}, {per_second(result.cycles_per_second)} cycles a second and core"
        f"{'; one block serves all layers in turn' if plan.folded else ''})"
    )
    if trace is not None:
        say(f"wrote {trace}: sequence 0, every cycle")
    if save_state is not None:
        say(f"wrote {save_state}: all states behind the last step; --from-state goes on from there")
    if not result.bit_exact:
        differing = f"{result.mismatches:,} of {count(result.compared_values, 'value')}"
        say(f"not equal: {differing}; the first: {result.first_mismatch}")
        raise typer.Exit(MISMATCH)
    say(f"all {result.compared_values:,} values are equal, to the last bit")


def _require_piece(
    sequences: Sequences, backend: Simulator, against: Path | None, trace: Path | None
) -> None:
    """Refuse what a sequence in several calls cannot be.

    Raises
    ------
    StatespikeError
    """
    if len(sequences) != 1:
        raise StatespikeError(
            f"--save-state and --from-state play one sequence, and there are {len(sequences)}; add --limit 1"
        )
    if backend is not Simulator.CXXRTL:
        raise StatespikeError(
            f"--save-state and --from-state need the backend cxxrtl; {backend.value} cannot save a circuit"
        )
    if against is not None or trace is not None:
        raise StatespikeError(
            "--save-state and --from-state go with neither --against nor --trace; leave it out"
        )
