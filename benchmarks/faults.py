"""Seeded faults in drawn networks: does the default simulation find them?

    python -m benchmarks.faults --count 200 --seed 1 --json faults.json

Each fault is drawn from all places of a small drawn circuit (`benchmarks.mutants`), then the circuit plays
what `statespike simulate` plays by default. A fault is found if a value differs, or the circuit stops, or
cannot be built. Those that are not found are listed with their place: each of them either changes nothing
that a sequence can show, or shows what the simulation misses.
"""

import signal
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from amaranth.hdl import Fragment

from benchmarks.command import command
from benchmarks.drawn import drawn
from benchmarks.mutants import faults, faulty
from quantize.errors import StatespikeError
from sim.backends.amaranth_simulator import AmaranthSimulator
from sim.check import check
from sim.pace import FULL_SPEED, Pace, Varied
from statespike.output import progress, say, write_json

WATCHDOG = 3000
"""Cycles without a transfer until a faulty circuit counts as stopped."""
SECONDS = 60
"""Time until a faulty circuit counts as stopped: a loop of logic may never settle."""
FAULTS_A_NETWORK = 10


class Impatient(AmaranthSimulator):
    """Amaranth's simulator, which gives up soon."""

    def prepare(self, design, folder):
        play = super().prepare(design, folder)
        return lambda stimulus, watchdog=WATCHDOG: play(stimulus, min(watchdog, WATCHDOG))


class TooLong(Exception):
    """A simulation does not end."""


def outcome(seed: int, index: int, pace: Pace | Varied) -> str:
    """What the simulation of a network's fault comes to: "survived", or how it was found."""
    example = drawn(seed, tiny=True)

    def alarm(number: int, frame: object) -> None:
        raise TooLong

    signal.signal(signal.SIGALRM, alarm)
    signal.alarm(SECONDS)
    try:
        found = check(
            lambda: faulty(example.circuit(), index), example.network, example.inputs, example.lengths,
            Impatient(), pace,
        )  # fmt: skip
    except TooLong:
        return "never settled"
    except StatespikeError:
        return "stopped"
    except Exception as error:
        return f"not built: {type(error).__name__}"
    finally:
        signal.alarm(0)
    return "survived" if found.bit_exact else "differed"


def run(
    count: Annotated[int, typer.Option(min=1, help="faults to seed")] = 200,
    seed: Annotated[int, typer.Option(help="of networks and faults")] = 1,
    full_speed: Annotated[bool, typer.Option(help="simulate without pauses and reset")] = False,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write the rows")] = None,
) -> None:
    """Seed faults in drawn circuits, and tell which ones the default simulation finds."""
    pace = FULL_SPEED if full_speed else Varied(seed)
    rows: list[dict[str, Any]] = []
    with progress() as bars:
        bar = bars.add_task("simulating", total=count)
        while len(rows) < count:
            of_network = seed * 1000 + len(rows) // FAULTS_A_NETWORK
            possible = faults(Fragment.get(drawn(of_network, tiny=True).circuit(), None))
            generator = np.random.default_rng(of_network)
            chosen = generator.choice(len(possible), min(FAULTS_A_NETWORK, len(possible)), replace=False)
            for index in chosen[: count - len(rows)].tolist():
                fault = possible[index]
                row = {"network": of_network, "fault": index, "kind": fault.kind, "place": fault.place}
                row |= {"change": fault.change, "outcome": outcome(of_network, index, pace)}
                rows.append(row)
                bars.advance(bar)
                write_json(json, {"seed": seed, "rows": rows})
    survived = [row for row in rows if row["outcome"] == "survived"]
    for row in survived:
        say("network {network}, fault {fault}: {place}: {kind}: {change}".format(**row))
    outcomes = Counter(row["outcome"] for row in rows)
    say(f"{len(rows)} faults, {len(rows) - len(survived)} found, {len(survived)} survived: {dict(outcomes)}")


if __name__ == "__main__":
    command(run)
