"""Weights that become 0 are told: by whole matrices, and by single outputs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from quantize.checkpoint import Checkpoint
from quantize.convert import EncoderChoice, Precision, quantise
from quantize.vanished import vanished_weights
from tests.networks import INPUT, random_checkpoint, random_tokens

SAMPLES = np.random.default_rng(0).normal(0.0, 0.5, (4, 16, 3))
OUTPUTS: dict[str, list[tuple[str, str, Any]]] = {
    # Of the tensor, by the member that it becomes: where an output is in it.
    "gsu": [("encoder.weight", "the encoder", np.s_[1]), ("unit.weight", "unit_1.weight", np.s_[:, 1])],
    "gsu_lean": [
        ("unit.weight", "unit_1.weight", np.s_[:, 1]),
        ("decoder.weight", "the decoder", np.s_[1]),
    ],
    "tanh": [("value.weight", "unit_1.value", np.s_[1]), ("gate.weight", "unit_1.gate", np.s_[1])],
    "prf": [("mix.weight", "unit_1.weight", np.s_[1]), ("ssm.C", "array_1", np.s_[1])],
}
CASES = [(model, *case) for model, cases in OUTPUTS.items() for case in cases]


def scaled(model: str, ending: str, place, factor: float, **options) -> Checkpoint:
    """A network of two layers with some weights of the last tensor of a name changed."""
    plain = random_checkpoint(model, 4, 2, 2, seed=11, features=3, **options)
    name = [name for name in plain.tensors if name.endswith(ending)][-1]
    values = plain.tensors[name].copy()
    values[place] *= factor
    return replace(plain, tensors=plain.tensors | {name: values})


def told(checkpoint: Checkpoint) -> tuple[str, ...]:
    return vanished_weights(checkpoint, quantise(checkpoint, SAMPLES, INPUT, Precision()))


@pytest.mark.parametrize(("model", "ending", "name", "place"), CASES)
def test_an_output_whose_weights_vanish_is_told_with_its_layer(model, ending, name, place):
    outputs = 3 if name == "the decoder" else 4
    (sentence,) = told(scaled(model, ending, place, 1e-7))
    assert f"count as 0: {name} (1 of {outputs} outputs);" in sentence


@pytest.mark.parametrize(("model", "ending", "name", "place"), CASES)
def test_nothing_is_told_of_weights_that_were_zero(model, ending, name, place):
    assert told(scaled(model, ending, place, 0.0)) == told(scaled(model, ending, place, 1.0)) == ()


def test_nothing_is_told_of_a_channel_that_a_norm_in_the_weights_switches_off():
    assert told(scaled("gsu_lean", "unit.norm.weight", np.s_[1], 0.0)) == ()
    assert told(scaled("gsu_lean", "1.norm.weight", np.s_[1], 0.0)) == ()


def test_a_whole_matrix_that_vanishes_beside_biases_is_told():
    (sentence,) = told(scaled("prf", "mix.weight", np.s_[:], 1e-9))
    assert sentence.startswith("all weights of unit_1.weight are too small")


def test_an_output_of_a_token_table_is_told_by_its_weights_without_the_bias():
    checkpoint = scaled("tanh", "encoder.weight", np.s_[2], 1e-7)
    samples = random_tokens(4, 16, 3, seed=1)
    network = quantise(checkpoint, samples, INPUT, Precision(), encoder=EncoderChoice.TOKEN)
    (sentence,) = vanished_weights(checkpoint, network)
    assert "the encoder (1 of 4 outputs)" in sentence
