"""Sequences as they come: steps from lines of text, clips from a WAV file."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quantize.errors import StatespikeError, bounded
from quantize.formats import Integers
from quantize.layers.embedding import EmbeddingSpec
from quantize.network import QuantizedNetwork
from quantize.reading import require_file
from quantize.scores import output_of, real_outputs
from quantize.words import count
from statespike.models.tasks import keywords, spoken_digits
from statespike.models.tasks.mel import log_mel
from statespike.models.tasks.wav import at_feature_rate, parse_wav
from statespike.networks import class_names_of

CLIP_STEPS = {"spoken_digits": spoken_digits.STEPS, "keywords": keywords.STEPS}
"""Task of log-mel frames -> the frames of a clip, which is the longest sequence that it trains on."""


def rule_of(network: QuantizedNetwork) -> str:
    """What becomes of the numbers of a step, in a sentence."""
    if isinstance(network.encoder, EmbeddingSpec):
        none = network.features
        return f"a step is the number of a token, 0 to {none - 1}; {none} stands for none"
    step = network.input.real(np.array(1))
    low, high = (network.input.real(np.array(end)) for end in network.encoder.input_range)
    return (
        f"a step is {count(network.features, 'number')}, rounded to multiples of {step:g} and "
        f"clipped to {low:g} to {high:g}"
    )


def said_of(network: QuantizedNetwork, logits: Integers) -> str:
    """What an answer (classes,) says: a class, labels, or values; by name where the network has names."""
    output, names = output_of(network), class_names_of(network)
    if output == "regression":
        return ", ".join(f"{value:g}" for value in real_outputs(network, logits))
    if output == "classification":
        best = int(logits.argmax())
        return f"class {names[best] if names else best}"
    labels = [names[label] if names else str(label) for label in np.flatnonzero(logits > 0)]
    return f"labels {', '.join(labels)}" if labels else "no label"


def sequences_of_lines(lines: Iterable[str], network: QuantizedNetwork) -> Iterator[NDArray[np.float64]]:
    """Sequences (steps, features) of lines: a step a line, an empty line behind a sequence.

    A sequence is yielded as soon as its empty line, or the end, has come.

    Parameters
    ----------
    lines : iterable of str
        Numbers separated by spaces or commas; a token's number for a network that reads tokens.
    network : QuantizedNetwork

    Raises
    ------
    StatespikeError
        If a line is no step of the network, or a sequence is longer than it is made for.
    """
    for steps, _ in pieces_of_lines(lines, network):
        yield steps


def pieces_of_lines(
    lines: Iterable[str], network: QuantizedNetwork, most: int | None = None
) -> Iterator[tuple[NDArray[np.float64], bool | None]]:
    """Pieces (steps, features) of sequences of at most so many steps, as of `sequences_of_lines`.

    Each is yielded when the line behind it has come, with what that says: True, it is empty, so the sequence
    ends; False, the sequence goes on; None, there is no line.
    """
    steps: list[NDArray[np.float64]] = []
    length = 0
    for number, line in enumerate(lines, 1):
        if line.strip():
            if len(steps) == most:
                yield np.stack(steps), False
                steps = []
            steps.append(_step(line, number, network))
            length += 1
            if network.max_steps is not None and length > network.max_steps:
                raise StatespikeError(
                    f"line {number}: a sequence of more than {network.max_steps} steps, for which the "
                    "network is not made; end it by an empty line before"
                )
        elif steps:
            yield np.stack(steps), True
            steps, length = [], 0
    if steps:
        yield np.stack(steps), None


def _step(line: str, number: int, network: QuantizedNetwork) -> NDArray[np.float64]:
    words = line.replace(",", " ").split()
    tokens = isinstance(network.encoder, EmbeddingSpec)
    wanted = 1 if tokens else network.features
    if len(words) != wanted:
        raise StatespikeError(
            f"line {number} holds {count(len(words), 'number')}; a step of this network has {wanted}"
        )
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        raise StatespikeError(f"line {number} is no line of numbers: {bounded(line)[:40]!r}") from None
    if not np.isfinite(values).all():
        raise StatespikeError(f"line {number} holds a number that is not finite; leave such steps out")
    if not tokens:
        return values
    if values[0] not in range(network.features + 1):
        raise StatespikeError(f"line {number}: {words[0]} is no token; tokens are 0 to {network.features}")
    return np.eye(network.features + 1, network.features)[int(values[0])]


def clips_of_wav(path: Path, network: QuantizedNetwork) -> Iterator[NDArray[np.float64]]:
    """Clips (steps, bands) of a WAV file, one behind the other, as log-mel frames of the network's task.

    Raises
    ------
    StatespikeError
        If the network was not trained on such frames, or the file is no mono recording of 16 bits.
    """
    task = str(network.provenance.get("task"))
    if task not in CLIP_STEPS:
        raise StatespikeError(
            f"the network was trained on {task}, not on sound; WAV files are for networks of "
            f"{' and '.join(CLIP_STEPS)}"
        )
    require_file(path, "give a WAV file")
    rate, samples = parse_wav(path.read_bytes(), str(path))
    frames = log_mel(at_feature_rate(samples, rate, str(path)), network.features)
    for start in range(0, len(frames), CLIP_STEPS[task]):
        yield frames[start : start + CLIP_STEPS[task]].astype(np.float64)
