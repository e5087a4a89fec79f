"""Seeded faults in drawn networks: does the default simulation find them?

    python -m benchmarks.faults --count 200 --seed 1 --json faults.json

Each fault is drawn from all places of a small drawn circuit (`benchmarks.mutants`), then the circuit plays
what `statespike simulate` plays by default. A fault is found if a value differs, or the circuit stops, or
cannot be built, or takes another number of cycles. Of a fault that is not found so, `benchmarks.equivalence`
tries to prove that its module does what the right one does. If that does not hold, it meets thousands of
steps at other paces (`benchmarks.longer_play`); and if it survives them, the proof is tried on the whole
network. What is neither found nor proved is listed with its place.
Rows that the JSON file holds already are not computed again, unless the circuit has changed at their place.
What somebody wrote there about a survivor, as `reason`, is kept.
"""

import ctypes
import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from amaranth.hdl import Fragment

from benchmarks.command import command
from benchmarks.drawn import drawn
from benchmarks.equivalence import alike_within, equivalent
from benchmarks.longer_play import Difference, difference
from benchmarks.mutants import Fault, faults, faulty
from quantize.errors import StatespikeError
from sim.backends.amaranth_simulator import AmaranthSimulator
from sim.backends.base import MANY_CYCLES
from sim.check import Check, check
from sim.pace import FULL_SPEED, Pace, Varied
from statespike.output import progress, say, write_json
from tests.formal.for_ever import Verdict

WATCHDOG = 3000
"""Cycles without a transfer until a faulty circuit counts as stopped."""
SECONDS = 10
"""Processor time until a faulty circuit counts as stopped: a loop of logic may never settle."""
FAULTS_A_NETWORK = 10


class Outcome(StrEnum):
    """What the simulation of a faulty circuit comes to."""

    DIFFERED = "differed"
    STOPPED = "stopped"
    UNSETTLED = "never settled"
    UNBUILT = "not built"
    PACE = "other cycles"
    """All values are right; `tests/hdl` compares the cycles with the plan's."""
    SURVIVED = "survived"


class Judgement(StrEnum):
    """What is known of a fault in the end."""

    FOUND = "found by the default simulation"
    LATER = "found by a longer play"
    PROVED = "proved to change nothing"
    REASONED = "shown to change nothing by reading"
    OPEN = "not judged"


class Impatient(AmaranthSimulator):
    """Amaranth's simulator, which gives up soon."""

    def prepare(self, design, folder, cycles=MANY_CYCLES):
        play = super().prepare(design, folder, cycles)
        return lambda stimulus, watchdog=WATCHDOG: play(stimulus, min(watchdog, WATCHDOG))


class TooLong(Exception):
    """A simulation does not end."""


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise `TooLong` in the threads that simulate, after so much processor time of this process."""
    over, start = threading.Event(), time.process_time()

    def watch() -> None:
        while not over.wait(0.2):
            if time.process_time() - start > seconds:
                for thread in set(threading.enumerate()) - {threading.main_thread(), watcher}:
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(TooLong)
                    )
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def simulated(seed: int, index: int | None, pace: Pace | Varied) -> Check:
    """A drawn network's circuit, with a fault if one is given, beside the reference."""
    example = drawn(seed, tiny=True)

    def design():
        return example.circuit() if index is None else faulty(example.circuit(), index)

    return check(design, example.network, example.inputs, example.lengths, Impatient(), pace)


@cache
def cycles_of(seed: int, pace: Pace | Varied) -> tuple[int, float]:
    """Of the right circuit."""
    right = simulated(seed, None, pace)
    if not right.bit_exact:
        raise StatespikeError(f"network {seed} differs from its reference without a fault")
    return right.cycles, right.cycles_per_step


def outcome(seed: int, index: int, pace: Pace | Varied) -> Outcome:
    """What the simulation of a network's fault comes to."""
    expected = cycles_of(seed, pace)
    try:
        with limited(SECONDS):
            found = simulated(seed, index, pace)
    except TooLong:
        return Outcome.UNSETTLED
    except StatespikeError:
        return Outcome.STOPPED
    except Exception:  # whatever making the circuit raises where a fault leaves none that can be made
        return Outcome.UNBUILT
    if not found.bit_exact:
        return Outcome.DIFFERED
    return Outcome.SURVIVED if (found.cycles, found.cycles_per_step) == expected else Outcome.PACE


UNMADE = (AssertionError, StatespikeError)
"""Amaranth simulates some circuits that it cannot make gates of, and Yosys refuses some constant bits."""


def scope(seed: int, index: int) -> str | None:
    """The innermost module with a fault that is proved to do what the right one does."""
    example = drawn(seed, tiny=True)
    try:
        return alike_within(example.circuit(), faulty(example.circuit(), index))
    except UNMADE:
        return None


def later(seed: int, index: int) -> Difference | None:
    """What tells the circuit with a fault from its reference in a longer play."""
    example = drawn(seed, tiny=True)
    try:
        return difference(example, faulty(example.circuit(), index), seed)
    except StatespikeError:
        return Difference.STOPPED


def verdict(seed: int, index: int) -> Verdict:
    """Whether any input tells the circuit with a fault from the right one."""
    example = drawn(seed, tiny=True)
    changed = faulty(example.circuit(), index)
    try:
        return equivalent(example.circuit(), changed, example.network.beats_per_step)
    except UNMADE:
        return Verdict.UNDECIDED


def rows_of(file: Path | None, seed: int) -> dict[tuple[int, int], dict[str, Any]]:
    """What an earlier run left, by network and fault."""
    if file is None or not file.exists():
        return {}
    written = json.loads(file.read_text())
    if written["seed"] != seed:
        raise StatespikeError(f"{file} is of seed {written['seed']}, not {seed}; name another file")
    return {(row["network"], row["fault"]): row for row in written["rows"]}


def run(
    count: Annotated[int, typer.Option(min=1, help="faults to seed")] = 200,
    seed: Annotated[int, typer.Option(help="of networks and faults")] = 1,
    full_speed: Annotated[bool, typer.Option(help="simulate without pauses and reset")] = False,
    proofs: Annotated[bool, typer.Option(help="try to prove equivalent what survives")] = True,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write the rows, and go on from them")
    ] = None,
) -> None:
    """Seed faults in drawn circuits, and tell which ones the default simulation finds."""
    pace = FULL_SPEED if full_speed else Varied(seed)
    known, rows = rows_of(json_file, seed), list[dict[str, Any]]()
    with progress() as bars:
        bar = bars.add_task("simulating", total=count)
        while len(rows) < count:
            of_network = seed * 1000 + len(rows) // FAULTS_A_NETWORK
            possible = faults(Fragment.get(drawn(of_network, tiny=True).circuit(), None))
            generator = np.random.default_rng(of_network)
            chosen = generator.choice(
                len(possible), min(FAULTS_A_NETWORK, len(possible)), replace=False
            ).tolist()
            stale = {key for key in known if key[0] == of_network} - {(of_network, index) for index in chosen}
            for key in stale:
                del known[key]
            for index in chosen[: count - len(rows)]:
                fault = possible[index]
                row = known.get((of_network, index))
                if row is None or not is_of(row, fault):
                    row = {
                        "network": of_network, "fault": index, "kind": fault.kind, "place": fault.place,
                        "change": fault.change, "outcome": outcome(of_network, index, pace),
                    }  # fmt: skip
                if row["outcome"] == Outcome.SURVIVED:
                    _judge(row, proofs=proofs)
                rows.append(row)
                bars.advance(bar)
                known[of_network, index] = row
                write_json(json_file, {"seed": seed, "rows": list(known.values())})
    for row in rows:
        if judged(row) is Judgement.OPEN:
            say("network {network}, fault {fault}: {place}: {kind}: {change}".format(**row))
    survived = sum(row["outcome"] == Outcome.SURVIVED for row in rows)
    say(f"{len(rows)} faults, {len(rows) - survived} found: {_counted(row['outcome'] for row in rows)}")
    say(f"{survived} survived: {_counted(judged(row) for row in rows if row['outcome'] == Outcome.SURVIVED)}")


def is_of(row: dict[str, Any], fault: Fault) -> bool:
    """Whether a row of an earlier run is about this fault; lines of the source may have moved."""
    place, _, source = fault.place.partition(" ")
    was_place, _, was_source = row["place"].partition(" ")
    return (row["kind"], row["change"], was_place, was_source.partition(":")[0]) == (
        fault.kind, fault.change, place, source.partition(":")[0],
    )  # fmt: skip


def _judge(row: dict[str, Any], *, proofs: bool) -> None:
    """Add to a survivor's row what the prover and a longer play say, the quickest first."""
    network, index = row["network"], row["fault"]
    if proofs and "verdict" not in row and row.get("later") is None:
        row["scope"] = scope(network, index)
        row["verdict"] = Verdict.UNDECIDED if row["scope"] is None else Verdict.HOLDS
    if row.get("verdict") != Verdict.HOLDS and "later" not in row:
        row["later"] = later(network, index)
        if proofs and row["later"] is None and verdict(network, index) is Verdict.HOLDS:
            row |= {"scope": "top", "verdict": Verdict.HOLDS}


def judged(row: dict[str, Any]) -> Judgement:
    """What is known of a fault."""
    if row["outcome"] != Outcome.SURVIVED:
        return Judgement.FOUND
    if row.get("later") is not None:
        return Judgement.LATER
    if row.get("verdict") == Verdict.HOLDS:
        return Judgement.PROVED
    return Judgement.REASONED if row.get("reason") else Judgement.OPEN


def _counted(values: Iterable[str]) -> str:
    return ", ".join(f"{count} {value}" for value, count in Counter(map(str, values)).most_common())


if __name__ == "__main__":
    command(run)
