"""Trials without a training, to test a search alone: figures that follow from the specification."""

import time
from functools import partial

from statespike.search.explore import Evaluate
from statespike.search.trial import Outcome, Result, Trial

ROOM = 4000
"""Look-up tables of the made-up device."""


def synthetic(trial: Trial) -> Outcome:
    """Figures that conflict as real ones do: a larger network is better, and costs more."""
    chosen = trial.specification
    if chosen.model == "tanh" and chosen.array == "s4d_real":
        return Outcome(Result(failure="this kind of network does not exist here"))
    size = chosen.layers * chosen.channels * chosen.modes
    bits = chosen.pole_bits + chosen.output_bits + chosen.mixer_bits + chosen.state_bits
    luts = 40 * chosen.layers * chosen.channels + 8 * bits * chosen.layers + 11 * len(chosen.model)
    short = luts > ROOM
    result = Result(
        error=1 / (1 + 0.02 * size) + 1 / (2 + bits) + 0.01 * len(chosen.model),
        validation=100,
        estimate={"lut": luts, "ff": luts // 2, "bram": chosen.layers, "spram": 0, "dsp": chosen.modes},
        cycles=1 + size,
        steps_per_second=48e6 / (1 + size),
        energy_uj={"low": luts * size * 1e-6, "high": luts * size * 2e-6},
        lacks=(f"{luts} look-up tables where {ROOM} can be used",) if short else (),
        excess=luts / ROOM - 1 if short else 0.0,
        versions="synthetic",
    )
    return Outcome(result, repr(chosen).encode())


def _sleeping(trial: Trial, seconds: float) -> Outcome:
    time.sleep(seconds)
    return synthetic(trial)


def sleeping(seconds: float) -> Evaluate:
    """What takes so long for a synthetic trial."""
    return partial(_sleeping, seconds=seconds)
