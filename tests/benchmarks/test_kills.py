"""A stopped command leaves its old output or the new one, and nothing else."""

import hashlib
import json
import signal
import subprocess
import sys

import pytest

from benchmarks import kills
from benchmarks.kills import GOOD, VICTIMS, Victim, digest, kills_of, stop
from quantize.errors import StatespikeError


@pytest.mark.slow
def test_quantize_leaves_the_old_output_or_the_new_one():
    rows = list(kills_of("quantize", 0, 4, 1))
    assert {row["outcome"] for row in rows} <= set(GOOD), rows
    assert len(rows) == 4


def test_an_output_that_is_cut_short_is_no_whole_one(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("all of it")
    whole = digest(tmp_path / "folder")
    assert digest(tmp_path / "folder") == whole
    (tmp_path / "folder" / "a").write_text("all")
    assert digest(tmp_path / "folder") != whole
    assert digest(tmp_path / "missing") is None


def test_a_build_is_whole_if_its_manifest_says_so(tmp_path):
    def write(design: bytes, log: bytes) -> None:
        files = {"design.v": design, "place.log": log}
        contents = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        (tmp_path / "manifest.json").write_text(json.dumps({"contents": contents}))

    write(b"one", b"in 3 s")
    whole = digest(tmp_path)
    write(b"one", b"in 4 s")
    assert digest(tmp_path) == whole is not None
    write(b"other", b"in 3 s")
    assert digest(tmp_path) not in (whole, None)
    (tmp_path / "place.log").write_bytes(b"in")
    assert digest(tmp_path) is None
    write(b"one", b"in 3 s")
    (tmp_path / "more").write_bytes(b"")
    assert digest(tmp_path) is None


@pytest.mark.parametrize(
    ("leaves", "outcomes"),
    [
        ({"out": "half"}, ["broken"]),
        ({"notes.txt": "changed"}, ["foreign files changed"]),
        ({"out": "old", "rest": ""}, ["left files without a name of ours"]),
        ({"out": "old", "tmp/statespike-1": ""}, ["old", "left temporary files"]),
        ({"out": "old", "tmp/torch": ""}, ["old", "old", "old"]),
    ],
)
def test_a_careless_command_is_caught(leaves, outcomes, monkeypatch):
    """The first run is killed, the second one told to end."""

    def finish(line, folder):
        (folder / "tmp").mkdir(exist_ok=True)
        (folder / "tmp" / "torch").touch()
        (folder / "out").write_text(line.split()[0])
        return 1.0

    def stopped(line, moment, how, folder):
        for name, content in leaves.items():
            (folder / name).write_text(content)
        return True, ""

    monkeypatch.setitem(VICTIMS, "careless", Victim(("old", "new"), "-o", "out"))
    monkeypatch.setattr(kills, "finish", finish)
    monkeypatch.setattr(kills, "stopped", stopped)
    rows = list(kills_of("careless", 0, 3, 1))
    assert [row["outcome"] for row in rows] == outcomes


def test_a_tool_that_runs_on_is_caught():
    """A command that ends and leaves a process behind."""
    code = (
        "import subprocess, sys, time; subprocess.Popen(['sleep', '60']); print(flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    assert stop(process, signal.SIGTERM) == "tools ran on"


def test_a_run_goes_on_where_another_stopped(monkeypatch, tmp_path):
    def kills_of(name, done, count, seed):
        for number in range(done, count):
            yield {"command": name, "signal": "SIGTERM", "outcome": "old", "number": number}

    monkeypatch.setattr(kills, "kills_of", kills_of)
    path = tmp_path / "rows.json"
    kills.run(count=2, seed=1, victims=["train"], json=path)
    kills.run(count=3, seed=1, victims=["train", "build"], json=path)
    found = [(row["command"], row["number"]) for row in json.loads(path.read_text())["rows"]]
    assert found == [("train", 0), ("train", 1), ("train", 2), ("build", 0), ("build", 1), ("build", 2)]
    with pytest.raises(StatespikeError, match="those of seed 1"):
        kills.run(count=4, seed=2, victims=["train"], json=path)
