"""Finalists of a search beside networks made by hand, on the same device, to the placed circuit.

    python -m benchmarks.finalists 312c1267 --study digits-search.db --network digits-binary_s4d --json F

`statespike explore TASK --finish ID` has trained a candidate in full with several seeds. Those networks and
each shipped one that is named are quantised, planned as the search plans, synthesised, placed and routed. All
test sequences run through their compiled circuits. Shipped networks have words of 8 bits and the fastest
circuit that fits. A candidate dominates a shipped network if each of its seeds is nowhere worse in test
error, look-up tables of the netlist and energy of a step, and better in one. What the file already has of the
same circuit is not done again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.command import command
from benchmarks.hardware import load
from benchmarks.results import earlier_rows, markdown_table
from hdl.devices.devices import find_device
from hdl.emit.generate import convert, generate
from hdl.energy.step import step_energy
from hdl.planning.planner import Plan, plan_network
from quantize.errors import StatespikeError
from quantize.evaluate import evaluate
from quantize.files import scratch_folder, write_whole
from quantize.network import QuantizedNetwork
from statespike.library.simulation import simulate
from statespike.models.tasks.registry import load_task
from statespike.models.tasks.task import Sequences
from statespike.options import Seeds
from statespike.output import progress, say, write_json
from statespike.search.evaluation import plan_of
from statespike.search.finalists import write
from statespike.search.objectives import dominates
from statespike.search.store import Store
from statespike.search.trial import Trial

COMPARED = ("error", "lut", "energy_uj")
"""Figures of a row in which one network dominates another."""


@dataclass(frozen=True)
class Contender:
    """A network in integers with its circuit.

    Parameters
    ----------
    name : str
        Of a shipped network, or the candidate's identifier.
    seed : int or None
        Of a candidate's training.
    told : str
        The specification, in words.
    network : QuantizedNetwork
    plan : Plan
    """

    name: str
    seed: int | None
    told: str
    network: QuantizedNetwork
    plan: Plan


def finalists(store: Store, identifier: str) -> Iterator[Contender]:
    """The full trainings of a candidate.

    Raises
    ------
    StatespikeError
        If there are none.
    """
    found = store.finalists(store.find(identifier).trial)
    if not found:
        raise StatespikeError(
            f"candidate {identifier} was not trained in full; run `statespike explore TASK --finish "
            f"{identifier}`"
        )
    for one in found:
        with scratch_folder() as folder:
            network = write(store, one, folder).integers
        told = str(one.trial.specification)
        yield Contender(identifier, one.trial.seed, told, network, plan_of(one.trial, network))


def shipped(name: str, trial: Trial) -> Contender:
    """A shipped network, as fast as fits the device of a search, or the smallest that makes its rate."""
    network, _ = load(name)
    plan = plan_network(network, find_device(trial.device), rate=trial.rate)
    return Contender(name, None, "shipped, 8 bits", network, plan)


def measured(
    one: Contender, test: Sequences, seeds: Sequence[int], known: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """A row: errors of the test set, the netlist, the clocks, and whether all simulated values are equal.

    An earlier row stays if the same tools would make the same circuit.
    """
    circuit = convert(one.network, one.plan, harness=True)
    row: dict[str, Any] = {"name": one.name, "seed": one.seed, "seeds": list(seeds)}
    row |= {name: circuit.manifest[name] for name in ("rtlil_sha256", "tools")}
    for earlier in known:
        if all(earlier.get(name) == value for name, value in row.items()):
            return earlier
    accuracy = evaluate(one.network, test.x, test.lengths).accuracy(test.y)
    assert accuracy is not None, "a search refuses tasks without labels"
    costs = one.plan.device.power
    energy = None
    if costs is not None:
        step = step_energy(one.network, one.plan, costs, clock_mhz=one.plan.clock_mhz)
        energy = step.microjoules.high
    check = simulate(one.network, test.x, test.lengths, plan=one.plan)
    with scratch_folder() as folder:
        made = generate(circuit, folder / "build", seeds=seeds)
    return row | {
        "network": one.told,
        "device": one.plan.device.name,
        "error": 1.0 - accuracy,
        "tested": len(test),
        "lut": made["resources"]["lut"],
        "energy_uj": energy,
        "resources": made["resources"],
        "estimate": one.plan.estimate.as_dict(),
        "cycles_per_step": one.plan.cycles_per_step,
        "fmax_mhz": made["fmax_mhz"],
        "values": check.compared_values,
        "equal": check.bit_exact,
    }


def dominating(rows: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Candidate -> the shipped networks that each of its seeds dominates."""
    by_hand = [row for row in rows if row["seed"] is None]
    candidates = dict.fromkeys(row["name"] for row in rows if row["seed"] is not None)
    return {
        name: [
            other["name"]
            for other in by_hand
            if all(
                dominates([row[figure] for figure in COMPARED], [other[figure] for figure in COMPARED])
                for row in rows
                if row["name"] == name
            )
        ]
        for name in candidates
    }


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """A table of all contenders."""
    lines = [
        [
            row["name"], row["network"], "" if row["seed"] is None else str(row["seed"]),
            f"{row['error']:.2%}", f"{row['lut']:,}",
            "" if row["energy_uj"] is None else f"{row['energy_uj']:.3f}", f"{row['cycles_per_step']:,}",
            ", ".join(f"{clock:.1f}" for clock in row["fmax_mhz"]),
            f"{row['values']:,}" if row["equal"] else "NOT EQUAL",
        ]
        for row in rows
    ]  # fmt: skip
    header = ["id", "network", "seed", "test error", "LUTs", "uJ a step", "cycles", "MHz", "values equal"]
    return markdown_table(header, lines, names=2)


def run(
    candidates: Annotated[list[str], typer.Argument(metavar="ID...", help="candidates trained in full")],
    study: Annotated[str, typer.Option(metavar="FILE", help="the search's --study, or a URL")],
    network: Annotated[
        list[str] | None, typer.Option(metavar="NETWORK", help="a shipped one; may be given again")
    ] = None,
    seeds: Seeds = 3,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="results; goes on with those it has")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="write the table to a file")] = None,
) -> None:
    """Place and simulate finalists of a search beside shipped networks."""
    numbers = list(range(1, seeds + 1))
    known, rows = earlier_rows(json), []
    with Store(study) as store, progress() as bars:
        first = store.find(candidates[0]).trial
        test = load_task(first.task, first.data or None).test
        found = [one for identifier in candidates for one in finalists(store, identifier)]
        found += [shipped(name, first) for name in network or []]
        bar = bars.add_task("placing and simulating", total=len(found))
        for one in found:
            rows.append(measured(one, test, numbers, known))
            write_json(json, {"rows": rows})
            bars.advance(bar)
    if markdown is not None:
        write_whole(markdown, as_markdown(rows).encode())
    say(as_markdown(rows))
    for name, beaten in dominating(rows).items():
        say(f"{name} dominates {', '.join(beaten) or 'none of the shipped networks'} with every seed")


if __name__ == "__main__":
    command(run)
