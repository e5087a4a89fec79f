"""Seeded faults in drawn networks: does the default simulation find them?

    python -m benchmarks.faults --count 200 --seed 1 --json faults.json

Each fault is drawn from all places of a small drawn circuit (`benchmarks.mutants`), then the circuit plays
what `statespike simulate` plays by default. A fault is found if a value differs, or the circuit stops, or
cannot be built, or takes another number of cycles. Of a fault that is not found, `benchmarks.equivalence`
tries to prove that no input whatsoever tells the circuit from the right one. What it cannot prove is listed
with its place. Rows that the JSON file holds already are not computed again.
"""

import ctypes
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
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
from benchmarks.equivalence import equivalent
from benchmarks.mutants import faults, faulty
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


def verdict(seed: int, index: int) -> Verdict:
    """Whether any input tells the circuit with a fault from the right one."""
    example = drawn(seed, tiny=True)
    changed = faulty(example.circuit(), index)
    try:
        return equivalent(example.circuit(), changed, example.network.beats_per_step)
    except (AssertionError, StatespikeError):
        # Amaranth simulates some circuits that it cannot make gates of, and Yosys refuses some constant bits.
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
    proofs: Annotated[bool, typer.Option(help="try to prove survivors equivalent")] = True,
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
            chosen = generator.choice(len(possible), min(FAULTS_A_NETWORK, len(possible)), replace=False)
            for index in chosen[: count - len(rows)].tolist():
                fault = possible[index]
                row = known.get((of_network, index)) or {
                    "network": of_network, "fault": index, "kind": fault.kind, "place": fault.place,
                    "change": fault.change, "outcome": outcome(of_network, index, pace),
                }  # fmt: skip
                if proofs and row["outcome"] == Outcome.SURVIVED and "verdict" not in row:
                    row["verdict"] = verdict(of_network, index)
                rows.append(row)
                bars.advance(bar)
                known[of_network, index] = row
                write_json(json_file, {"seed": seed, "rows": list(known.values())})
    survived = [row for row in rows if row["outcome"] == Outcome.SURVIVED]
    for row in survived:
        if row.get("verdict") != Verdict.HOLDS:
            say("network {network}, fault {fault}: {place}: {kind}: {change}".format(**row))
    say(f"{len(rows)} faults, {len(rows) - len(survived)} found: {Counter(row['outcome'] for row in rows)}")
    proved = sum(row.get("verdict") == Verdict.HOLDS for row in survived)
    say(f"{len(survived)} survived, of which {proved} are proved to change nothing")


if __name__ == "__main__":
    command(run)
