"""What a run of the integer reference computed."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quantize.formats import Integers


@dataclass(eq=False)
class Trace:
    """What a run of the reference computed.

    Attributes
    ----------
    logits : (sequences, classes)
        Or (sequences, answers, classes) of a head with a stride; see `quantize.answers.answer_steps`.
    taps : name -> (sequences, steps, H)
        Every layer's values: `encoder`, then `norm_0` (only of a norm before an array), `array_0` (y) and
        `layer_0` (block output), and so on.
    saturations : name -> int
        How many values of the valid steps were clipped: of an array `array_0 inputs` (sums with the offset),
        `array_0 states` and `array_0 outputs`, and of the residual stream `layer_0 sums`, and so on.
    overruns : (sequences,)
        Whether a sequence was longer than the network's `max_steps`.
    answer_stride : int or None
        The network's.
    """

    logits: Integers
    overruns: NDArray[np.bool_]
    taps: dict[str, Integers] = field(default_factory=dict)
    saturations: dict[str, int] = field(default_factory=dict)
    answer_stride: int | None = None
