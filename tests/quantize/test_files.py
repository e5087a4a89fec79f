"""Files are written whole or not at all, and nothing of others is touched."""

import errno
import fcntl
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from quantize.errors import StatespikeError
from quantize.files import (
    PREFIX,
    extending,
    open_log,
    scratch_folder,
    signals_held,
    temporary_folder,
    write_whole,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path):
    path = tmp_path / "deep" / "file"
    write_whole(path, b"one")
    path.chmod(0o640)
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names(path.parent) == ["file"]


def test_a_new_file_has_the_usual_mode(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_symbolic_link_stays_a_link(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to("other/file")
    (tmp_path / "other" / "file").write_bytes(b"old")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "other" / "file").read_bytes() == b"new"


def test_what_is_no_regular_file_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    before = os.stat(os.devnull)
    write_whole(type(tmp_path)(os.devnull), b"gone")
    assert os.path.samestat(before, os.stat(os.devnull))


def test_a_name_of_an_open_file_is_written_to_and_not_replaced(tmp_path):
    with (tmp_path / "out").open("w+") as file:
        file.write("before ")
        file.flush()
        write_whole(type(tmp_path)(f"/proc/self/fd/{file.fileno()}"), b"after")
        file.seek(0)
        assert file.read() == "before after"


def test_a_folder_is_refused_by_name(tmp_path):
    with pytest.raises(OSError, match="Is a directory") as caught:
        write_whole(tmp_path, b"")
    assert caught.value.filename == str(tmp_path)


def limited(code, folder, most_bytes):
    """Run code in a process that may write no file of more bytes."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    command = [sys.executable, "-c", f"import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n{code}"]
    return subprocess.run(command, cwd=folder, preexec_fn=limit, capture_output=True, text=True, check=False,
                          env=os.environ | {"PYTHONPATH": os.getcwd()})  # fmt: skip


def test_a_file_that_grows_too_large_leaves_the_old_one(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    code = "from pathlib import Path\nfrom quantize.files import write_whole\n"
    code += "try: write_whole(Path('file'), bytes(10**6))\nexcept OSError as error: print(error)"
    result = limited(code, tmp_path, 10**5)
    assert result.stdout == f"[Errno {errno.EFBIG}] File too large: 'file'\n"
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_full_disk_leaves_the_old_file_and_names_it(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_whole(path, b"new")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def left_behind(target, *, format_name="statespike-temporary-folder"):
    """A temporary folder as a killed run leaves it."""
    folder = target.parent / f"{PREFIX}dead"
    folder.mkdir()
    owner = {"format": format_name, "target": target.name, "process": 1}
    (folder / "owner.json").write_text(json.dumps(owner))
    return folder


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path):
    dead = left_behind(tmp_path / "file")
    write_whole(tmp_path / "file", b"")
    assert not dead.exists()


def test_what_only_looks_like_ours_stays(tmp_path):
    foreign = left_behind(tmp_path / "file", format_name="someone's")
    (tmp_path / f"{PREFIX}letters").mkdir()
    (tmp_path / f"{PREFIX}file").write_text("dear")
    write_whole(tmp_path / "file", b"")
    assert names(tmp_path) == sorted([foreign.name, f"{PREFIX}letters", f"{PREFIX}file", "file"])


def test_what_was_moved_away_when_a_run_was_killed_is_put_back(tmp_path):
    dead = left_behind(tmp_path / "build")
    (dead / "old").mkdir()
    (dead / "old" / "design").write_text("kept")
    with temporary_folder(tmp_path / "build"):
        assert (tmp_path / "build" / "design").read_text() == "kept"


def test_a_folder_in_use_is_neither_removed_nor_shared(tmp_path):
    living = left_behind(tmp_path / "build")
    with (living / "owner.json").open() as marker:
        fcntl.flock(marker, fcntl.LOCK_EX)
        with temporary_folder(tmp_path / "build"), temporary_folder(tmp_path / "other", alone=True):
            assert living.exists()
        refused = pytest.raises(StatespikeError, match="is being written by another process")
        with refused, temporary_folder(tmp_path / "build", alone=True):
            pass
    with temporary_folder(tmp_path / "build", alone=True):
        assert not living.exists()


def test_a_signal_waits_until_what_is_made_is_noted():
    came = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    try:
        with signals_held():
            signal.raise_signal(signal.SIGTERM)
            assert came == []
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("folder_of", [scratch_folder, lambda: temporary_folder(Path.cwd() / "target")])
def test_a_signal_while_a_folder_is_made_leaves_none(folder_of, tmp_path, monkeypatch):
    """It comes between the folder's making and its noting, where a killed run would leave it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    make = tempfile.mkdtemp

    def interrupted(**options):
        made = make(**options)
        signal.raise_signal(signal.SIGINT)
        return made

    monkeypatch.setattr(tempfile, "mkdtemp", interrupted)
    # A program started in the background may ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), folder_of():
            pass
    finally:
        signal.signal(signal.SIGINT, before)
    assert list(tmp_path.iterdir()) == []


def test_a_log_has_one_writer(tmp_path):
    path = tmp_path / "folder" / "log.txt"
    with open_log(path, goes_on=False) as file:
        print("first", file=file, flush=True)
        for goes_on in (False, True):
            with pytest.raises(StatespikeError, match="is being written by another process"):
                open_log(path, goes_on=goes_on)
    with open_log(path, goes_on=True) as file:
        print("second", file=file)
    assert path.read_text() == "first\nsecond\n"
    open_log(path, goes_on=False).close()
    assert path.read_text() == ""
    open_log(Path("/dev/null"), goes_on=False).close()


def test_two_processes_that_write_one_file_leave_one_of_their_contents(tmp_path):
    """The last whole one wins, and a reader never sees a part of one."""
    path, contents = tmp_path / "out", {bytes([letter]) * 50_000 for letter in b"ab"}
    code = (
        "import sys; from pathlib import Path; from quantize.files import write_whole\n"
        "for _ in range(40): write_whole(Path(sys.argv[1]), sys.argv[2].encode() * 50_000)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, path, letter]) for letter in "ab"]
    while any(writer.poll() is None for writer in writers):
        assert not path.exists() or path.read_bytes() in contents
    assert [writer.returncode for writer in writers] == [0, 0]
    assert path.read_bytes() in contents
    assert os.listdir(tmp_path) == ["out"]


def test_a_file_of_records_is_extended_by_one_process(tmp_path):
    path = tmp_path / "rows.json"
    with extending(path):
        write_whole(path, b"{}")
        refused = pytest.raises(StatespikeError, match=r"rows\.json is being written by another process")
        with refused, extending(path):
            pass
    with extending(path), extending(None):
        assert os.listdir(tmp_path) != ["rows.json"]
    assert os.listdir(tmp_path) == ["rows.json"]
