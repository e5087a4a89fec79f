"""The beginning of a network that reads tokens: a row of a table for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quantize.errors import StatespikeError
from quantize.formats import STREAM_WIDTH, Format, Integers
from quantize.specification import QuantizedNetworkError, Specification, words


@dataclass(frozen=True, eq=False)
class EmbeddingSpec(Specification):
    """`x = table[u]` of every step's token u, a number from 0 on.

    A linear encoder of one-hot steps is such a table: each row is a column of its weights, with the bias.

    Parameters
    ----------
    output : Format
    table : (V, H) in the output format
        A row for each token, and the last one for a step without a token.
    """

    kind: ClassVar[str] = "embedding"
    beats_per_step: ClassVar[int] = 1

    output: Format
    table: Integers = words("VH", STREAM_WIDTH)

    def shapes(self) -> Mapping[str, int]:
        return {"V": len(self.table), "H": self.channels}

    @property
    def channels(self) -> int:
        return self.table.shape[1] if self.table.ndim == 2 else 0

    @property
    def features(self) -> int:
        """Of the one-hot data: the number of tokens."""
        return len(self.table) - 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.features < 2 or self.channels < 1:
            raise QuantizedNetworkError("embedding needs at least two tokens and one channel")

    @property
    def input(self) -> Format:
        """Of the tokens' numbers."""
        return Format(self.features.bit_length() + 1, 0)

    @property
    def input_range(self) -> tuple[int, int]:
        """The least and the largest number that may come."""
        return 0, self.features

    @property
    def multiplications(self) -> int:
        return 0

    def clips(self, x: NDArray[np.floating]) -> NDArray[np.bool_]:
        """None: a step is a token or refused."""
        return np.zeros(x.shape, dtype=np.bool_)

    def vanishes(self, x: NDArray[np.floating]) -> NDArray[np.bool_]:
        """None but zeros."""
        return np.asarray(x == 0)

    def inputs(self, x: NDArray[np.floating]) -> Integers:
        """Real one-hot steps (..., V - 1) as tokens (..., 1).

        Raises
        ------
        StatespikeError
            If a step is neither one-hot nor all zeros.
        """
        tokens = tokens_of(x)
        if tokens is None:
            raise StatespikeError(
                f"the network reads tokens, but not every step of the data is one of its {self.features} "
                "one-hot vectors; quantise it on samples of such data"
            )
        return tokens[..., None]

    def compute(self, u: Integers) -> Integers:
        """(..., 1) to (..., H) in the output format."""
        return self.table[u[..., 0]]


def tokens_of(x: NDArray[np.floating]) -> Integers | None:
    """The tokens (...) of one-hot steps (..., F), F for one of zeros; None if any step is something else."""
    ones = x == 1
    if not (ones | (x == 0)).all() or (ones.sum(-1) > 1).any():
        return None
    return np.where(ones.any(-1), ones.argmax(-1), x.shape[-1]).astype(np.int64)
