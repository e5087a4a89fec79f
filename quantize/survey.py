"""What a trained network reaches in floating point and in integers of several widths, and what that takes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantize.blocks import blocks
from quantize.checkpoint import Checkpoint
from quantize.clipping import Clipping
from quantize.configuration import parameter_count
from quantize.convert import Precision, quantise
from quantize.evaluate import evaluate
from quantize.formats import Integers
from quantize.inputs import input_format
from quantize.network import QuantizedNetwork

ACTIVITY_SEQUENCES = 100
"""Test sequences, the first ones, over which activations are counted."""


@dataclass(frozen=True)
class Samples:
    """Sequences: x real (sequences, steps, features), labels y (sequences,), valid steps (sequences,)."""

    x: NDArray[np.floating]
    y: Integers
    lengths: Integers | None


@dataclass(frozen=True)
class IntegerResult:
    """A network quantised after training, without training again.

    Parameters
    ----------
    bits : int
        Of poles, output weights, mixers and decoder.
    accuracy : float
        On the test sequences, 0 to 1, by the integer reference.
    memory_bits : int
        See `QuantizedNetwork.memory_bits`.
    activity : tuple of float
        For each layer the share of activations entering its mixer that are not zero, 0 to 1.
    """

    bits: int
    accuracy: float
    memory_bits: int
    activity: tuple[float, ...]
    clipping: dict[str, float] | None = None
    """Share of values that were clipped, by layer and kind, where there were any; None if it was not told."""


@dataclass(frozen=True)
class Survey:
    """What was found out about a checkpoint; accuracies are of `sequences` test sequences."""

    parameters: int
    sequences: int
    float_accuracy: float
    integers: tuple[IntegerResult, ...]


def survey(
    checkpoint: Checkpoint,
    calibration: Samples,
    test: Samples,
    widths: Sequence[int],
    on_progress: Callable[[str, int], None] = lambda arithmetic, done: None,
) -> Survey:
    """Evaluate a checkpoint in floating point, then quantised to each of the widths.

    Parameters
    ----------
    calibration : Samples
        From the training data; choose the number formats.
    widths : sequence of int
        Bits, see `Precision.coefficients`.
    on_progress : callable, optional
        Called with the arithmetic, "float" or "8 bits", and the number of test sequences done.

    Raises
    ------
    StatespikeError
        If the sequences do not suit the network, or it cannot be quantised.
    """

    def evaluated(network: Checkpoint | QuantizedNetwork, arithmetic: str) -> tuple[float, Clipping]:
        result = evaluate(network, test.x, test.lengths, lambda done: on_progress(arithmetic, done))
        found = result.accuracy(test.y)
        assert found is not None
        return found, result.clipping or Clipping()

    reached, _ = evaluated(checkpoint, "float")
    x = calibration.x
    integers = []
    for bits in widths:
        network = quantise(checkpoint, x, input_format(x), Precision(bits), calibration.lengths)
        accuracy, clipping = evaluated(network, f"{bits} bits")
        shares = {name: clipping.share(name) for name, clipped in clipping.clipped.items() if clipped}
        integers.append(IntegerResult(bits, accuracy, network.memory_bits, activity(network, test), shares))
    return Survey(parameter_count(checkpoint.config), len(test.x), reached, tuple(integers))


@dataclass(frozen=True)
class Observation:
    """What the integers do with some sequences.

    Parameters
    ----------
    accuracy : float or None
        0 to 1; None without labels.
    activity : tuple of float
        As in `IntegerResult`.
    sequences : int
    steps : float
        Of a mean sequence.
    """

    accuracy: float | None
    activity: tuple[float, ...]
    sequences: int
    steps: float


def observe(
    network: QuantizedNetwork,
    x: NDArray[np.floating],
    y: Integers | None = None,
    lengths: Integers | None = None,
) -> Observation:
    """Run sequences through the integer reference: x (sequences, steps, features), labels y (sequences,)."""
    lengths = np.full(len(x), x.shape[1]) if lengths is None else lengths
    right, values = 0, 0
    active = np.zeros(len(network.blocks), np.int64)
    for part in blocks(len(x), x.shape[1] * max(network.features, network.channels)):
        trace = network.compute(network.inputs(x[part]), lengths[part])
        active += _active(network, trace.taps, lengths[part])
        values += int(lengths[part].sum()) * network.channels
        if y is not None:
            right += int((trace.logits.argmax(1) == y[part]).sum())
    activity = tuple(float(count / values) for count in active)
    return Observation(None if y is None else right / len(x), activity, len(x), float(lengths.mean()))


def activity(network: QuantizedNetwork, samples: Samples) -> tuple[float, ...]:
    """For each layer the share of activations entering its mixer that are not zero, over the valid steps.

    Of a Gated Spiking Unit's two kinds of activations it is the ternary one's.
    """
    lengths = None if samples.lengths is None else samples.lengths[:ACTIVITY_SEQUENCES]
    return observe(network, samples.x[:ACTIVITY_SEQUENCES], lengths=lengths).activity


def _active(network: QuantizedNetwork, taps: Mapping[str, Integers], lengths: Integers) -> list[int]:
    """How many activations of each layer's valid steps are not zero."""
    valid = np.arange(taps["encoder"].shape[1]) < lengths[:, None]
    counts = []
    for index, block in enumerate(network.blocks):
        found = block.unit.activations(taps[f"array_{index}"])
        mixed = found[0] if isinstance(found, tuple) else found
        counts.append(int(np.count_nonzero(mixed[valid])))
    return counts
