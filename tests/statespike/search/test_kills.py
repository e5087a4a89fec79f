"""Workers, client and scheduler are killed at any moment, and the search finds what it finds undisturbed."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.search import SEARCH
from benchmarks.synthetic import synthetic
from statespike.search.explore import explore, in_this_process
from statespike.search.report import figures
from statespike.search.store import Store
from tests.cast import Cast

KILLS = 20
BUDGET = 64
DEADLINE = 400.0
CLIENT = f"benchmarks.search synthetic study.db {{address}} --budget {BUDGET} --seconds 0.3 --json found.json"


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
        cast = Cast(folder, CLIENT)
        try:
            while cast.running:
                assert time.monotonic() < until, cast.told()
                time.sleep(generator.uniform(0.5, 5))
                cast.revive()
                if kills < KILLS and cast.running:
                    name = str(generator.choice(list(cast.processes)))
                    cast.kill(name)
                    kills += 1
                    killed.add(name)
            assert cast.processes["client"].returncode == 0, cast.told()
        finally:
            cast.end()
        found = json.loads((folder / "found.json").read_text())
        # How many trials the last of the clients ran depends on the kills, and nothing else does.
        assert found | {"run": 0} == json.loads(json.dumps(alone)) | {"run": 0}
    assert killed == {"scheduler", "worker 1", "worker 2", "client"}
