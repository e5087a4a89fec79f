"""How far the integers of a network are from the real numbers that they were made of, on the same data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize.checkpoint import Checkpoint
from quantize.clipping import Clipping
from quantize.evaluate import evaluate
from quantize.formats import Integers
from quantize.inputs import Inputs
from quantize.kinds import UNITS
from quantize.layers.gsu import GsuSpec, LeanGsuSpec
from quantize.network import QuantizedNetwork
from quantize.rounded import rounded_checkpoint
from quantize.scores import output_of
from quantize.words import count

MOST_STEPS = 50_000
"""Steps that are compared: of so many sequences, the first ones, and of one at least."""
MOST_DIFFERING = 0.1
"""Share of other answers, or error of values in parts of their spread, that is worth a warning."""
LEAST_SPREAD = 0.01
"""Of the largest logit: what hardly changes has no spread to compare an error with."""
MOST_LOST, LEAST_LOST = 0.05, 3
"""Share of right answers that integers lose, and their number, that are worth a warning where labels tell."""


@dataclass(frozen=True)
class Fidelity:
    """Answers in integers beside those in real numbers.

    Parameters
    ----------
    sequences, answers : int
        That were compared; some networks answer more than once.
    output : str
        What an answer is, one of `quantize.kinds.OUTPUTS`.
    error : float
        Root mean square of the logits' differences, by the standard deviation of the real logits, see
        `LEAST_SPREAD`.
    differing : float
        Share of the answers with another class, or of the labels that only one of the two gives, 0 to 1; of
        values, the error.
    right : (int, int) or None
        Right answers in real numbers and in integers, where each sequence has a class and one answer.
    clipping : Clipping
        In the integers.
    """

    sequences: int
    answers: int
    output: str
    error: float
    differing: float
    right: tuple[int, int] | None
    clipping: Clipping

    def warning(self) -> str | None:
        """A sentence, if the integers are much worse."""
        # Labels tell of a network that knows them.
        if self.right is not None and self.right[0] >= self.answers / 2:
            if self.right[0] - self.right[1] < max(LEAST_LOST, MOST_LOST * self.answers):
                return None
            found = (
                f"{self.right[1]} of {self.answers} answers are right, and {self.right[0]} in real numbers"
            )
        elif self.differing < MOST_DIFFERING:
            return None
        elif self.output == "regression":
            found = f"values are off by {self.error:.1%} of the spread of those in real numbers"
        else:
            what = "labels" if self.output == "multi_label" else "answers"
            found = f"{self.differing:.1%} of the {what} differ from those in real numbers"
        return (
            f"the integers are much worse: on {count(self.sequences, 'calibration sequence')} {found}; take "
            "more --bits or --state-bits, other calibration data, or `statespike train --quantize`"
        )

    def figures(self) -> dict[str, Any]:
        """All of it for a JSON file."""
        return {
            "sequences": self.sequences,
            "answers": self.answers,
            "differing_answers": None if self.output == "regression" else self.differing,
            "logits_error": self.error,
            "right_float": None if self.right is None else self.right[0],
            "right_integer": None if self.right is None else self.right[1],
        }


def fidelity(
    checkpoint: Checkpoint,
    network: QuantizedNetwork,
    x: Inputs,
    lengths: Integers | None = None,
    labels: Integers | None = None,
) -> Fidelity:
    """Compare a quantised network with its checkpoint; with the rounded one, if it was trained to be rounded.

    Parameters
    ----------
    x : real (sequences, steps, features)
    lengths, labels : (sequences,), optional
        Labels of steps are not looked at.
    """
    # Of a Gated Spiking Unit the rounded numbers are not what integers come close to.
    ternary = UNITS[checkpoint.config.model].specification in (GsuSpec, LeanGsuSpec)
    if checkpoint.tuned_bits and not ternary:
        arrays = [block.array for block in network.blocks]
        checkpoint = rounded_checkpoint(checkpoint, checkpoint.tuned_bits, arrays)
    part = slice(max(1, MOST_STEPS // x.shape[1]))
    chosen = None if lengths is None else lengths[part]
    samples = np.asarray(x[part])
    real = evaluate(checkpoint, samples, chosen).logits.astype(np.float64)
    integers = evaluate(network, samples, chosen)
    told = network.decoder.real(integers.logits)
    output, right = output_of(network), None
    if output == "classification" and labels is not None and labels.ndim == 1 and real.ndim == 2:
        right = _right(real, labels[part]), _right(told, labels[part])
    spread = float(real.std(axis=tuple(range(real.ndim - 1))).max())
    spread = max(spread, LEAST_SPREAD * float(np.abs(real).max())) or 1.0
    error = float(np.sqrt(np.mean((told - real) ** 2))) / spread
    return Fidelity(
        len(samples),
        real[..., 0].size,
        output,
        error,
        _differing(output, real, told, error),
        right,
        integers.clipping or Clipping(),
    )


def _right(logits: NDArray[np.float64], labels: Integers) -> int:
    return int(np.count_nonzero(logits.argmax(1) == labels))


def _differing(output: str, real: NDArray[np.float64], told: NDArray[np.float64], error: float) -> float:
    if output == "regression":
        return error
    if output == "multi_label":
        return float(np.mean((real > 0) != (told > 0)))
    return float(np.mean(real.argmax(-1) != told.argmax(-1)))
