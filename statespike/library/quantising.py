"""From a checkpoint to integers, on samples of the task that it was trained on or on others."""

from dataclasses import dataclass
from pathlib import Path
from warnings import warn

import numpy as np
from numpy.typing import NDArray

from quantize import convert
from quantize.checkpoint import Checkpoint
from quantize.convert import Precision
from quantize.errors import StatespikeError
from quantize.fidelity import Fidelity, fidelity
from quantize.imposed import ImposedFormats
from quantize.inputs import EncoderChoice, input_format, require_sequences
from quantize.layers.embedding import EmbeddingSpec
from quantize.network import QuantizedNetwork
from quantize.shared import with_shared_formats
from quantize.vanished import vanished_weights
from statespike.models.tasks.registry import TASKS, load_task
from statespike.models.tasks.task import Sequences


def quantise(
    checkpoint: Checkpoint,
    samples: NDArray[np.floating] | None = None,
    lengths: NDArray[np.int64] | None = None,
    *,
    bits: int | None = None,
    state_bits: int = Precision.state,
    max_steps: int | None = None,
    encoder: EncoderChoice = EncoderChoice.AUTO,
    shared_formats: bool = False,
    formats_of: QuantizedNetwork | None = None,
) -> QuantizedNetwork:
    """Turn a checkpoint into a network of integers, without retraining.

    What `statespike quantize` tells comes as a `UserWarning`: integers that are much worse on the first
    samples, weights or inputs that count as 0, an encoder of tokens that nobody asked for, a `max_steps`
    without effect.

    Parameters
    ----------
    checkpoint : Checkpoint
    samples : real (sequences, steps, features), optional
        Training data on which the ranges of all values are measured; by default some of the task that the
        checkpoint was trained on.
    lengths : integers (sequences,), optional
        Valid steps of each sequence; all by default.
    bits : int, optional
        Of poles, output weights and mixers; by default those that the network was fine-tuned for, else 8.
    state_bits : int
        Of each of a mode's two states.
    max_steps : int, optional
        Of the longest sequence that the network shall take; by default the samples', rounded up to a power of
        two.
    encoder : EncoderChoice
        Of real numbers or of tokens; by default tokens if every step of the samples is one-hot, or zeros.
    shared_formats : bool
        All layers in one set of formats, which a circuit needs whose one engine serves them in turn.
    formats_of : QuantizedNetwork, optional
        The formats of a network of the same sizes, so that a circuit built for that one can be loaded with
        this one; `state_bits`, `max_steps` and `encoder` are then that network's, too.

    Raises
    ------
    StatespikeError
        If the samples do not suit the network, or a pole cannot be represented. If layers cannot share their
        formats, or not have those of the other network.

    Examples
    --------
    >>> import statespike
    >>> network = statespike.quantise(statespike.load("digits-gsu"), bits=6)
    >>> network.features, network.classes
    (1, 10)
    """
    y = None
    if samples is None:
        own = calibration_of(checkpoint)
        samples, lengths, y = own.x, own.lengths, own.y
    tuned = checkpoint.tuned_bits or Precision.coefficients
    precision = Precision(tuned if bits is None else bits, state_bits)
    made = quantised(
        checkpoint, samples, lengths, y, precision, max_steps, encoder, shared_formats=shared_formats,
        formats_of=formats_of,
    )  # fmt: skip
    for sentence in (*made.notes, *made.warnings):
        warn(sentence, stacklevel=2)
    return made.network


@dataclass(frozen=True)
class Quantised:
    """A network of integers, and what is to be said of it.

    Parameters
    ----------
    network : QuantizedNetwork
    fidelity : Fidelity
        Beside its checkpoint, on the samples.
    notes : tuple of str
        What was assumed, or had no effect.
    warnings : tuple of str
        What is probably not wanted.
    words_clipped : int or None
        Words of tables that the formats of another network clipped; None if it has its own.
    """

    network: QuantizedNetwork
    fidelity: Fidelity
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    words_clipped: int | None = None


def quantised(
    checkpoint: Checkpoint,
    samples: NDArray[np.floating],
    lengths: NDArray[np.int64] | None,
    labels: NDArray[np.int64] | None,
    precision: Precision,
    max_steps: int | None = None,
    encoder: EncoderChoice = EncoderChoice.AUTO,
    *,
    shared_formats: bool = False,
    formats_of: QuantizedNetwork | None = None,
) -> Quantised:
    """Quantise, and compare both networks on the samples, by labels if there are some. See `quantise`."""
    x = np.asarray(samples)
    lengths = require_sequences(x.shape, checkpoint.config.features, lengths, convert.CALIBRATION_DATA)
    formats = None if formats_of is None else ImposedFormats(formats_of)
    network = convert.quantise(
        checkpoint, x, input_format(x), precision, lengths, max_steps, encoder, formats
    )
    if shared_formats:
        network = with_shared_formats(network)
    found = fidelity(checkpoint, network, x, lengths, labels)
    notes = []
    if encoder is EncoderChoice.AUTO and isinstance(network.encoder, EmbeddingSpec):
        notes.append(
            f"every step of the {len(x)} calibration sequences is one-hot, so the network reads the numbers "
            f"of {network.features} tokens; the linear encoder takes any features (`--encoder linear`)"
        )
    if max_steps is not None and network.max_steps is None:
        notes.append("--max-steps has no effect: this network takes sequences of any length")
    if formats is not None:
        notes += formats.notes()
    warnings = (found.warning(), found.clipping.vanishing(), *vanished_weights(checkpoint, network))
    return Quantised(
        network,
        found,
        tuple(notes),
        tuple(one for one in warnings if one is not None),
        None if formats is None else formats.clipped,
    )


def calibration_of(checkpoint: Checkpoint, data: Path | None = None) -> Sequences:
    """Calibration samples of the task that a checkpoint was trained on, its files in the folder `data`.

    Raises
    ------
    StatespikeError
        If that is no task of statespike.
    """
    task = checkpoint.provenance.get("task")
    if task not in TASKS:
        trained = (
            "the checkpoint does not say what it was trained on"
            if task is None
            else f"the checkpoint was trained on {task!r}, which is no task of statespike"
        )
        raise StatespikeError(
            f"{trained}; quantise it on samples of its training data: "
            "`statespike quantize CHECKPOINT --data FILE.npz -o NETWORK`"
        )
    return load_task(task, data).calibration
