from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from quantize.errors import StatespikeError
from sim.compare import Mismatch, compare
from sim.trace import Run

LENGTHS = (3, 2)
CHANNELS = 4


def make(seed=0):
    """A reference of two sequences and two layers, and a run that equals it."""
    rng = np.random.default_rng(seed)
    taps = {name: rng.integers(-9, 9, (2, 3, CHANNELS)) for name in ("array_0", "layer_0")}
    overruns = np.array([False, True])
    reference = SimpleNamespace(logits=rng.integers(-9, 9, (2, 5)), overruns=overruns, taps=taps)
    flat = {
        name: np.concatenate([values[0], values[1, :2]]).reshape(-1).copy() for name, values in taps.items()
    }
    run = Run(
        "none",
        reference.logits.copy(),
        overruns.copy(),
        flat,
        1,
        np.zeros(5, int),
        np.zeros(2, int),
        LENGTHS,
        1.0,
    )
    return reference, run


def test_an_overrun_that_is_not_told():
    reference, run = make()
    run.overruns[1] = False
    comparison = compare(reference, run)
    assert comparison.mismatches == 1
    assert str(comparison.first_mismatch) == (
        "layer overrun, sequence 1, step 1, channel 0: expected 1, got 0"
    )


def test_equal():
    comparison = compare(*make())
    assert comparison.bit_exact
    assert comparison.compared_values == 2 * 5 * CHANNELS + 10
    assert comparison.first_mismatch is None


def test_first_mismatch_is_the_earliest_step_then_the_earliest_layer():
    reference, run = make()
    run.taps["array_0"][4 * CHANNELS] += 1  # sequence 1, step 1
    run.taps["layer_0"][3 * CHANNELS + 2] += 1  # sequence 1, step 0
    run.logits[1, 4] += 1
    comparison = compare(reference, run)
    assert comparison.mismatches == 3
    expected = int(reference.taps["layer_0"][1, 0, 2])
    assert comparison.first_mismatch == Mismatch("layer_0", 1, 0, 2, expected, expected + 1)
    run.taps["array_0"][3 * CHANNELS + 3] += 1
    assert compare(reference, run).first_mismatch.layer == "array_0"


def test_logits_come_after_the_taps_of_their_last_step():
    reference, run = make()
    run.logits[0, 1] = 100
    found = compare(reference, run).first_mismatch
    assert (found.layer, found.sequence, found.step, found.channel) == ("logits", 0, 2, 1)
    assert str(found) == (
        f"layer logits, sequence 0, step 2, channel 1: expected {reference.logits[0, 1]}, got 100"
    )


def test_missing_beat_at_the_end():
    reference, run = make()
    run.taps["layer_0"] = run.taps["layer_0"][:-1]
    comparison = compare(reference, run)
    assert comparison.mismatches == 1
    assert comparison.first_mismatch == Mismatch(
        "layer_0", 1, 1, 3, int(reference.taps["layer_0"][1, 1, 3]), None
    )
    assert str(comparison.first_mismatch).endswith("got nothing")


def test_extra_beat_at_the_end():
    reference, run = make()
    run.taps["array_0"] = np.append(run.taps["array_0"], 77)
    comparison = compare(reference, run)
    assert comparison.mismatches == 1
    assert comparison.first_mismatch == Mismatch("array_0", 1, 2, 0, None, 77)


def test_missing_answer():
    reference, run = make()
    comparison = compare(reference, replace(run, logits=run.logits[:1]))
    assert comparison.mismatches == 5
    assert comparison.first_mismatch.sequence == 1
    assert comparison.first_mismatch.got is None


def test_run_without_taps_compares_logits_only():
    reference, run = make()
    comparison = compare(reference, replace(run, taps={}))
    assert comparison.bit_exact
    assert comparison.compared_values == 10


def test_steps_beyond_the_length_are_not_looked_at():
    reference, run = make()
    reference.taps["array_0"][1, 2] = 1000
    assert compare(reference, run).bit_exact


def test_other_taps_are_told():
    reference, run = make()
    del reference.taps["array_0"]
    with pytest.raises(StatespikeError, match="array_0, layer_0"):
        compare(reference, run)


def test_other_number_of_sequences_is_told():
    reference, run = make()
    with pytest.raises(StatespikeError, match="1 sequences, its reference 2"):
        compare(reference, run, lengths=[3])
