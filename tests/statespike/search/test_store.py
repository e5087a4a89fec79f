"""The store keeps each trial once, under the digest of its content."""

from dataclasses import replace

import pytest

from benchmarks.synthetic import synthetic
from quantize.errors import StatespikeError
from statespike.search.space import Specification
from statespike.search.store import Store
from statespike.search.trial import Candidate, Effort, Outcome, Result, Trial

SPECIFICATION = Specification("s4d", "s4d", "mean", 1, 4, 2, 8, 7, 6, 14)
TRIAL = Trial(SPECIFICATION, 0, "digits", "up5k", Effort())


@pytest.fixture
def store(tmp_path):
    with Store(str(tmp_path / "study.db")) as opened:
        yield opened


def test_an_outcome_comes_back_as_it_was(store):
    outcome = synthetic(TRIAL)
    assert store.get(TRIAL) is None
    store.put(TRIAL, outcome)
    assert store.get(TRIAL) == outcome.result
    assert store.checkpoint(TRIAL) == outcome.checkpoint
    assert store.find(TRIAL.key[:8]) == Candidate(TRIAL, outcome.result)


def test_the_first_outcome_of_a_trial_stays(store):
    store.put(TRIAL, synthetic(TRIAL))
    store.put(TRIAL, Outcome(Result(failure="another")))
    assert store.get(TRIAL) == synthetic(TRIAL).result


def test_a_trial_is_known_by_its_content_alone():
    moved = replace(TRIAL, data="/elsewhere/mine.npz", data_sha256="12")
    assert moved.key == replace(TRIAL, data_sha256="12").key != TRIAL.key
    others = [
        replace(TRIAL, seed=1),
        replace(TRIAL, task="smnist"),
        replace(TRIAL, device="hx8k"),
        replace(TRIAL, rate=100.0),
        replace(TRIAL, effort=Effort(epochs=5)),
        replace(TRIAL, specification=replace(SPECIFICATION, mixer_bits=5)),
    ]
    others += [replace(TRIAL, start="12"), replace(TRIAL, specification=replace(SPECIFICATION, clock_mhz=12))]
    assert len({TRIAL.key, *(other.key for other in others)}) == 9
    assert replace(TRIAL, weights=b"of the trial that start names").key == TRIAL.key
    assert Trial.from_json(TRIAL.as_json()) == TRIAL


def test_finalists_are_the_full_trainings_of_a_specification(store):
    full = Effort(epochs=40, sequences=0, validation=0, test=True)
    others = [
        replace(TRIAL, specification=replace(SPECIFICATION, mixer_bits=5), effort=full),
        replace(TRIAL, task="smnist", effort=full),
        replace(TRIAL, seed=3),
    ]
    wanted = [replace(TRIAL, seed=seed, effort=full) for seed in (2, 0, 1)]
    for trial in [TRIAL, *others, *wanted]:
        store.put(trial, synthetic(trial))
    assert [one.trial.seed for one in store.finalists(TRIAL)] == [0, 1, 2]


@pytest.mark.parametrize("identifier", ["", "abc", "wxyz", "12345678"])
def test_an_identifier_of_no_candidate_is_refused(store, identifier):
    store.put(TRIAL, synthetic(TRIAL))
    with pytest.raises(StatespikeError, match="identifier"):
        store.find(identifier)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("not a database at all, but longer than its header" * 10)
    with pytest.raises(StatespikeError, match=r"notes\.txt: the study's database fails"):
        Store(str(tmp_path / "notes.txt"))


@pytest.mark.parametrize("url", ["postgresql://nowhere/study", "nonsense://study", "://"])
def test_a_url_that_cannot_be_opened_is_refused(url):
    with pytest.raises(StatespikeError, match="://"):
        Store(url)
