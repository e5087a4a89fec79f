"""Conversion and evaluation go block by block: the numbers of all samples at once, in bounded memory."""

import tracemalloc

import numpy as np
import pytest

from quantize.convert import Precision, quantise
from quantize.evaluate import evaluate
from tests.networks import INPUT, random_checkpoint, random_samples

CASES = {
    "centred offsets": {"model": "binary_s4d"},
    "norms before arrays": {"model": "s4d", "norm": "layer", "final_norm": "layer"},
    "norms after sums": {"model": "gsu", "norm": "layer", "norm_position": "post"},
    "real modes": {"model": "prf", "array": "s4d_real"},
}


def same(one, other) -> bool:
    """Whether two networks have the same layers."""
    for (_, mine), (_, theirs) in zip(one.layers(), other.layers(), strict=True):
        (described, tables), (expected, wanted) = mine.describe(), theirs.describe()
        if described != expected or any((tables[name] != wanted[name]).any() for name in wanted):
            return False
    return True


@pytest.mark.parametrize("case", CASES)
def test_blocks_give_the_network_that_all_samples_at_once_give(case, monkeypatch):
    checkpoint = random_checkpoint(channels=5, modes=3, layers=2, features=2, seed=3, **CASES[case])
    samples, lengths = random_samples(7, 40, 2, seed=1), np.array([40, 3, 40, 17, 1, 39, 40])
    whole = quantise(checkpoint, samples, INPUT, Precision(6), lengths)
    monkeypatch.setattr("quantize.blocks.MOST_VALUES", 2 * 40 * 5)
    assert same(quantise(checkpoint, samples, INPUT, Precision(6), lengths), whole)
    assert same(quantise(checkpoint, samples.astype(np.float32), INPUT, Precision(6), lengths), whole)


def peak(work) -> int:
    """Most bytes of arrays at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("case", CASES)
def test_calibration_keeps_a_few_words_of_each_value_whatever_the_number_of_sequences(case, monkeypatch):
    channels, steps = 8, 250
    monkeypatch.setattr("quantize.blocks.MOST_VALUES", steps * channels)
    checkpoint = random_checkpoint(channels=channels, modes=2, layers=2, seed=3, **CASES[case])
    samples = random_samples(96, steps, seed=1).astype(np.float32)
    few, many = (
        peak(lambda count=count: quantise(checkpoint, samples[:count], INPUT, Precision()))
        for count in (32, 96)
    )
    # Words of 16 bits: a block's inputs and outputs, a norm's, and two trials of an array's.
    assert many - few < 64 * steps * channels * 2 * 5.5


@pytest.mark.parametrize("integers", [False, True])
def test_evaluation_takes_no_more_memory_for_more_sequences(integers, monkeypatch):
    channels, steps = 8, 250
    monkeypatch.setattr("quantize.blocks.MOST_VALUES", steps * channels)
    checkpoint = random_checkpoint("s4d", channels, 2, 2, seed=3)
    samples = random_samples(96, steps, seed=1).astype(np.float32)
    network = quantise(checkpoint, samples[:4], INPUT, Precision()) if integers else checkpoint
    few, many = (peak(lambda count=count: evaluate(network, samples[:count])) for count in (32, 96))
    assert many - few < 64 * steps * channels
