"""What is kept is found again, is bounded, and may be removed, damaged or written by several at once."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from quantize import store

NAMES = [f"{digit}" * 64 + ".json" for digit in "0123"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of results."""
    monkeypatch.setenv(store.FOLDER, str(tmp_path))
    return tmp_path


def test_what_was_kept_is_recalled_until_it_is_removed(folder):
    assert store.recall("counts", NAMES[0]) is None
    store.keep("counts", NAMES[0], b"content")
    assert store.recall("counts", NAMES[0]) == b"content"
    assert store.recall("notes", NAMES[0]) is None
    (folder / "counts" / NAMES[0]).unlink()
    assert store.recall("counts", NAMES[0]) is None


def test_the_folder_is_the_users_for_such_files(tmp_path, monkeypatch):
    monkeypatch.delenv(store.FOLDER)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.path_of("counts", NAMES[0]) == tmp_path / "statespike" / "counts" / NAMES[0]
    monkeypatch.setenv(store.FOLDER, "")
    assert store.path_of("counts", NAMES[0]) is None
    store.keep("counts", NAMES[0], b"content")
    assert store.recall("counts", NAMES[0]) is None


def test_what_cannot_be_written_is_not_kept(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(store.FOLDER, str(tmp_path / "file"))
    store.keep("counts", NAMES[0], b"content")
    assert store.recall("counts", NAMES[0]) is None


def test_what_was_not_used_for_longest_goes_and_nothing_of_others(folder, monkeypatch):
    monkeypatch.setattr(store, "MOST_BYTES", 25)
    foreign = [folder / "counts" / "mine.json", folder / "pictures" / NAMES[0], folder / "mine.txt"]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(100))
    for age, name in enumerate(NAMES[:2]):
        store.keep("counts", name, bytes(10))
        os.utime(folder / "counts" / name, (age, age))
    store.recall("counts", NAMES[0])
    store.keep("networks", NAMES[2].replace("json", "safetensors"), bytes(10))
    assert store.recall("counts", NAMES[0]) is not None
    assert store.recall("counts", NAMES[1]) is None
    assert all(path.exists() for path in foreign)


def test_several_that_keep_the_same_leave_it_whole(folder):
    content = bytes(range(256)) * 40

    def work(_: int) -> bool:
        store.keep("counts", NAMES[0], content)
        return store.recall("counts", NAMES[0]) == content

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(24)))
    assert [path.name for path in (folder / "counts").iterdir()] == NAMES[:1]


def test_a_name_tells_all_parts_apart():
    names = [
        store.name_of(*parts)
        for parts in (
            ("ab", "c"), ("a", "bc"), ("abc",), (np.zeros(2),), (np.zeros((2, 1)),),
            (np.zeros(2, np.int64),), (np.array([0.0, -0.0]),), (np.zeros(2), "c"),
        )
    ]  # fmt: skip
    assert len(set(names)) == len(names)
    assert names[0] == store.name_of("ab", "c")


def test_other_sources_or_tools_are_another_program():
    program = store.program_digest(("quantize",), ("numpy",))
    assert program != store.program_digest(("quantize",), ("numba",))
    assert program != store.program_digest(("quantize", "hdl"), ("numpy",))
