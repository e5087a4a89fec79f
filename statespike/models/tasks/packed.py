"""Sequences of different lengths, end to end in an unnamed file: a data set may be larger than the memory."""

import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


@dataclass(frozen=True)
class Packed:
    """Sequences end to end.

    Parameters
    ----------
    values : array (rows of all sequences, ...)
        Memory-mapped.
    counts : int64 array (sequences,)
        Rows of each.
    """

    values: NDArray[Any]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.cumsum(self.counts) - self.counts

    def padded(self, chosen: NDArray[np.int64], length: int) -> NDArray[Any]:
        """Return some sequences as one array (n, length, ...): cut there, with zeros behind their ends."""
        result = np.zeros((len(chosen), length, *self.values.shape[1:]), self.values.dtype)
        for row, index in zip(result, chosen, strict=True):
            start, rows = self._starts[index], min(int(self.counts[index]), length)
            row[:rows] = self.values[start : start + rows]
        return result


@dataclass
class Packer:
    """Collects sequences. Use as a context manager, which ends when they are `packed` or given up.

    Parameters
    ----------
    dtype : dtype
    row : tuple of int
        Shape of a row.
    """

    dtype: DTypeLike
    row: tuple[int, ...] = ()
    _counts: list[int] = field(default_factory=list)
    _file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def __enter__(self) -> "Packer":
        return self

    def __exit__(self, *failure: object) -> None:
        self._file.close()

    def add(self, rows: NDArray[Any]) -> None:
        """Take one more sequence, (n, ...)."""
        self._file.write(np.ascontiguousarray(rows, self.dtype).tobytes())
        self._counts.append(len(rows))

    def __len__(self) -> int:
        return len(self._counts)

    def packed(self) -> Packed:
        """Return all of them; nothing can be added afterwards."""
        self._file.flush()
        shape = (sum(self._counts), *self.row)
        # An empty file cannot be mapped.
        values = (
            np.memmap(self._file, self.dtype, "r", shape=shape) if shape[0] else np.zeros(shape, self.dtype)
        )
        return Packed(values, np.array(self._counts, np.int64))
