"""`.npz` files are read by their headers first, and no more of them than is asked for."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from quantize.errors import StatespikeError
from quantize.npz import MOST_BYTES, Npz


def opened(path):
    return Npz(path, "give another")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("packed", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<i2", "|b1", "<c16"])
def test_rows_are_those_that_were_saved(tmp_path, order, packed, kind):
    x = np.asarray(np.random.default_rng(1).integers(0, 9, (7, 3, 2)).astype(kind), order=order)
    packed(tmp_path / "file.npz", x=x, y=np.arange(7))
    file = opened(tmp_path / "file.npz")
    assert file.headers["x"].shape == (7, 3, 2)
    np.testing.assert_array_equal(file.rows("x"), x)
    np.testing.assert_array_equal(file.rows("x", 2), x[:2])
    np.testing.assert_array_equal(file.rows("x", 99), x)
    np.testing.assert_array_equal(file.rows("y", 3), [0, 1, 2])


def test_blocks_are_of_bounded_size(tmp_path, monkeypatch):
    monkeypatch.setattr("quantize.npz.BLOCK_BYTES", 3 * 8 * 5)
    x = np.random.default_rng(1).normal(size=(10, 5))
    np.savez(tmp_path / "file.npz", x=x)
    blocks = list(opened(tmp_path / "file.npz").blocks("x", 8))
    assert [len(block) for block in blocks] == [3, 3, 2]
    np.testing.assert_array_equal(np.concatenate(blocks), x[:8])


def with_member(path, header, size):
    """An .npz whose x has a header of our own, and so many bytes of zeros behind it."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, header)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as member,
    ):
        member.write(head.getvalue())
        for _ in range(size >> 20):
            member.write(bytes(1 << 20))
        member.write(bytes(size & ((1 << 20) - 1)))
    return path


@pytest.mark.parametrize("fortran", [False, True])
def test_a_small_file_of_a_large_array_takes_little_memory_where_little_is_asked(
    tmp_path, monkeypatch, fortran
):
    monkeypatch.setattr("quantize.npz.BLOCK_BYTES", 1 << 20)
    shape = (300, 1000, 100)
    path = with_member(
        tmp_path / "file.npz", {"descr": "<f8", "fortran_order": fortran, "shape": shape}, 8 * 300 * 100_000
    )
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    assert opened(path).rows("x", 1).shape == (1, 1000, 100)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_an_array_too_large_for_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("quantize.npz.MOST_BYTES", 1 << 20)
    path = with_member(
        tmp_path / "file.npz", {"descr": "<f8", "fortran_order": False, "shape": (1000, 1000)}, 8_000_000
    )
    with pytest.raises(StatespikeError, match=r"file.npz: x of shape \(1000, 1000\) takes .*--limit"):
        opened(path).rows("x")
    assert opened(path).rows("x", 10).shape == (10, 1000)
    assert MOST_BYTES == 1 << 31


@pytest.mark.parametrize(
    ("descr", "shape", "size"),
    [
        ("<f8", (10**9, 10**9), 800),
        ("<f8", (10, 10), 799),
        ("<f8", (10, 10), 801),
        ("<f8", (-1, 10), 80),
        ("<f8", (), 8),
    ],
)
def test_a_shape_that_the_file_does_not_hold_is_refused(tmp_path, descr, shape, size):
    path = with_member(tmp_path / "file.npz", {"descr": descr, "fortran_order": False, "shape": shape}, size)
    with pytest.raises(StatespikeError, match=r"file.npz: not an .npz file of plain arrays \(x has shape"):
        opened(path)


@pytest.mark.parametrize("kind", ["O", "U3", "M8[s]", "f4,f4"])
def test_what_is_no_number_is_refused(tmp_path, kind):
    np.savez(tmp_path / "file.npz", x=np.zeros(2, kind))
    with pytest.raises(StatespikeError, match="must hold real numbers"):
        opened(tmp_path / "file.npz")


def test_a_damaged_member_is_told_when_it_is_read(tmp_path):
    path = tmp_path / "file.npz"
    np.savez(path, x=np.zeros((1000, 10)))
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    with pytest.raises(StatespikeError, match=r"file.npz: not an .npz file of plain arrays \(Bad CRC"):
        opened(path).rows("x")
