"""Inputs that are computed when they are used, for all of them at once may not fit into memory."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Compute = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Indices (n,) of sequences -> their inputs (n, steps, features)."""


class Computed:
    """An array (sequences, steps, features) of which indexing chooses sequences and computes none.

    `numpy.asarray` computes what was chosen.

    Parameters
    ----------
    compute : callable
        See `Compute`.
    count : int
        Sequences there are.
    steps, features : int
    """

    ndim = 3

    def __init__(self, compute: Compute, count: int, steps: int, features: int) -> None:
        self._compute = compute
        self._row = steps, features
        self.chosen: NDArray[np.int64] = np.arange(count)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sequences, steps, features."""
        return len(self.chosen), *self._row

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, chosen: slice | NDArray[np.integer]) -> "Computed":
        found = Computed(self._compute, 0, *self._row)
        found.chosen = self.chosen[chosen]
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self._compute(self.chosen), dtype)
