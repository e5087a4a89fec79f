"""What all kinds of heads share: from the steps of a sequence to the vectors that the decoder reads."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantize.formats import OPERAND_WIDTH, Format, Integers
from quantize.specification import QuantizedNetworkError, Specification, integer

POOLED_WIDTH = OPERAND_WIDTH


@dataclass(frozen=True, eq=False)
class HeadSpec(Specification):
    """What becomes of a sequence's steps before the decoder: a vector for each answer.

    Parameters
    ----------
    input : Format
        Of the pooled values too.
    channels : int
    """

    input: Format
    channels: int = integer(1, 1 << 16)

    def shapes(self) -> Mapping[str, int]:
        return {}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.input.width != POOLED_WIDTH:
            raise QuantizedNetworkError(
                f"{self.kind}.input has {self.input.width} bits, expected {POOLED_WIDTH}"
            )

    @property
    def head(self) -> str:
        """Its name, one of `quantize.kinds.HEADS`."""
        return self.kind

    @property
    def answer_stride(self) -> int | None:
        """Steps between two answers; None if a sequence has one, at its end (`quantize.answers`)."""
        return None

    @property
    def limit(self) -> int | None:
        """Steps of the longest sequence; None without a limit."""
        return None

    def overruns(self, lengths: Integers) -> NDArray[np.bool_]:
        """Whether sequences of so many steps are too long, (sequences,)."""
        return np.asarray(lengths) > (self.limit or np.iinfo(np.int64).max)

    @abstractmethod
    def compute(self, x: Integers, lengths: Integers) -> Integers:
        """(sequences, steps, H) to (sequences, H), or to (sequences, answers, H) with a stride.

        Steps from `lengths` on do not count. See `quantize.answers.answer_steps` for the answers.
        """

    @abstractmethod
    def go_on(self, x: Integers, position: int, states: Integers, *, ended: bool) -> Integers:
        """What a sequence's next steps x (steps, H) give to the decoder: (answers, H), maybe none.

        Parameters
        ----------
        x : (steps, H)
        position : int
            Steps of the sequence before them.
        states : one row of `cleared`
            They move on.
        ended : bool
            The sequence ends with them.
        """
