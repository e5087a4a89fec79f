"""`boards` and `program`: what there is, and what is run."""

import json
from hashlib import sha256

import pytest

import statespike
from boards.boards import BOARDS
from boards.programmers import SOURCES
from tests.networks import random_network


@pytest.fixture(scope="module")
def virtual(tmp_path_factory):
    """A build without a bitstream."""
    folder = tmp_path_factory.mktemp("board") / "build"
    statespike.build(random_network("prf", 3, 2, 1, seed=1), folder, "icebreaker", seeds=[])
    return folder


@pytest.fixture
def built(virtual, tmp_path):
    """The same with bytes in the place of a bitstream."""
    folder = tmp_path / "build"
    folder.mkdir()
    for path in virtual.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "design.bin").write_bytes(b"bits")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["bitstream"] = "design.bin"
    manifest["contents"]["design.bin"] = sha256(b"bits").hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def programmer(tmp_path, monkeypatch):
    """Puts a program that notes its arguments, and ends with a status, in the place of iceprog."""

    def put(status: int):
        script, noted = tmp_path / "programmer", tmp_path / "noted"
        script.write_text(f'#!/bin/sh\necho "$@" > {noted}\nexit {status}\n')
        script.chmod(0o755)
        monkeypatch.setenv("ICEPROG", str(script))
        return noted

    return put


def test_boards_are_listed(run, tmp_path):
    result = run("boards", "--json", tmp_path / "boards.json")
    listed = json.loads((tmp_path / "boards.json").read_text())["boards"]
    assert [one["name"] for one in listed] == list(BOARDS)
    assert {"device", "clock_mhz", "link", "programmer"} <= set(listed[0])
    # Whole, so that a name can be copied into a command.
    words = [line.split() for line in result.stdout.splitlines()]
    rows = {one[0]: one[1:] for one in words if len(one) > 1 and one[0] in BOARDS}
    assert set(BOARDS) <= set(rows)
    for board in BOARDS.values():
        assert rows[board.name][0] == board.device.name
        assert rows[board.name][-1] == board.programmer.name
    assert "upduino-v3: close the solder jumper OSC" in result.stdout


def test_a_dry_run_prints_the_command_and_runs_nothing(run, built, programmer):
    noted = programmer(0)
    result = run("program", built, "--dry-run")
    assert result.stdout.strip() == f"iceprog {built / 'design.bin'}"
    assert not noted.exists()


def test_the_bitstream_is_loaded(run, built, programmer, tmp_path):
    noted = programmer(0)
    result = run("program", built, "--json", tmp_path / "figures.json")
    assert noted.read_text().strip() == str(built / "design.bin")
    assert "iCEBreaker holds design.bin, in its flash" in result.stdout
    assert json.loads((tmp_path / "figures.json").read_text())["programmed"] is True


def test_a_programmer_that_fails_is_told(refuse, built, programmer):
    programmer(3)
    assert "iceprog ended with status 3: is the iCEBreaker plugged in" in refuse("program", built)


def test_a_missing_programmer_is_told_with_how_to_get_it(refuse, built, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert f"iceprog is not installed; to get it: {SOURCES['iceprog']}" in refuse("program", built)


def test_a_build_without_a_bitstream_is_told(refuse, virtual):
    assert "holds no bitstream: it was built with --no-bitstream" in refuse("program", virtual)


def test_a_bitstream_that_was_changed_is_told(refuse, built):
    (built / "design.bin").write_bytes(b"bitz")
    assert "design.bin was changed since it was built" in refuse("program", built)
