"""Workers, client and scheduler are killed at any moment, and the search finds what it finds undisturbed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.search import SEARCH
from benchmarks.synthetic import synthetic
from statespike.search.explore import explore, in_this_process
from statespike.search.report import figures
from statespike.search.store import Store

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
KILLS = 20
BUDGET = 64
DEADLINE = 400.0


class Cast:
    """A scheduler, two workers and the client of a search, each a process that can be killed and started."""

    def __init__(self, folder) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self.log = (folder / "log.txt").open("w")
        self.processes = {name: self.start(name) for name in ("scheduler", "worker 1", "worker 2", "client")}

    def start(self, name: str) -> subprocess.Popen[bytes]:
        port = self.address.rpartition(":")[2]
        arguments = {
            "scheduler": f"distributed.cli.dask_scheduler --host 127.0.0.1 --port {port} --no-dashboard",
            "client": f"benchmarks.search synthetic study.db {self.address} --budget {BUDGET} --seconds 0.3 "
            "--json found.json",
        }.get(name, f"distributed.cli.dask_worker {self.address} --nthreads 1 --no-dashboard --no-nanny")
        return subprocess.Popen(
            [sys.executable, "-m", *arguments.split()], cwd=self.folder, stdout=self.log, stderr=self.log,
            env=ENVIRONMENT,
        )  # fmt: skip

    def kill(self, name: str) -> None:
        """Kill one, and start another in its place."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()
        self.processes[name] = self.start(name)

    def revive(self) -> None:
        """Start workers again that left of themselves: they do when their scheduler stays away."""
        for name in ("worker 1", "worker 2"):
            if self.processes[name].poll() is not None:
                self.processes[name] = self.start(name)

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.log.close()


@pytest.mark.slow
def test_a_search_survives_the_death_of_whatever_takes_part(tmp_path):
    with Store(str(tmp_path / "alone.db")) as store:
        search = replace(SEARCH, budget=BUDGET, batch=8)
        alone = figures(search, explore(search, store, lambda trials: in_this_process(trials, synthetic)))

    generator = np.random.default_rng(1)
    kills, killed = 0, set()
    until = time.monotonic() + DEADLINE
    while kills < KILLS:
        folder = tmp_path / f"after-{kills}"
        folder.mkdir()
        cast = Cast(folder)
        try:
            while cast.processes["client"].poll() is None:
                assert time.monotonic() < until, (folder / "log.txt").read_text()[-2000:]
                time.sleep(generator.uniform(0.5, 5))
                cast.revive()
                if kills < KILLS and cast.processes["client"].poll() is None:
                    name = str(generator.choice(list(cast.processes)))
                    cast.kill(name)
                    kills += 1
                    killed.add(name)
            assert cast.processes["client"].returncode == 0, (folder / "log.txt").read_text()[-2000:]
        finally:
            cast.end()
        found = json.loads((folder / "found.json").read_text())
        # How many trials the last of the clients ran depends on the kills, and nothing else does.
        assert found | {"run": 0} == json.loads(json.dumps(alone)) | {"run": 0}
    assert killed == {"scheduler", "worker 1", "worker 2", "client"}
