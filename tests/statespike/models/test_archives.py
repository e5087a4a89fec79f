"""Files of a data set: the same from a folder, a zip and a tar; a damaged archive gets one sentence."""

import gzip
import shutil

import pytest

from statespike.models.tasks import archives
from statespike.models.tasks.archives import find_source, read_files
from statespike.models.tasks.task import TaskError

CONTENTS = {"a/one.txt": b"1" * 3000, "a/two.txt": b"", "b.bin": b"no text"}


@pytest.fixture
def folder(tmp_path):
    for name, content in CONTENTS.items():
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "set"


def packed(folder, form):
    return folder.parent / shutil.make_archive(str(folder.parent / "packed"), form, folder)


@pytest.mark.parametrize("form", ["folder", "zip", "tar", "gztar", "xztar"])
def test_the_wanted_files_are_read(folder, form):
    source = folder if form == "folder" else packed(folder, form)
    found = {str(name): content for name, content in read_files(source, lambda name: name.suffix == ".txt")}
    assert found == {name: content for name, content in CONTENTS.items() if name.endswith(".txt")}


@pytest.mark.parametrize("form", ["zip", "tar", "gztar", "xztar"])
def test_an_archive_that_breaks_off_is_refused(folder, form):
    source = packed(folder, form)
    content = source.read_bytes()
    for length in (0, 1, len(content) // 3, len(content) // 2):
        source.write_bytes(content[:length])
        with pytest.raises(TaskError, match="not a whole zip or tar archive"):
            list(read_files(source, lambda name: True))


@pytest.mark.parametrize("form", ["tar", "gztar", "xztar"])
def test_a_tar_without_its_end_is_refused(folder, form):
    source = packed(folder, form)
    content = source.read_bytes()
    # A tar is filled up with zeros: it is cut behind its last file, as one that a download left unfinished.
    last = len(content.rstrip(b"\0"))
    source.write_bytes(content[: last + -last % 512] if form == "tar" else content[:-4])
    with pytest.raises(TaskError, match="not a whole zip or tar archive"):
        list(read_files(source, lambda name: True))


def test_a_packed_file_whose_bytes_changed_is_refused(folder):
    source = packed(folder, "tar")
    content = source.read_bytes()
    stored = gzip.compress(content, compresslevel=0, mtime=0)
    source.write_bytes(stored.replace(b"no text", b"no test"))
    with pytest.raises(TaskError, match=r"not a whole zip or tar archive .*CRC"):
        list(read_files(source, lambda name: True))


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
def test_a_file_too_large_is_refused_before_it_is_read(folder, form, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_FILE", 2999)
    source = folder if form == "folder" else packed(folder, form)
    with pytest.raises(TaskError, match=r"a/one\.txt takes 3000 bytes, more than the 2999"):
        list(read_files(source, lambda name: True))


def test_a_source_is_an_archive_or_a_folder(folder, tmp_path):
    archive = packed(folder, "zip")
    assert find_source(archive, ("x",), (), "*") == archive
    assert find_source(folder, (".", "a"), ("packed.zip",), "*.txt") == folder / "a"
    assert find_source(tmp_path, ("a",), ("packed.zip",), "*.txt") == archive
    with pytest.raises(FileNotFoundError):
        find_source(tmp_path / "absent", (".",), (), "*")
