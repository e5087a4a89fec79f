"""Files of states hold what was saved, or are refused."""

import io
import zipfile

import numpy as np
import pytest

from quantize import states
from quantize.errors import StatespikeError
from quantize.states import read_states, write_states

STATES = {"array": np.arange(6).reshape(2, 3), "position": np.array(3), "network": np.array("abc")}


def test_what_is_read_was_written(tmp_path):
    write_states(tmp_path / "s.npz", STATES)
    found = read_states(tmp_path / "s.npz")
    assert found.keys() == STATES.keys()
    for name, state in STATES.items():
        np.testing.assert_array_equal(found[name], state)
        assert found[name].dtype == state.dtype


def changed(content: bytes) -> bytes:
    with np.load(io.BytesIO(content)) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["array"][1, 1] += 1
    target = io.BytesIO()
    np.savez(target, **arrays)
    return target.getvalue()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda content: b"", "no saved sequence"),
        (lambda content: content[:-30], "no saved sequence"),
        (lambda content: b"\x93NUMPY" + content, "no saved sequence"),
        (changed, "do not match its checksum"),
    ],
)
def test_other_files_are_refused(tmp_path, damage, sentence):
    path = tmp_path / "s.npz"
    write_states(path, STATES)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StatespikeError, match=rf"s\.npz: .*{sentence}.*begin the sequence anew"):
        read_states(path)


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(states, "MOST_BYTES", 1 << 16)
    with zipfile.ZipFile(tmp_path / "s.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(1 << 17))
    with pytest.raises(StatespikeError, match="are no saved sequence"):
        read_states(tmp_path / "s.npz")
