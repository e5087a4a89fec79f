"""Workers in processes: the same results as in one process, whatever happens to them."""

import os
import signal
from dataclasses import replace

import pytest

from benchmarks.synthetic import synthetic
from quantize.errors import StatespikeError
from statespike.cluster import jobs
from statespike.cluster import workers as cluster
from statespike.search.cluster import local_workers, scheduler_at
from statespike.search.explore import Search, explore, in_this_process
from statespike.search.space import Specification
from statespike.search.store import Store
from statespike.search.trial import Outcome, Trial

SEARCH = Search("digits", ("error", "lut", "cycles"), budget=24, batch=8, seed=3)


def perilous(trial: Trial) -> Outcome:
    """A synthetic outcome; a network of 32 channels kills its worker, one of 24 raises."""
    if trial.specification.channels == 32:
        os.kill(os.getpid(), signal.SIGKILL)
    if trial.specification.channels == 24:
        raise StatespikeError("the data are missing on this worker")
    return synthetic(trial)


@pytest.fixture(scope="module")
def workers():
    with local_workers(2, perilous) as run:
        yield run


def of(channels: int) -> Trial:
    return SEARCH.trials([Specification("s4d", "s4d", "mean", 1, channels, 2, 8, 7, 6, 14)])[0]


@pytest.mark.slow
def test_workers_find_what_one_process_finds(workers, tmp_path):
    search = replace(SEARCH, space=replace(SEARCH.space, channels=(4, 6, 8, 12)))
    with Store(str(tmp_path / "many.db")) as many, Store(str(tmp_path / "one.db")) as one:
        alone = explore(search, one, lambda trials: in_this_process(trials, synthetic))
        assert explore(search, many, workers) == alone
        assert all(many.checkpoint(each.trial) == one.checkpoint(each.trial) for each in alone.candidates)


def test_what_a_trial_raises_is_told(workers):
    with pytest.raises(StatespikeError, match="the data are missing on this worker"):
        list(workers([of(24)]))


def test_a_scheduler_that_is_not_there_is_told():
    refused = pytest.raises(
        StatespikeError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9 within 0\.2 s"
    )
    with refused, scheduler_at("tcp://127.0.0.1:9", patience=0.2):
        pass


def test_waiting_for_a_scheduler_is_told(monkeypatch):
    monkeypatch.setattr(cluster, "SOON", 0.1)
    told: list[str] = []
    refused = pytest.raises(StatespikeError, match=r"within 0\.2 s")
    with refused, scheduler_at("tcp://127.0.0.1:9", tell=told.append, patience=0.2):
        pass
    assert len(told) == 1 and "no scheduler answers at tcp://127.0.0.1:9 so far; waiting" in told[0]


def test_a_search_whose_workers_stay_away_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 0.3)
    told = pytest.raises(StatespikeError, match=r"the 0 workers died, and none came back within 0\.3 s")
    with told, local_workers(0, perilous) as run:
        list(run([of(4)]))


@pytest.mark.slow
def test_a_trial_that_kills_its_workers_is_named(workers, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_DEATHS", 2)
    with pytest.raises(StatespikeError, match="workers die whenever they run s4d s4d 1x32x2"):
        list(workers([of(32)]))
