"""A killed command leaves its old output or the new one."""

import numpy as np
import pytest

from benchmarks.kills import VICTIMS, Victim, digest, kills_of


@pytest.mark.slow
def test_quantize_leaves_the_old_output_or_the_new_one():
    rows = kills_of("quantize", 3, np.random.default_rng(1), lambda: None)
    assert {row["outcome"] for row in rows} <= {"old", "new"}
    assert len(rows) == 3


def test_an_output_that_is_cut_short_is_no_whole_one(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("all of it")
    whole = digest(tmp_path / "folder")
    assert digest(tmp_path / "folder") == whole
    (tmp_path / "folder" / "a").write_text("all")
    assert digest(tmp_path / "folder") != whole
    assert digest(tmp_path / "missing") is None


def test_a_command_that_writes_in_place_is_caught(monkeypatch):
    def left_half(victim, arguments, folder):
        (folder / victim.output).write_text("whole")
        return 1.0

    def cut(victim, moment, folder):
        (folder / victim.output).write_text("half")
        return digest(folder / victim.output)

    monkeypatch.setitem(VICTIMS, "careless", Victim("", "-o", "out", ""))
    monkeypatch.setattr("benchmarks.kills.finish", left_half)
    monkeypatch.setattr("benchmarks.kills.kill_once", cut)
    rows = kills_of("careless", 2, np.random.default_rng(1), lambda: None)
    assert [row["outcome"] for row in rows] == ["broken"]
