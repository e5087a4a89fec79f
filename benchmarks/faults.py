"""Seeded faults in drawn networks: does the default simulation find them?

    python -m benchmarks.faults --count 200 --seed 1 --json faults.json

Each fault is drawn from all places of a small drawn circuit (`benchmarks.mutants`), then the circuit plays
what `statespike simulate` plays by default. A fault is found if a value differs, or the circuit stops, or
cannot be built, or takes another number of cycles. Of a fault that is not found so, `benchmarks.equivalence`
tries to prove that its module does what the right one does. If that does not hold, it meets thousands of
steps at other paces (`benchmarks.longer_play`); and if it survives them, the proof is tried on the whole
network. What is neither found nor proved is listed with its place.

The faults on record in the JSON file are found again in today's circuits by what they change, wherever their
lines have moved; one that is gone gives way to another. Of a circuit that has not changed nothing is computed
again, and the file is written network by network. What somebody wrote about a survivor, as `test` (one that
fails in a component with this fault) or as `reason` (why nothing can differ), is kept.
"""

import ctypes
import hashlib
import json as json_format
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from itertools import chain
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
from hdl.toolchain.verilog import rtlil_text
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
LINE = re.compile(r":\d+$")
MEASURED = ("outcome", "scope", "verdict", "later")
"""What a run finds out, and finds out again when the circuit has changed."""

Row = dict[str, Any]
"""A fault on record."""
Identity = tuple[str, str, str, int]
"""Of a fault: its kind, its place without the line, its change, and how many before it read the same."""


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
    TESTED = "found by a test of its component"
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


def record_of(file: Path | None, seed: int) -> tuple[dict[int, str], dict[int, list[Row]]]:
    """What an earlier run left, by network: the digest of its circuit, and its rows.

    Raises
    ------
    StatespikeError
        If it is of another seed.
    """
    if file is None or not file.exists():
        return {}, {}
    written = json_format.loads(file.read_text())
    if written["seed"] != seed:
        raise StatespikeError(f"{file} is of seed {written['seed']}, not {seed}; name another file")
    rows: dict[int, list[Row]] = {}
    for row in written["rows"]:
        rows.setdefault(row["network"], []).append(row)
    return {int(network): digest for network, digest in written["circuits"].items()}, rows


def identities(possible: Iterable[Fault]) -> list[Identity]:
    """What tells each fault of a circuit from the others, though lines of the source move."""
    seen = Counter[tuple[str, ...]]()
    found = []
    for fault in possible:
        reads = (fault.kind, _without_line(fault.place), fault.change)
        found.append((*reads, seen[reads]))
        seen[reads] += 1
    return found


def drawn_rows(network: int, possible: list[Fault], known: list[Row]) -> list[Row]:
    """Rows of a network's faults: those on record that its circuit still has, and newly drawn ones."""
    names = identities(possible)
    index_of = {name: index for index, name in enumerate(names)}
    recorded = {
        index_of[name]: row
        for row in known
        if (name := (row["kind"], _without_line(row["place"]), row["change"], row["alike"])) in index_of
    }
    order = np.random.default_rng(network).permutation(len(possible)).tolist()
    chosen = [*recorded, *(index for index in order if index not in recorded)]
    return [
        recorded.get(index, {})
        | {
            "network": network, "fault": index, "kind": possible[index].kind, "place": possible[index].place,
            "change": possible[index].change, "alike": names[index][-1],
        }
        for index in chosen[:FAULTS_A_NETWORK]
    ]  # fmt: skip


def _without_line(place: str) -> str:
    return LINE.sub("", place)


def run(
    count: Annotated[int, typer.Option(min=1, help="faults to seed, ten a network")] = 200,
    seed: Annotated[int, typer.Option(help="of networks and faults")] = 1,
    full_speed: Annotated[bool, typer.Option(help="simulate without pauses and reset")] = False,
    proofs: Annotated[bool, typer.Option(help="try to prove equivalent what survives")] = True,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write the rows, and go on from them")
    ] = None,
) -> None:
    """Seed faults in drawn circuits, and tell which ones the default simulation finds."""
    pace = FULL_SPEED if full_speed else Varied(seed)
    circuits, known = record_of(json, seed)
    rows: list[Row] = []
    with progress() as bars:
        bar = bars.add_task("simulating", total=count)
        for network in range(seed * 1000, seed * 1000 - (-count // FAULTS_A_NETWORK)):
            circuit = drawn(network, tiny=True).circuit()
            own = drawn_rows(network, faults(Fragment.get(circuit, None)), known.get(network, []))
            digest = hashlib.sha256(rtlil_text(drawn(network, tiny=True).circuit()).encode()).hexdigest()
            if circuits.get(network) != digest:
                own = [{key: value for key, value in row.items() if key not in MEASURED} for row in own]
            for row in own:
                if "outcome" not in row:
                    row["outcome"] = outcome(network, row["fault"], pace)
                if row["outcome"] == Outcome.SURVIVED:
                    _judge(row, proofs=proofs)
                bars.advance(bar)
            circuits[network], known[network] = digest, own
            every = chain.from_iterable(known[network] for network in sorted(known))
            write_json(json, {"seed": seed, "circuits": circuits, "rows": list(every)})
            rows += own
    for row in rows:
        if judged(row) is Judgement.OPEN:
            say("network {network}, fault {fault}: {place}: {kind}: {change}".format(**row))
    survived = sum(row["outcome"] == Outcome.SURVIVED for row in rows)
    say(f"{len(rows)} faults, {len(rows) - survived} found: {_counted(row['outcome'] for row in rows)}")
    say(f"{survived} survived: {_counted(judged(row) for row in rows if row['outcome'] == Outcome.SURVIVED)}")


def _judge(row: Row, *, proofs: bool) -> None:
    """Add to a survivor's row what the prover and a longer play say, the quickest first.

    A row that somebody has judged stays as it is.
    """
    network, index = row["network"], row["fault"]
    if row.get("test") or row.get("reason"):
        return
    if proofs and "verdict" not in row and row.get("later") is None:
        row["scope"] = scope(network, index)
        row["verdict"] = Verdict.UNDECIDED if row["scope"] is None else Verdict.HOLDS
    if row.get("verdict") != Verdict.HOLDS and "later" not in row:
        row["later"] = later(network, index)
        if proofs and row["later"] is None and verdict(network, index) is Verdict.HOLDS:
            row |= {"scope": "top", "verdict": Verdict.HOLDS}


def judged(row: Row) -> Judgement:
    """What is known of a fault."""
    if row["outcome"] != Outcome.SURVIVED:
        return Judgement.FOUND
    if row.get("test"):
        return Judgement.TESTED
    if row.get("later") is not None:
        return Judgement.LATER
    if row.get("verdict") == Verdict.HOLDS:
        return Judgement.PROVED
    return Judgement.REASONED if row.get("reason") else Judgement.OPEN


def _counted(values: Iterable[str]) -> str:
    return ", ".join(f"{count} {value}" for value, count in Counter(map(str, values)).most_common())


if __name__ == "__main__":
    command(run)
