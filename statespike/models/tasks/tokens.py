"""Sequences of tokens, which become one-hot vectors only when they are used."""

import numpy as np
from numpy.typing import NDArray

from statespike.models.tasks.computed import Computed


def one_hot(tokens: NDArray[np.uint8], features: int) -> Computed:
    """Return one-hot steps, (sequences, steps, features): as vectors a large set would fill the memory.

    Parameters
    ----------
    tokens : uint8 array (sequences, steps)
        Each from 0; `features` stands for no token, a step of zeros.
    features : int
        How many tokens there are.
    """
    rows = np.eye(features + 1, features, dtype=np.float32)
    sequences, steps = tokens.shape
    return Computed(lambda chosen: rows[tokens[chosen]], sequences, steps, features)
