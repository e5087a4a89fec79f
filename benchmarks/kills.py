"""Commands stopped at random moments: what they leave is the whole old output or the whole new one.

    python -m benchmarks.kills --count 20 --seed 1 --json kills.json

A command that replaces an output is started again and again beside files of somebody else, and stopped at a
random moment of its run: killed with its tools (SIGKILL), told to end (SIGTERM), or interrupted with its
tools as from a keyboard (SIGINT). The moments are uniform over the time that the whole run takes. What the
command leaves is good if

- the output is the one from before, or that of a run that nobody stopped;
- the files of others are as they were;
- nothing lies beside them but temporary folders that are known by their names, and none of these after
  SIGTERM or SIGINT, where no tool runs on either;
- and the next run, after a kill that left a temporary folder, ends well and leaves none.

With `--json` a run goes on where an earlier one with the same seed stopped.
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
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.command import command
from benchmarks.results import earlier_rows
from hdl.emit.build_folder import CONTENTS, MANIFEST
from quantize.errors import StatespikeError
from quantize.files import PREFIX
from statespike.output import progress, say, write_json

NETWORK = "tiny.safetensors"
MAKING = f"train digits --channels 1 --modes 1 --layers 1 --epochs 1 -o {NETWORK}"
"""The smallest network: a placement of it takes less than a minute, most of which is the tools' start."""
TEMPORARY = "tmp"
"""The folder of temporary files that the commands are given."""
FOREIGN = ("notes.txt", "{}.part", "{}.old", "{}.lock.txt", "manifest.json")
"""Files of somebody else; {} is the name of the output."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT)
LONGEST_END = 60.0
"""Seconds that a command may take to end when it is told to."""
GRACE = 2.0
"""Seconds that its tools may take to end after it."""


@dataclass(frozen=True)
class Victim:
    """A command that writes an output.

    Parameters
    ----------
    forms : two str
        Arguments that make different outputs, without the option that names the output.
    option : str
        That option.
    output : str
        File or folder, below the working folder.
    """

    forms: tuple[str, str]
    option: str
    output: str


VICTIMS = {
    "train": Victim(
        (
            "train digits --channels 2 --modes 1 --epochs 1 --seed 1",
            "train digits --channels 2 --modes 1 --epochs 2 --seed 2",
        ),
        "-o",
        "trained.safetensors",
    ),
    "quantize": Victim((f"quantize {NETWORK}", f"quantize {NETWORK} --bits 6"), "-o", "integers.safetensors"),
    "generate": Victim(
        (f"generate {NETWORK} --device up5k", f"generate {NETWORK} --device ecp5-25k"), "-o", "circuit"
    ),
    "simulate": Victim(
        (
            f"simulate {NETWORK} digits --limit 1 --backend amaranth",
            f"simulate {NETWORK} digits --limit 2 --backend cxxrtl",
        ),
        "--logits",
        "logits.npy",
    ),
    "build": Victim(
        (
            f"build {NETWORK} --board icebreaker --no-bitstream",
            f"build {NETWORK} --board icebreaker --seeds 1",
        ),
        "-o",
        "board",
    ),
}


def start(arguments: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start a command in a folder, as the leader of a group of processes that can be stopped together."""
    (folder / TEMPORARY).mkdir(exist_ok=True)
    path = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "statespike", *arguments.split()],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "TMPDIR": str(folder / TEMPORARY)},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(arguments: str, folder: Path) -> float:
    """Run a command to its end; the seconds that it took.

    Raises
    ------
    StatespikeError
        If it fails.
    """
    begun = time.monotonic()
    process = start(arguments, folder)
    _, told = process.communicate()
    if process.returncode:
        raise StatespikeError(f"'{arguments}' failed by itself: {told.decode()[-200:]}")
    return time.monotonic() - begun


def digest(path: Path) -> str | None:
    """What tells a whole output from another; None if there is none, or it is not whole.

    Of a folder with a manifest, whose tools' logs tell times, that is the names of its files and the design;
    the manifest's hashes must be those of the files.
    """
    if not path.exists():
        return None
    found = hashlib.sha256()
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    if path / MANIFEST not in files:
        for file in files:
            found.update(str(file.relative_to(path.parent)).encode() + b"\0" + file.read_bytes() + b"\0")
        return found.hexdigest()
    contents = json_format.loads((path / MANIFEST).read_text())[CONTENTS]
    names = {str(file.relative_to(path)): file for file in files}
    if names.keys() != {MANIFEST, *contents}:
        return None
    for name, promised in sorted(contents.items()):
        if hashlib.sha256(names[name].read_bytes()).hexdigest() != promised:
            return None
        found.update(f"{name} {promised if name == 'design.v' else ''}\n".encode())
    return found.hexdigest()


def members(process: subprocess.Popen[bytes]) -> list[int]:
    """Living processes of a command, itself among them; its tools have groups of their own."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session = status.read_text().rpartition(")")[2].split()[:4]
            if int(session) == process.pid and state != "Z":
                found.append(int(status.parent.name))
    return found


def send(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Send a signal to a command: SIGKILL to its tools too, SIGINT to its group, as a keyboard does."""
    if how is signal.SIGKILL:
        for member in members(process):
            with suppress(ProcessLookupError):
                os.kill(member, how)
    elif how is signal.SIGINT:
        os.killpg(process.pid, how)
    else:
        process.send_signal(how)


def stop(process: subprocess.Popen[bytes], how: signal.Signals) -> str:
    """Stop a command that runs, and wait for its end; what is wrong then, or nothing."""
    send(process, how)
    try:
        process.communicate(timeout=LONGEST_END)
        wrong = ""
    except subprocess.TimeoutExpired:
        wrong = "did not end"
    begun = time.monotonic()
    while members(process) and time.monotonic() - begun < GRACE:
        time.sleep(0.05)
    if members(process):
        send(process, signal.SIGKILL)
        process.communicate()
        return wrong or "tools ran on"
    return wrong


def stopped(arguments: str, moment: float, how: signal.Signals, folder: Path) -> tuple[bool, str]:
    """Start a command and stop it; whether it was still running, and what is wrong then."""
    process = start(arguments, folder)
    try:
        process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        return True, stop(process, how)
    return False, "" if process.returncode == 0 else "failed by itself"


def beside(folder: Path, known: set[str]) -> list[str]:
    """Names of what is in the working folder and in that of temporary files, but not known."""
    names = sorted(file.name for file in folder.iterdir())
    names += sorted(f"{TEMPORARY}/{file.name}" for file in (folder / TEMPORARY).iterdir())
    return [name for name in names if name not in known]


class Scene:
    """A working folder in which one command is stopped again and again.

    Parameters
    ----------
    victim : Victim
    folder : Path
        An empty one.
    """

    def __init__(self, victim: Victim, folder: Path):
        self.victim, self.folder = victim, folder
        finish(MAKING, folder)
        self.lines = [f"{form} {victim.option} {victim.output}" for form in victim.forms]
        self.seconds, self.wholes = [0.0, 0.0], [None, None]  # type: list[float], list[str | None]
        for index in (1, 0):
            self.seconds[index] = finish(self.lines[index], folder)
            self.wholes[index] = digest(folder / victim.output)
        self.there = 0
        """The form whose output lies there."""
        self.foreign = [folder / form.format(victim.output) for form in FOREIGN]
        for file in self.foreign:
            file.write_text(json_format.dumps({"owner": "somebody else"}))
        self.untouched = [digest(file) for file in self.foreign]
        self.known = {victim.output, NETWORK, TEMPORARY, *(file.name for file in self.foreign)}
        # What undisturbed runs leave among temporary files is a cache of PyTorch.
        self.known |= set(beside(folder, self.known))

    def stop_once(self, share: float, how: signal.Signals) -> dict[str, Any]:
        """Stop the other form after a share of its time; a row of what is there then."""
        other = 1 - self.there
        moment = share * self.seconds[other]
        running, wrong = stopped(self.lines[other], moment, how, self.folder)
        found = digest(self.folder / self.victim.output)
        left = beside(self.folder, self.known)
        outcome = wrong or self._outcome(found, left, how)
        if found == self.wholes[other]:
            self.there = other
        if left and outcome in ("old", "new", "put back"):
            # The next run is not disturbed by what was left, and removes what lies beside its output.
            self.there = 1 - self.there
            finish(self.lines[self.there], self.folder)
            if digest(self.folder / self.victim.output) != self.wholes[self.there]:
                outcome = "the next run failed"
            if any(not name.startswith(f"{TEMPORARY}/") for name in beside(self.folder, self.known)):
                outcome = "the next run left what was there"
            for name in beside(self.folder, self.known):
                subprocess.run(["rm", "-r", str(self.folder / name)], check=True)
        return {
            "signal": how.name,
            "seconds": round(moment, 3),
            "running": running,
            "outcome": outcome,
            "beside": left,
        }

    def _outcome(self, found: str | None, left: list[str], how: signal.Signals) -> str:
        if [digest(file) for file in self.foreign] != self.untouched:
            return "foreign files changed"
        if left and how is not signal.SIGKILL:
            return "left temporary files"
        if any(not name.removeprefix(f"{TEMPORARY}/").startswith((PREFIX, PREFIX[1:])) for name in left):
            return "left files without a name of ours"
        if found is None and any(name.startswith(PREFIX) for name in left):
            return "put back"  # between two renamings; the next run must find the old output
        if found not in self.wholes:
            return "broken"
        return "old" if found == self.wholes[self.there] else "new"


def kills_of(name: str, done: int, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Stop a command until it was stopped so often, or something is wrong; a row for each time.

    Of the moments that a seed gives, the first `done` ones are left out.
    """
    moments = np.random.default_rng([seed, *name.encode()]).uniform(0, 1.02, count)
    with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        scene = Scene(VICTIMS[name], Path(temporary))
        for number in range(done, count):
            row = scene.stop_once(float(moments[number]), SIGNALS[number % len(SIGNALS)])
            yield {"command": name} | row
            if row["outcome"] not in GOOD:
                return


GOOD = ("old", "new", "put back")


def run(
    count: Annotated[int, typer.Option(min=1, help="stops of each command")] = 20,
    seed: Annotated[int, typer.Option(help="of the moments")] = 1,
    victims: Annotated[
        list[str] | None, typer.Option("--command", help="may be given again  [default: all]")
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write the rows, or go on with them")
    ] = None,
) -> None:
    """Stop commands at random moments, and tell what they leave; exit status 1 if anything is not whole."""
    rows = earlier_rows(json, seed)
    chosen = victims or list(VICTIMS)
    with progress() as bars:
        bar = bars.add_task("stopping", total=count * len(chosen))
        for name in chosen:
            done = sum(row["command"] == name for row in rows)
            bars.advance(bar, min(done, count))
            for row in kills_of(name, done, count, seed) if done < count else ():
                rows.append(row)
                write_json(json, {"seed": seed, "rows": rows})
                bars.advance(bar)
    for (name, how, state), times in Counter(
        (row["command"], row["signal"], row["outcome"]) for row in rows
    ).items():
        say(f"{name}, {how}: {times} {state}")
    if any(row["outcome"] not in GOOD for row in rows):
        raise typer.Exit(1)


if __name__ == "__main__":
    command(run)
