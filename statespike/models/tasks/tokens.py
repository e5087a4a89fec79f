"""Sequences of tokens, which become one-hot vectors only when they are used."""

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.task import Sequences


class TokenSequences(Sequences):
    """Sequences of one-hot steps, held as a byte a step: the vectors of a large set would fill the memory.

    Parameters
    ----------
    tokens : uint8 array (sequences, steps)
        Each from 0; `features` stands for no token, a step of zeros.
    features : int
        How many tokens there are.
    y, lengths : int64 arrays (sequences,)
    """

    def __init__(
        self, tokens: NDArray[np.uint8], features: int, y: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> None:
        # The base is frozen, and its x is computed here, so its own initialisation cannot be used.
        for name, value in {
            "tokens": tokens,
            "features": features,
            "y": y,
            "lengths": lengths,
            "targets": None,
        }.items():
            object.__setattr__(self, name, value)

    tokens: NDArray[np.uint8]
    features: int

    @property
    def x(self) -> NDArray[np.float32]:
        """The one-hot steps, (sequences, steps, features)."""
        return np.eye(self.features + 1, self.features, dtype=np.float32)[self.tokens]

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, chosen: slice | NDArray[np.intp]) -> "TokenSequences":
        """Return the chosen sequences: a slice or an array of indices."""
        assert self.y is not None
        assert self.lengths is not None
        return TokenSequences(self.tokens[chosen], self.features, self.y[chosen], self.lengths[chosen])
