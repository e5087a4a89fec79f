"""Damaged and hostile files: every reader either reads a file or refuses it in one bounded sentence.

    python -m benchmarks.mutations --count 20000 --seed 1 --json mutations.json

Files of every kind that a command reads are made small, then mutated: bytes flipped, cut, repeated and
replaced; entries of JSON and metadata edited; members of archives damaged; types, shapes and sizes changed. A
process of bounded memory gives each to its reader. Anything but success or a `StatespikeError` of at most 400
characters that names the file is a failure, and its file is kept.
"""

import multiprocessing
import random
import resource
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import command
from benchmarks.mutation_kinds import KINDS
from benchmarks.mutators import flip
from quantize.errors import StatespikeError
from statespike.options import Json
from statespike.output import progress, say, write_json

MOST_CHARACTERS = 400
MOST_GROWTH = 3 << 30
"""Bytes of address space that a process may take beyond what it has when it starts."""
MOST_SECONDS = 20.0
BATCH = 1000


@dataclass(frozen=True)
class Outcome:
    """What a reader did with one file: "read", "refused", or why it failed."""

    kind: str
    number: int
    result: str
    detail: str = ""


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
        result = "refused" if good and path.name in sentence else "bad sentence"
        detail = "" if result == "refused" else sentence
    except BaseException:
        result, detail = "traceback", traceback.format_exc()
    if time.monotonic() - started > MOST_SECONDS:
        result, detail = "slow", f"{time.monotonic() - started:.0f} s"
    return Outcome(kind, number, result, detail)


def _batch(task: tuple[str, bytes, int, int, int]) -> list[Outcome]:
    """A batch of files of one kind, in a process whose memory is bounded."""
    kind, whole, first, count, seed = task
    with tempfile.TemporaryDirectory(prefix="statespike-") as folder:
        path = Path(folder) / f"file{KINDS[kind].suffix}"
        path.write_bytes(whole)
        KINDS[kind].read(path)  # imports and compiles what it needs
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MOST_GROWTH
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        found = []
        for number in range(first, first + count):
            path.write_bytes(mutated(kind, whole, number, seed))
            found.append(try_one(kind, path, number))
        return found


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
    with tempfile.TemporaryDirectory(prefix="statespike-") as folder:
        for name in kinds:
            path = Path(folder) / f"whole{KINDS[name].suffix}"
            KINDS[name].make(path)
            wholes[name] = path.read_bytes()
    share = -(-count // len(kinds))
    batches = [
        (name, wholes[name], first, min(BATCH, share - first), seed)
        for name in kinds
        for first in range(0, share, BATCH)
    ]
    outcomes: list[Outcome] = []
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, maxtasksperchild=1) as pool, progress() as bars:
        bar = bars.add_task("reading mutated files", total=share * len(kinds))
        for found in pool.imap_unordered(_batch, batches):
            outcomes += found
            bars.advance(bar, len(found))
    failed = [one for one in outcomes if one.result not in ("read", "refused")]
    for one in failed:
        say(f"{one.kind} {one.number}: {one.result}: {one.detail.strip().splitlines()[-1][:300]}")
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            name = f"{one.kind.replace(' ', '_')}-{seed}-{one.number}{KINDS[one.kind].suffix}"
            (keep / name).write_bytes(mutated(one.kind, wholes[one.kind], one.number, seed))
    table = {
        name: {
            result: sum((one.kind, one.result) == (name, result) for one in outcomes)
            for result in ("read", "refused", "bad sentence", "traceback", "slow")
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
