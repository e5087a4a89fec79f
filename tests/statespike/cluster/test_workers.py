"""Workers: they do what they are given, in the same version of the program, and bad luck is a sentence."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import statespike
from quantize.errors import StatespikeError
from statespike.cluster import jobs, version, worker
from statespike.cluster.version import Version, this_version
from statespike.cluster.workers import workers_at
from statespike.own_packages import NAMES

ROOT = Path(statespike.__file__).parents[1]


def twice(number: int) -> int:
    """Something to do."""
    if number == 13:
        raise StatespikeError("13 cannot be doubled")
    return 2 * number


def itself(job):
    return job


def test_all_jobs_are_done_however_few_are_sent_at_a_time(scheduler, monkeypatch):
    monkeypatch.setattr(jobs, "AHEAD", 3)
    with workers_at(scheduler) as workers:
        found = list(workers(twice, range(10), itself))
        assert sorted(found) == [(number, 2 * number) for number in range(10)]
        assert (workers.tally.jobs, workers.tally.again) == (10, 0)
        assert 1 <= workers.at_once <= 2


def test_no_more_jobs_are_made_than_are_sent(scheduler, monkeypatch):
    monkeypatch.setattr(jobs, "AHEAD", 3)
    made = []
    with workers_at(scheduler) as workers:
        for done, _ in enumerate(workers(twice, range(10), lambda job: made.append(job) or job)):
            assert len(made) <= 3 + done + 1
    assert len(made) == 10


def test_an_error_names_its_worker(scheduler):
    told = pytest.raises(StatespikeError, match=r"worker inproc://\S+: 13 cannot be doubled")
    with workers_at(scheduler) as workers, told:
        list(workers(twice, [13], itself))


def test_a_worker_of_another_version_is_refused_by_name(scheduler, monkeypatch):
    monkeypatch.setattr(worker, "this_version", lambda: Version("9.9", "f" * 64))
    with workers_at(scheduler) as workers, pytest.raises(StatespikeError) as refused:
        list(workers(twice, [1], itself))
    sentence = str(refused.value)
    assert "has version 9.9 (ffffffff) of statespike" in sentence
    assert f"this command {this_version()}; start workers of the same version" in sentence


def test_a_worker_without_the_program_is_refused(scheduler, monkeypatch):
    monkeypatch.setitem(sys.modules, "statespike.cluster.worker", None)
    told = pytest.raises(StatespikeError, match="has version none that takes jobs")
    with workers_at(scheduler) as workers, told:
        list(workers(twice, [1], itself))


def digest_of(home: Path) -> str:
    """The digest of the program in a folder, told by a process of its own."""
    code = "from statespike.cluster.version import this_version; print(this_version().sha256)"
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, env={"PYTHONPATH": str(home)}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_versions_differ_by_what_the_program_is_made_of(tmp_path):
    for package in (*NAMES, "statespike"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "zoo", "*.npz")
        )
    assert digest_of(tmp_path) == version.this_version().sha256
    with (tmp_path / "sim/backends/driver.cpp").open("a") as driver:
        driver.write("// another one\n")
    assert digest_of(tmp_path) != version.this_version().sha256
