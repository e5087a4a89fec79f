"""Pseudorandom numbers for the searches: the same in every release of numpy and numba."""

import numba
import numpy as np


@numba.njit(cache=True)
def random_number(state):
    """The next number in 0..1 of the generator `state` (xorshift64*, Vigna 2016), which advances."""
    word = state[0]
    word ^= word >> np.uint64(12)
    word ^= word << np.uint64(25)
    word ^= word >> np.uint64(27)
    state[0] = word
    return np.float64((word * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(11)) / 9007199254740992.0


@numba.njit(cache=True)
def random_state(seed):
    """A generator; `seed` is an unsigned 64-bit integer, not 0."""
    state = np.array([seed], dtype=np.uint64)
    for _ in range(8):  # small seeds need a few steps until their bits are spread
        random_number(state)
    return state
