"""A worker and the scheduler are killed, and a whole set comes out as on this machine, to the last bit."""

import json
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

import numpy as np
import pytest
from distributed import Client

from quantize.file import save_network
from tests.cast import Cast
from tests.networks import random_network, random_samples

DEADLINE = 900.0
STEPS = 32
COMMANDS = {
    "evaluate": (random_network("gsu", 32, 8, 3, seed=3), 32_000, ""),
    "simulate": (random_network("prf", 2, 1, 1, seed=4), 24_000, "--input-gaps 0.5"),
}
"""Command -> a network, and how many sequences take some dozens of jobs."""
OF_TIME_AND_PLACE = {"images_per_second", "seconds", "cycles_per_second", "scheduler", "jobs"}


def wait_until(cast: Cast, until: float, condition: Callable[[Mapping[str, Collection[str]]], bool]) -> None:
    """Wait until a condition holds of the jobs that each worker has, by its address."""
    while True:
        assert time.monotonic() < until, cast.told()
        assert cast.running, f"the client was done before all kills\n{cast.told()}"
        with suppress(OSError, TimeoutError), Client(cast.address, timeout=5) as watch:
            if condition(watch.processing()):
                return
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.timeout(2 * DEADLINE)
@pytest.mark.cosim
@pytest.mark.parametrize("command", COMMANDS)
def test_a_whole_set_survives_the_death_of_a_worker_and_of_the_scheduler(run, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    network, sequences, options = COMMANDS[command]
    save_network(network, tmp_path / "network.safetensors")
    rng = np.random.default_rng(5)
    np.savez(
        tmp_path / "data.npz",
        x=random_samples(sequences, STEPS, seed=6),
        y=rng.integers(0, network.classes, sequences),
        lengths=rng.integers(1, STEPS + 1, sequences),
    )
    there = f"{command} network.safetensors data.npz {options} --json there.json --logits there.npy"
    until = time.monotonic() + DEADLINE
    cast = Cast(tmp_path, f"statespike {there} --scheduler {{address}}")
    try:
        wait_until(
            cast,
            until,
            lambda jobs: (
                len(jobs) == 2
                and all(jobs.values())
                and (command == "evaluate" or any(tmp_path.rglob("design.so")))
            ),
        )
        # Its jobs keep the client from its end, however fast the machine is.
        cast.hold("worker 2")
        cast.kill("worker 1")
        wait_until(cast, until, lambda jobs: len(jobs) == 2 and any(jobs.values()))
        cast.kill("scheduler")
        cast.release("worker 2")
        while cast.running:
            assert time.monotonic() < until, cast.told()
            cast.revive()
            time.sleep(0.2)
        assert cast.processes["client"].returncode == 0, cast.told()
        assert "Traceback" not in cast.told("client") and "went away" in cast.told("client")
    finally:
        cast.end()

    # A worker compiles once, and what the killed one left, the next one removed.
    assert len(list(tmp_path.rglob("design.so"))) <= 2

    here = run(*there.replace("there", "here").split())
    assert here.exit_code == 0, here.output
    np.testing.assert_array_equal(np.load(tmp_path / "here.npy"), np.load(tmp_path / "there.npy"))
    found = {place: json.loads((tmp_path / f"{place}.json").read_text()) for place in ("here", "there")}
    alone, spread = (
        {name: value for name, value in figures.items() if name not in OF_TIME_AND_PLACE}
        for figures in found.values()
    )
    assert alone == spread
    assert found["there"]["scheduler"]["run_again"] > 0
    assert found["there"]["scheduler"]["jobs"] > 20
