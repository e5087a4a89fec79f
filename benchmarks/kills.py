"""Commands killed at random moments: what they leave is the whole old output or the whole new one.

    python -m benchmarks.kills --count 20 --seed 1 --json kills.json

A command that replaces an output is started again and again beside files of somebody else, and killed
(SIGKILL) at a random moment of its run, with its tools. What it leaves is whole if it is the output from
before, or that of a run that nobody killed, and if the foreign files are as they were.
"""

import hashlib
import json as json_format
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.command import command
from quantize.errors import StatespikeError
from statespike.output import progress, say, write_json


@dataclass(frozen=True)
class Victim:
    """A command that writes an output.

    Parameters
    ----------
    arguments : str
        Without the option that names the output.
    option : str
        That option.
    output : str
        File or folder, below the working folder.
    old : str or None
        Arguments of the command that makes the old output; None: there is none.
    seconds : float or None
        Moments of a kill, for a command that is too slow to be run to its end; its new output is not known
        then, so only the old one is whole.
    """

    arguments: str
    option: str
    output: str
    old: str | None
    seconds: float | None = None


VICTIMS = {
    "train": Victim(
        "train digits --channels 2 --modes 1 --epochs 2 --seed 2", "-o", "trained.safetensors",
        "train digits --channels 2 --modes 1 --epochs 1 --seed 1",
    ),
    "quantize": Victim("quantize digits-prf --bits 6", "-o", "integers.safetensors", "quantize digits-prf"),
    "generate": Victim(
        "generate digits-prf --device ecp5-25k", "-o", "circuit", "generate digits-prf --device up5k"
    ),
    "simulate": Victim(
        "simulate digits-prf digits --limit 2 --backend amaranth", "--logits", "logits.npy",
        "simulate digits-prf digits --limit 1 --backend amaranth",
    ),
    "build": Victim("build digits-prf --board icebreaker", "-o", "board", None, 60.0),
}  # fmt: skip

FOREIGN = ("notes.txt", "{}.part", "{}.old", "{}.lock.txt", "manifest.json")
"""Files of somebody else; {} is the name of the output."""


def start(victim: Victim, arguments: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start a command in a folder, as the leader of a group of processes that can be killed together."""
    line = [sys.executable, "-m", "statespike", *arguments.split(), victim.option, victim.output]
    path = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        line, cwd=folder, env=os.environ | {"PYTHONPATH": path}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(victim: Victim, arguments: str, folder: Path) -> float:
    """Run a command to its end; the seconds that it took.

    Raises
    ------
    StatespikeError
        If it fails.
    """
    begun = time.monotonic()
    process = start(victim, arguments, folder)
    _, told = process.communicate()
    if process.returncode:
        raise StatespikeError(f"'{arguments}' failed by itself: {told.decode()[-200:]}")
    return time.monotonic() - begun


def digest(path: Path) -> str | None:
    """Of a file, or of all names and files of a folder; None if it is not there."""
    if not path.exists():
        return None
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    found = hashlib.sha256()
    for file in files:
        found.update(str(file.relative_to(path.parent)).encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def kill_once(victim: Victim, moment: float, folder: Path) -> str | None:
    """Start a command in a folder and kill it; the digest of what is there then."""
    process = start(victim, victim.arguments, folder)
    try:
        process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    return digest(folder / victim.output)


def kills_of(name: str, count: int, generator: np.random.Generator, advance) -> list[dict[str, Any]]:
    """Kill a command so often; a row for each time."""
    victim, rows = VICTIMS[name], []
    with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        folder = Path(temporary)
        new, longest = None, victim.seconds
        if longest is None:
            longest = finish(victim, victim.arguments, folder)
            new = digest(folder / victim.output)
        if victim.old is not None:
            finish(victim, victim.old, folder)
        foreign = [folder / form.format(victim.output) for form in FOREIGN]
        for file in foreign:
            file.write_text(json_format.dumps({"owner": "somebody else"}))
        old, untouched = digest(folder / victim.output), [digest(file) for file in foreign]
        for _ in range(count):
            moment = float(generator.uniform(0, 1.05 * longest))
            left = kill_once(victim, moment, folder)
            state = "old" if left == old else "new" if left == new else "broken"
            if [digest(file) for file in foreign] != untouched:
                state = "foreign files changed"
            rows.append({"command": name, "seconds": moment, "outcome": state})
            if state == "new" and victim.old is not None:
                finish(victim, victim.old, folder)
            elif state != "old":
                break
            advance()
    return rows


def run(
    count: Annotated[int, typer.Option(min=1, help="kills of each command")] = 20,
    seed: Annotated[int, typer.Option(help="of the moments")] = 1,
    victims: Annotated[
        list[str] | None, typer.Option("--command", help="may be given again  [default: all]")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write the rows")] = None,
) -> None:
    """Kill commands at random moments, and tell what they leave; exit status 1 if anything is not whole."""
    generator = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    chosen = victims or list(VICTIMS)
    with progress() as bars:
        bar = bars.add_task("killing", total=count * len(chosen))
        for name in chosen:
            rows += kills_of(name, count, generator, lambda: bars.advance(bar))
            write_json(json, {"seed": seed, "rows": rows})
    for (name, state), times in Counter((row["command"], row["outcome"]) for row in rows).items():
        say(f"{name}: {times} {state}")
    if any(row["outcome"] not in ("old", "new") for row in rows):
        raise typer.Exit(1)


if __name__ == "__main__":
    command(run)
