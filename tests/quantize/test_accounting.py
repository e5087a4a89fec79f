"""Prices times operations: the papers' formulas, and all that a step computes."""

import numpy as np
import pytest

from quantize.accounting import accountings, everything_pj, mixed_operations, paper_pj
from quantize.configuration import MODELS
from quantize.survey import Observation, observe
from tests.networks import random_network, random_samples

# 4 channels, half of the activations: 4.6 pJ a multiply-add, 0.9 an addition, 3.7 a product.
PAPER = {
    "s4d": 4.6 * 32 + 3.7 * 4,
    "tanh": 4.6 * 32 + 3.7 * 4,
    "sigmoid": 4.6 * 32 + 3.7 * 4,
    "binary_s4d": 0.9 * 16 + 4.6 * 8 + 3.7 * 4,
    "gsu": 0.9 * 16 + 4.6 * 8 + 3.7 * 4,
    "gsu_lean": 0.9 * 16 + 4.6 * 8 + 3.7 * 4,
    "spiking_ssm": 0.9 * 16,
    "prf": 0.9 * (8 + 4),
}


@pytest.mark.parametrize("model", MODELS)
def test_a_mixer_costs_what_its_paper_says(model):
    assert paper_pj(random_network(model, 4, 2, 1, seed=1).blocks[0].unit, 0.5) == pytest.approx(PAPER[model])


@pytest.mark.parametrize("model", MODELS)
def test_everything_is_more_than_the_mixer(model):
    network = random_network(model, 4, 2, 2, seed=1, norm="layer", norm_position="post")
    for block in network.blocks:
        assert everything_pj(block, 0.5) > paper_pj(block.unit, 0.5)
    found = accountings(network, Observation(None, (0.5, 0.25), 1, 1.0))
    assert found.paper_pj == sum(
        paper_pj(block.unit, share) for block, share in zip(network.blocks, (0.5, 0.25), strict=True)
    )


def test_everything_of_a_resonate_and_fire_block_term_by_term():
    (block,) = random_network("prf", 4, 2, 1, seed=1).blocks
    # 4 products a mode and one a channel, each a coefficient; two states a mode, read and written; half of
    # the mixer's weights added; a comparison, a residual sum and its two words a channel.
    array = 4 * (4 * 2 + 1) * (4.6 + 5.0) + 2 * (2 * 4 * 2) * 5.0
    assert everything_pj(block, 0.5) == pytest.approx(array + 8 * (0.9 + 5.0) + 4 * 0.9 + 4 * (0.9 + 10.0))


def test_both_paths_of_a_gated_spiking_unit_are_counted():
    (block,) = random_network("gsu", 4, 2, 1, seed=1).blocks
    sums, products, compared = mixed_operations(block.unit, 0.5)
    assert sums == 8 + np.count_nonzero(block.unit.table)
    assert products == block.unit.multiplications
    assert compared == 8  # the threshold's search, and the threshold


def test_an_observation_is_of_the_sequences_given():
    network = random_network("binary_s4d", 4, 3, 2, seed=4)
    x, lengths = random_samples(5, 12, seed=2), np.array([12, 3, 5, 6, 7])
    logits = network.compute(network.inputs(x), lengths).logits
    found = observe(network, x, logits.argmax(1), lengths)
    assert (found.accuracy, found.sequences, found.steps) == (1.0, 5, 6.6)
    assert len(found.activity) == 2
    assert observe(network, x).accuracy is None
