"""A search whose scheduler, workers and client are on machines of their own, killed and leaving.

    python -m benchmarks.namespaces --kills 20 --seed 1 --json namespaces.json

Each is a process in a network namespace of its own, joined by a bridge, so they reach each other by addresses
alone. Searches among synthetic trials follow each other until so many processes were killed; between the
kills workers leave and join again. Each search has to find what one process finds. Needs root and iproute2.
"""

import json as json_module
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.command import command
from benchmarks.search import SEARCH
from benchmarks.synthetic import synthetic
from quantize.errors import StatespikeError
from quantize.files import scratch_folder
from statespike.options import Json
from statespike.output import note, say, write_json
from statespike.search.explore import explore, in_this_process
from statespike.search.report import figures
from statespike.search.store import Store
from tests.cast import Cast

WORKERS = ("worker 1", "worker 2")
NAMES = ("scheduler", *WORKERS, "client")
NETWORK = "10.213.47"
"""The machines' addresses, from 1 on; of no machine outside."""
PATIENCE = 300.0
"""Seconds that a search may take."""


@contextmanager
def machines() -> Iterator[dict[str, str]]:
    """A network namespace for each of `NAMES`: its name.

    Raises
    ------
    StatespikeError
        If they cannot be made.
    """
    mark = f"sp{os.getpid() % 100_000}"
    spaces = {name: f"{mark}-{index}" for index, name in enumerate(NAMES)}
    try:
        _ip("link", "add", mark, "type", "bridge")
        _ip("link", "set", mark, "up")
        for index, space in enumerate(spaces.values()):
            outer, inner = f"{mark}o{index}", f"{mark}i{index}"
            _ip("netns", "add", space)
            _ip("link", "add", outer, "type", "veth", "peer", "name", inner)
            _ip("link", "set", outer, "master", mark, "up")
            _ip("link", "set", inner, "netns", space)
            _ip("-n", space, "addr", "add", f"{NETWORK}.{index + 1}/24", "dev", inner)
            for device in (inner, "lo"):
                _ip("-n", space, "link", "set", device, "up")
        yield spaces
    finally:
        for space in spaces.values():
            _ip("netns", "del", space, check=False)
        _ip("link", "del", mark, check=False)


def _ip(*arguments: str, check: bool = True) -> None:
    try:
        found = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    except FileNotFoundError as error:
        raise StatespikeError("there is no program `ip`; install iproute2") from error
    if check and found.returncode:
        raise StatespikeError(
            f"`ip {' '.join(arguments)}` failed ({found.stderr.strip()}); network namespaces need root"
        )


def disturbed(
    spaces: dict[str, str], folder: Path, budget: int, kills: int, generator: np.random.Generator
) -> tuple[dict[str, Any], Counter[str]]:
    """One search while at most so many processes are killed: what it found, and what was done to whom."""
    done: Counter[str] = Counter()
    options = f"--budget {budget} --seconds 0.3 --json found.json"
    client = f"benchmarks.search synthetic study.db {{address}} {options}"
    cast = Cast(folder, client, f"{NETWORK}.1", lambda name: ["ip", "netns", "exec", spaces[name]])
    until = time.monotonic() + PATIENCE
    try:
        while cast.running:
            if time.monotonic() > until:
                raise StatespikeError(f"a search did not end in {PATIENCE:.0f} s: {cast.told()}")
            time.sleep(generator.uniform(0.5, 5))
            cast.revive()
            if not cast.running:
                break
            if generator.random() < 0.25:
                name = str(generator.choice(WORKERS))
                cast.leave(name)
                done[f"{name} left"] += 1
            elif killed(done) < kills:
                name = str(generator.choice(NAMES))
                cast.kill(name)
                done[f"{name} killed"] += 1
        if cast.processes["client"].returncode:
            raise StatespikeError(f"the client failed: {cast.told()}")
    finally:
        cast.end()
    return json_module.loads((folder / "found.json").read_text()), done


def comparable(found: dict[str, Any]) -> dict[str, Any]:
    """All figures of a search but how many trials its last client ran itself."""
    content: dict[str, Any] = json_module.loads(json_module.dumps(found | {"run": 0}))
    return content


def run(
    kills: Annotated[int, typer.Option(min=1, help="processes to kill")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="of who is killed, and when")] = 1,
    budget: Annotated[int, typer.Option(min=1, help="trials of a search")] = 64,
    json: Json = None,
) -> None:
    """Search on machines that are killed, leave and join, and compare with one process."""
    generator = np.random.default_rng(seed)
    done: Counter[str] = Counter()
    searches: list[bool] = []
    with scratch_folder() as folder, machines() as spaces:
        with Store(str(folder / "alone.db")) as store:
            search = replace(SEARCH, budget=budget, batch=8)
            alone = figures(search, explore(search, store, lambda trials: in_this_process(trials, synthetic)))
        while killed(done) < kills:
            own = folder / f"search-{len(searches)}"
            own.mkdir()
            found, happened = disturbed(spaces, own, budget, kills - killed(done), generator)
            done.update(happened)
            searches.append(comparable(found) == comparable(alone))
            note(f"{len(searches)} searches, {killed(done)} of {kills} processes killed")
    tell(searches, done)
    counts = dict(sorted(done.items()))
    write_json(json, {"searches": len(searches), "equal": sum(searches), "happened": counts})


def killed(done: Counter[str]) -> int:
    """How many processes were."""
    return sum(count for what, count in done.items() if what.endswith("killed"))


def tell(searches: Sequence[bool], done: Counter[str]) -> None:
    """Say what happened, and whether the searches found what one process finds."""
    say(f"{sum(searches)} of {len(searches)} searches found what one process finds, to the last bit")
    say(", ".join(f"{what} {count} times" for what, count in sorted(done.items())))


if __name__ == "__main__":
    command(run)
