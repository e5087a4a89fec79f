"""Damaged and hostile files: every reader either reads a file or refuses it in one bounded sentence.

    python -m benchmarks.mutations --count 20000 --seed 1 --json mutations.json

Files of every kind that a command reads are made small, then mutated: bytes flipped, cut, repeated and
replaced; entries of JSON, of text and of metadata edited; members of archives damaged; types, shapes and
sizes changed. What has a checksum is also damaged and signed again. A process of bounded memory gives each to
its reader. Anything but success or a `StatespikeError` of at most 400 characters that names the file is a
failure, also the end of that process, and its file is kept.
"""

import multiprocessing
import random
import resource
import tempfile
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import command
from benchmarks.mutation_kinds import KINDS
from benchmarks.mutators import flip
from quantize.errors import StatespikeError
from statespike.options import Json
from statespike.output import progress, say, write_json

RESULTS = ("read", "refused", "bad sentence", "traceback", "slow", "died")
MOST_CHARACTERS = 400
MOST_GROWTH = 3 << 30
"""Bytes of address space that a process may take beyond what it has when it starts."""
MOST_SECONDS = 20.0
MOST_START = 300.0
"""Seconds until a process reads its first file."""
BATCH = 1000
"""Files that a process reads: to start one takes as long as to read some hundred."""


@dataclass(frozen=True)
class Outcome:
    """What a reader did with one file: one of `RESULTS`, and how it failed."""

    kind: str
    number: int
    result: str
    detail: str = ""


@dataclass(frozen=True)
class Batch:
    """Files of one kind, `count` of them from number `first` on; `whole` is what they are made of."""

    kind: str
    whole: bytes
    first: int
    count: int
    seed: int


def mutated(kind: str, whole: bytes, number: int, seed: int) -> bytes:
    """The mutated file of that number; the same one for the same seed."""
    draw = random.Random(f"{seed} {kind} {number}")
    content = draw.choice(KINDS[kind].mutations)(whole, draw)
    return content if draw.random() < 0.9 or not content else flip(content, draw)


def try_one(kind: str, path: Path, number: int) -> Outcome:
    """Give a file to its reader."""
    started = time.monotonic()
    try:
        KINDS[kind].read(path)
        result, detail = "read", ""
    except StatespikeError as error:
        sentence = str(error)
        good = len(sentence) <= MOST_CHARACTERS and sentence.isprintable()
        named = path.name in sentence or str(path.parent) in sentence
        result = "refused" if good and named else "bad sentence"
        detail = "" if result == "refused" else sentence
    except BaseException:
        result, detail = "traceback", traceback.format_exc()
    if time.monotonic() - started > MOST_SECONDS:
        result, detail = "slow", f"{time.monotonic() - started:.0f} s"
    return Outcome(kind, number, result, detail)


def _read(batch: Batch, sender: Connection) -> None:
    """Read a batch in a process whose memory is bounded; tell None when it begins, then each outcome."""
    kind = KINDS[batch.kind]
    with tempfile.TemporaryDirectory(prefix="statespike-") as folder:
        path = Path(folder) / kind.name
        kind.make(path)
        kind.read(path)  # imports and compiles what it needs
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MOST_GROWTH
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        sender.send(None)
        for number in range(batch.first, batch.first + batch.count):
            path.write_bytes(mutated(batch.kind, batch.whole, number, batch.seed))
            sender.send(try_one(batch.kind, path, number))


def outcomes_of(batch: Batch) -> Iterator[Outcome]:
    """Outcomes of a batch; a process that dies or hangs is replaced, and its file is a failure."""
    context, number, end = multiprocessing.get_context("spawn"), batch.first, batch.first + batch.count
    while number < end:
        receiver, sender = context.Pipe(duplex=False)
        rest = Batch(batch.kind, batch.whole, number, end - number, batch.seed)
        process = context.Process(target=_read, args=(rest, sender))
        process.start()
        sender.close()
        try:
            if not receiver.poll(MOST_START):
                raise RuntimeError(f"no file of kind {batch.kind} was read in {MOST_START:.0f} s")
            receiver.recv()
            while number < end:
                if not receiver.poll(2 * MOST_SECONDS):
                    yield Outcome(batch.kind, number, "slow", f"more than {2 * MOST_SECONDS:.0f} s")
                    number += 1
                    break
                outcome = receiver.recv()
                number += 1
                yield outcome
        except EOFError:
            process.join()
            yield Outcome(batch.kind, number, "died", f"exit status {process.exitcode}")
            number += 1
        finally:
            process.kill()
            process.join()


def run(
    count: Annotated[int, typer.Option(min=1, help="mutated files, of all kinds together")] = 1000,
    seed: Annotated[int, typer.Option(help="of all mutations")] = 1,
    kind: Annotated[
        list[str] | None, typer.Option(help=f"one of {', '.join(KINDS)}; may be given again")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="processes at the same time")] = 1,
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="where files that a reader failed on are kept")
    ] = None,
    json: Json = None,
) -> None:
    """Give mutated files to every reader; exit status 1 if one fails otherwise than by a sentence."""
    kinds = kind or list(KINDS)
    if unknown := set(kinds) - set(KINDS):
        raise StatespikeError(f"unknown kind {min(unknown)!r}; choose one of {', '.join(KINDS)}")
    wholes = {}
    for name in kinds:
        with tempfile.TemporaryDirectory(prefix="statespike-") as folder:
            path = Path(folder) / KINDS[name].name
            KINDS[name].make(path)
            wholes[name] = path.read_bytes()
    share = -(-count // len(kinds))
    batches = [
        Batch(name, wholes[name], first, min(BATCH, share - first), seed)
        for name in kinds
        for first in range(0, share, BATCH)
    ]
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(jobs) as threads, progress() as bars:
        bar = bars.add_task("reading mutated files", total=share * len(kinds))

        def read(batch: Batch) -> list[Outcome]:
            found = []
            for outcome in outcomes_of(batch):
                found.append(outcome)
                bars.advance(bar)
            return found

        for found in threads.map(read, batches):
            outcomes += found
    failed = [one for one in outcomes if one.result not in ("read", "refused")]
    for one in failed:
        say(f"{one.kind} {one.number}: {one.result}: {one.detail.strip().splitlines()[-1][:300]}")
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            name = f"{seed} {one.kind} {one.number}{Path(KINDS[one.kind].name).suffix}".replace(" ", "-")
            (keep / name).write_bytes(mutated(one.kind, wholes[one.kind], one.number, seed))
    table = {
        name: {
            result: sum((one.kind, one.result) == (name, result) for one in outcomes) for result in RESULTS
        }
        for name in kinds
    }
    say(f"{len(outcomes)} mutated files of {len(kinds)} kinds, seed {seed}: {len(failed)} failures")
    write_json(
        json, {"count": len(outcomes), "seed": seed, "failures": len(failed), "kinds": table,
               "failed": [vars(one) for one in failed]},
    )  # fmt: skip
    if failed:
        raise typer.Exit(1)


if __name__ == "__main__":
    command(run)
