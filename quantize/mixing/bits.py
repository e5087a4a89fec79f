"""Sets of outputs as rows of 64-bit words: a bit for each output."""

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic


def masks_of(chosen: np.ndarray, room: int) -> np.ndarray:
    """Rows of booleans (inputs, outputs) as bits of words (room, ...); rows beyond the inputs are empty."""
    inputs, outputs = chosen.shape
    masks = np.zeros((room, -(-outputs // 64) * 8), dtype=np.uint8)
    masks[:inputs, : -(-outputs // 8)] = np.packbits(chosen, axis=1, bitorder="little")
    return masks.view(np.uint64)


@intrinsic
def ones(typing_context, word):
    """Number of ones of a 64-bit word."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@numba.njit(cache=True)
def count_ones(word):
    """Number of ones of a 64-bit word, signed."""
    return np.int64(ones(word))  # type: ignore[call-arg]  # mypy does not know an intrinsic
