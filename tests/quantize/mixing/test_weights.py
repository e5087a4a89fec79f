"""Ternary matrices are read with their scale, and everything else is refused in a sentence."""

import numpy as np
import pytest

from quantize.errors import StatespikeError
from quantize.mixing.weights import MOST_ENTRIES, read_weights, ternary

TABLE = np.array([[1, 0, -1], [0, 1, 1]])


@pytest.mark.parametrize("dtype", ["int8", "int64", "float16", "float32", "float64", ">f4"])
def test_plain_trits_have_the_scale_one(dtype):
    weights = ternary(TABLE.astype(dtype))
    assert np.array_equal(weights.table, TABLE)
    assert weights.table.dtype == np.int64
    assert weights.scale == 1


@pytest.mark.parametrize(
    ("scale", "dtype"), [(0.0371, "float32"), (1e-20, "float64"), (3, "int16"), (0.7, "float16")]
)
def test_a_common_scale_is_told(scale, dtype):
    weights = ternary((TABLE * scale).astype(dtype))
    assert np.array_equal(weights.table, TABLE)
    assert weights.scale == pytest.approx(scale, rel=1e-3)


def test_a_scale_that_was_rounded_twice_is_one_scale():
    weights = np.array([[0.3, -0.3 * (1 + 2e-7)], [0.0, 0.3]])
    assert np.array_equal(ternary(weights).table, [[1, -1], [0, 1]])


@pytest.mark.parametrize("transpose", [False, True])
def test_files_have_a_row_for_each_input_or_each_output(tmp_path, transpose):
    path = tmp_path / "weights.npy"
    np.save(path, TABLE.astype(np.int8))
    assert np.array_equal(read_weights(path, transpose=transpose).table, TABLE.T if transpose else TABLE)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (
            np.array([[1.0, 0.5]]),
            r"weight \(0, 1\) is 0.5, but the largest magnitude is 1; ternary weights are",
        ),
        (np.array([[1.0, np.nan]]), r"weight \(0, 1\) is nan"),
        (np.array([[-np.inf], [1.0]]), r"weight \(0, 0\) is -inf"),
        (np.zeros((3, 2)), "all weights are zero"),
        (np.ones(4), r"the weights have shape \(4,\); a mixer takes a matrix"),
        (np.ones((1, 2, 3)), r"the weights have shape \(1, 2, 3\)"),
        (np.ones((0, 2)), r"the weights have shape \(0, 2\)"),
        (np.ones((2, 2), dtype=complex), "the weights are of type complex128"),
        (np.ones((2, 2), dtype=bool), "the weights are of type bool"),
        (
            np.ones((1, MOST_ENTRIES + 1), dtype=np.int8),
            "the weights are 1 x 1048577, 1,048,577 entries; a mixer is made of 1,048,576 at most",
        ),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, sentence):
    path = tmp_path / "weights.npy"
    np.save(path, array)
    with pytest.raises(StatespikeError, match=rf"weights\.npy: {sentence}"):
        read_weights(path)


def test_other_files_are_refused(tmp_path):
    for name, content in {
        "text.npy": b"1 0 -1",
        "empty.npy": b"",
        "cut.npy": b"\x93NUMPY\x01\x00v\x00{'de",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StatespikeError, match=rf"{name}: not a \.npy file of plain numbers"):
            read_weights(tmp_path / name)
    np.save(tmp_path / "objects.npy", np.array([None, "x"], dtype=object), allow_pickle=True)
    with pytest.raises(StatespikeError, match=r"not a \.npy file of plain numbers"):
        read_weights(tmp_path / "objects.npy")
    np.savez(tmp_path / "several.npz", a=TABLE, b=TABLE)
    with pytest.raises(StatespikeError, match="holds several arrays"):
        read_weights(tmp_path / "several.npz")
    with pytest.raises(StatespikeError, match=r"nowhere\.npy: no such file"):
        read_weights(tmp_path / "nowhere.npy")
