"""The heads in real arithmetic, and their specifications, as `quantize.kinds` tells them.

The definitions are those of `statespike.models` (a test holds the two together).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quantize.answers import answer_steps
from quantize.formats import Format, Integers
from quantize.layers.ends import PoolSpec
from quantize.layers.repeated import EveryStepSpec, RunningSpec

if TYPE_CHECKING:  # a configuration names kinds, whose functions take what has a configuration
    from quantize.configuration import NetworkConfig

Real = NDArray[np.float64]


def mean(config: NetworkConfig, x: Real, lengths: Integers) -> Real:
    """The mean over the valid steps: (sequences, steps, H) to (sequences, H)."""
    valid = np.arange(x.shape[1]) < lengths[:, None]
    return np.asarray((x * valid[:, :, None]).sum(1) / lengths[:, None])


def last(config: NetworkConfig, x: Real, lengths: Integers) -> Real:
    """The last valid step: (sequences, steps, H) to (sequences, H)."""
    return x[np.arange(len(x)), lengths - 1]


def every_step(config: NetworkConfig, x: Real, lengths: Integers) -> Real:
    """Each step as it is: (sequences, steps, H) to (sequences, answers, H)."""
    return np.take_along_axis(x, answer_steps(lengths, x.shape[1], 1)[:, :, None], axis=1)


def running(config: NetworkConfig, x: Real, lengths: Integers) -> Real:
    """The leaky mean at every stride: (sequences, steps, H) to (sequences, answers, H)."""
    from quantize import recurrences  # with numba: where something is computed

    means = np.empty_like(x)
    recurrences.leaky_means(x, 1.0 / config.time_constant, means)
    steps = answer_steps(lengths, x.shape[1], config.answer_stride)
    return np.take_along_axis(means, steps[:, :, None], axis=1)


def pool(config: NetworkConfig, given: Format, max_steps: int) -> PoolSpec:
    """The specification of the mean, or of the last step."""
    return PoolSpec(given, config.channels, int(config.pooling == "mean"), max_steps)


def every_step_head(config: NetworkConfig, given: Format, max_steps: int) -> EveryStepSpec:
    """The specification of a head that answers at each step; sequences have no limit."""
    return EveryStepSpec(given, config.channels)


def running_head(config: NetworkConfig, given: Format, max_steps: int) -> RunningSpec:
    """The specification of a running mean; sequences have no limit."""
    return RunningSpec(given, config.channels, config.time_constant.bit_length() - 1, config.stride)
