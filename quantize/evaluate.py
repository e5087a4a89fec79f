"""A network on whole sets of sequences, in floating point or in integers, without a circuit."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantize.blocks import blocks
from quantize.checkpoint import Checkpoint
from quantize.clipping import Clipping, clipping_of
from quantize.errors import StatespikeError
from quantize.float_reference import FloatNetwork
from quantize.formats import Integers
from quantize.inputs import Inputs, require_finite, require_sequences
from quantize.jobs import ALONE, HERE, Run, in_order
from quantize.network import QuantizedNetwork
from quantize.scores import Classification

REAL_NUMBERS_STAY = (
    "real numbers are computed on this machine alone, for their last digits depend on a worker's processor; "
    "leave the scheduler out, or evaluate the integers"
)


@dataclass(frozen=True)
class Evaluation:
    """Outcome of an evaluation.

    Parameters
    ----------
    logits : (sequences, classes), or (sequences, answers, classes) with a stride
        Real numbers of a checkpoint, integers of a quantised network.
    seconds : float
    clipping : Clipping or None
        Of a quantised network.
    """

    logits: NDArray[Any]
    seconds: float
    clipping: Clipping | None = None

    @property
    def predictions(self) -> NDArray[np.intp]:
        """Class with the largest logit, (sequences,) or (sequences, answers)."""
        return self.logits.argmax(-1)

    @property
    def sequences_per_second(self) -> float:
        """Speed."""
        return len(self.logits) / max(self.seconds, 1e-9)

    def accuracy(self, labels: Integers | None) -> float | None:
        """Share of right predictions, 0 to 1; None without labels. Of several answers the last ones count.

        Raises
        ------
        StatespikeError
            When a label is none of the network's classes.
        """
        if labels is None:
            return None
        # Where a sequence has fewer answers than others, its last one stands for the rest.
        last = self.predictions if self.logits.ndim == 2 else self.predictions[:, -1]
        return Classification.of(labels, last, self.logits.shape[-1]).accuracy


def evaluate(
    network: Checkpoint | QuantizedNetwork,
    x: Inputs,
    lengths: Integers | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
    workers: Run = HERE,
) -> Evaluation:
    """Compute the logits of sequences.

    A checkpoint computes in numpy's real arithmetic, a quantised network by its integer reference.

    Parameters
    ----------
    x : (sequences, steps, features) real inputs
        Looked at a hundred sequences at a time, so they need not be in memory.
    lengths : (sequences,), optional
        Valid steps of each sequence; all by default.
    on_progress : callable, optional
        Called with the number of sequences done.
    workers : Run, optional
        What computes blocks of sequences, see `statespike.workers_at`; this process by default. The blocks,
        and so all results, are the same. The integer reference only.

    Raises
    ------
    StatespikeError
        If the sequences do not suit the network, a value is not finite, or workers are given real numbers.

    Examples
    --------
    >>> import statespike
    >>> test = statespike.load_task("digits").test
    >>> result = statespike.evaluate(statespike.load("digits-gsu"), test.x)
    >>> round(result.accuracy(test.y), 2)
    0.89
    """
    features = network.config.features if isinstance(network, Checkpoint) else network.features
    valid = require_sequences(x.shape, features, lengths)
    if isinstance(network, QuantizedNetwork):
        network.require_lengths(valid)
    channels = network.config.channels if isinstance(network, Checkpoint) else network.channels
    running = FloatNetwork(network) if isinstance(network, Checkpoint) else network
    if workers is HERE:
        # The first call compiles the recurrence; that is no part of the speed.
        _computed(Block(running, np.asarray(x[:1])[:, :1], None))
    elif isinstance(network, Checkpoint):
        raise StatespikeError(REAL_NUMBERS_STAY)
    start = time.perf_counter()
    found = in_order(
        workers,
        _computed,
        list(blocks(len(x), x.shape[1] * max(features, channels))),
        lambda part: Block(running, np.asarray(x[part]), valid[part]),
        on_progress,
    )
    logits: list[NDArray[Any]] = []
    clipping: Clipping | None = None
    for computed, clipped in found:
        logits.append(computed)
        clipping = clipped if clipping is None or clipped is None else clipping + clipped
    return Evaluation(np.concatenate(logits), time.perf_counter() - start, clipping)


class Block(NamedTuple):
    """Sequences, and the network that computes their logits; see `evaluate`."""

    network: FloatNetwork | QuantizedNetwork
    x: NDArray[np.floating]
    lengths: Integers | None


def _computed(block: Block) -> tuple[NDArray[Any], Clipping | None]:
    network, x, lengths = block
    if isinstance(network, FloatNetwork):
        return network.logits(require_finite(x).astype(np.float64), lengths), None
    with ALONE:
        trace = network.compute(network.inputs(x), lengths, taps=False)
    return trace.logits, clipping_of(network, trace.saturations, x, lengths)
