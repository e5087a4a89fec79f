"""A build folder appears whole, and replaces only a build and only its own files."""

import errno
import json
import os
import signal
import subprocess
import sys

import pytest

import hdl.emit.build_folder
from hdl.emit.build_folder import build_folder, read_manifest, refuse_others
from quantize.errors import StatespikeError


def make(target, design="old"):
    with build_folder(target) as build:
        (build.folder / "logs").mkdir()
        (build.folder / "design.v").write_text(design)
        (build.folder / "logs" / "tool.log").write_text("")
        build.manifest = {"device": "up5k"}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_folder_appears_whole_with_its_contents_in_the_manifest(tmp_path):
    target = tmp_path / "deep" / "build"
    with build_folder(target) as build:
        (build.folder / "design.v").write_text("module")
        assert not target.exists()
    assert names(target.parent) == ["build"]
    manifest = json.loads((target / "manifest.json").read_text())
    assert list(manifest["contents"]) == ["design.v"]
    assert manifest == read_manifest(target) == build.manifest


@pytest.mark.parametrize("error", [KeyboardInterrupt, StatespikeError])
def test_interrupted_build_leaves_the_old_one_whole_and_nothing_else(tmp_path, error):
    target = tmp_path / "build"
    make(target)
    with pytest.raises(error), build_folder(target) as build:
        (build.folder / "design.v").write_text("new")
        raise error
    assert (target / "design.v").read_text() == "old"
    assert names(tmp_path) == ["build"]
    make(target, "newer")
    assert (target / "design.v").read_text() == "newer"
    assert names(tmp_path) == ["build"]


@pytest.mark.parametrize(
    "manifest",
    ["{}", "[]", "", "[" * 100_000, '{"format": "statespike-manifest", "version": "1"}',
     '{"name": "app", "version": "2", "contents": {}}', '{"manifest_version": 3}', "\xff"],
)  # fmt: skip
def test_a_foreign_manifest_makes_no_build_folder(tmp_path, manifest):
    (tmp_path / "manifest.json").write_text(manifest, encoding="latin-1")
    (tmp_path / "index.js").write_text("dear")
    with pytest.raises(StatespikeError, match="is not a build folder"):
        make(tmp_path)
    assert names(tmp_path) == ["index.js", "manifest.json"]


@pytest.mark.parametrize("name", ["notes.txt", "logs/notes.txt", "more/", "link", ".hidden"])
def test_a_file_that_the_manifest_does_not_list_is_kept(tmp_path, name):
    target = tmp_path / "build"
    make(target)
    path = target / name
    if name.endswith("/"):
        path.mkdir()
    elif name == "link":
        path.symlink_to("/nowhere")
    else:
        path.write_text("mine")
    with pytest.raises(StatespikeError, match=f"'{name.rstrip('/')}' in it is not of the build"):
        make(target, "new")
    assert (target / "design.v").read_text() == "old"
    assert os.path.lexists(path)


def test_a_file_added_while_the_build_ran_is_kept(tmp_path):
    target = tmp_path / "build"
    make(target)
    with pytest.raises(StatespikeError, match="'notes' in it is not of the build"), build_folder(target):
        (target / "notes").write_text("mine")
    assert names(target) == ["design.v", "logs", "manifest.json", "notes"]
    assert names(tmp_path) == ["build"]


def test_part_and_old_of_the_user_are_not_touched(tmp_path):
    for name in ("build.part", "build.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "letters").write_text("dear")
    make(tmp_path / "build")
    make(tmp_path / "build")
    assert (tmp_path / "build.part" / "letters").exists()
    assert (tmp_path / "build.old" / "letters").exists()


def test_two_builds_of_one_folder_do_not_mix(tmp_path):
    target = tmp_path / "build"
    with build_folder(target) as build:
        (build.folder / "design.v").write_text("first")
        with pytest.raises(StatespikeError, match="is being written by another process"):
            make(target, "second")
        make(tmp_path / "other")
    assert (target / "design.v").read_text() == "first"


def test_a_disk_that_is_full_leaves_the_old_build_and_names_the_folder(tmp_path):
    target = tmp_path / "build"
    make(target)
    with pytest.raises(OSError, match="No space left") as caught, build_folder(target) as build:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(build.folder / "design.v"))
    assert caught.value.filename == str(target)
    assert (target / "design.v").read_text() == "old"
    assert names(tmp_path) == ["build"]


def test_without_an_exchange_of_folders_the_old_one_is_moved_away(tmp_path, monkeypatch):
    monkeypatch.setattr(hdl.emit.build_folder, "_exchange", lambda one, other: False)
    make(tmp_path / "build")
    make(tmp_path / "build", "new")
    assert (tmp_path / "build" / "design.v").read_text() == "new"
    assert names(tmp_path) == ["build"]


def test_a_file_in_the_place_or_above_it_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "build"):
        with pytest.raises(StatespikeError, match="file"):
            refuse_others(path)


BUILDING = """
import sys, time
from pathlib import Path
from hdl.emit.build_folder import build_folder
with build_folder(Path(sys.argv[1])) as build:
    (build.folder / "design.v").write_text("new")
    print("begun", flush=True)
    time.sleep(60)
"""


def test_a_killed_build_leaves_the_old_one_and_is_cleaned_up_by_the_next(tmp_path):
    target = tmp_path / "build"
    make(target)
    process = subprocess.Popen([sys.executable, "-c", BUILDING, target], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    with pytest.raises(StatespikeError, match=f"process {process.pid}"):
        make(target, "rival")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (target / "design.v").read_text() == "old"
    assert len(names(tmp_path)) == 2
    make(target, "newer")
    assert names(tmp_path) == ["build"]
