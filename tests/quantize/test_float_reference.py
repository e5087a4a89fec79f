"""The numpy network equals the trained one, and the integers stay near both."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from quantize import float_reference
from quantize.configuration import MODELS
from quantize.convert import Precision, quantise
from quantize.errors import StatespikeError
from quantize.kinds import UNITS
from statespike.models.network import Network
from tests.networks import INPUT, random_checkpoint, random_network, random_samples


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_real_network_equals_the_trained_one(model, pooling):
    checkpoint = random_checkpoint(model, 7, 4, 2, seed=3, features=2, classes=4, pooling=pooling)
    samples = random_samples(3, 40, 2, seed=3)
    lengths = np.array([40, 13, 1])
    network = Network.from_checkpoint(checkpoint).double()
    with torch.no_grad():
        expected = network(torch.from_numpy(samples), torch.from_numpy(lengths)).numpy()
    found = float_reference.forward(checkpoint, samples, lengths)["logits"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("model", ["gsu", "gsu_lean"])
def test_another_ternary_threshold_is_that_of_training_and_of_the_integers(model):
    checkpoint = random_checkpoint(model, 7, 4, 1, seed=3, twentieths=8)
    samples = random_samples(3, 40, seed=3)
    with torch.no_grad():
        expected = Network.from_checkpoint(checkpoint).double()(torch.from_numpy(samples)).numpy()
    found = float_reference.forward(checkpoint, samples)["logits"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    usual = replace(checkpoint, config=replace(checkpoint.config, twentieths=3))
    assert not np.allclose(float_reference.forward(usual, samples)["logits"], expected, rtol=0, atol=1e-2)
    weights = checkpoint.tensors["layers.0.unit.weight"]
    unit = quantise(checkpoint, samples, INPUT, Precision()).blocks[0].unit
    assert (unit.table != 0).sum() == (np.abs(weights) > 0.4 * np.abs(weights).max()).sum()
    if model == "gsu":
        y = np.array([[[100, -42, 40, 39, 0, 0, 0]]])  # -42 has the magnitude 41
        assert unit.activations(y)[0].tolist() == [[[1, -1, 0, 0, 0, 0, 0]]]


@pytest.mark.parametrize(
    ("model", "twentieths", "message"),
    [
        ("gsu", 0, "twentieths is 0; a ternary threshold is 1 to 19 twentieths"),
        ("gsu", 20, "twentieths is 20; a ternary threshold is 1 to 19 twentieths"),
        ("gsu", 3.0, "twentieths is 3.0; a ternary threshold"),
        ("prf", 4, "only a Gated Spiking Unit has a ternary threshold, and the model is prf; leave it at 3"),
    ],
)
def test_ternary_thresholds_that_mean_nothing_are_refused(model, twentieths, message):
    with pytest.raises(StatespikeError, match=message):
        random_checkpoint(model, 3, 2, 1, seed=0, twentieths=twentieths)


@pytest.mark.parametrize(
    "head",
    [
        {"pooling": "every_step"},
        {"pooling": "running", "stride": 6, "time_constant": 8},
        {"pooling": "running", "stride": 1, "time_constant": 2},
    ],
)
@pytest.mark.parametrize("lengths", [None, [40, 13, 1]])
def test_heads_that_answer_again_and_again_equal_the_trained_ones(head, lengths):
    checkpoint = random_checkpoint("s4d", 5, 3, 1, seed=3, classes=2, output="regression", **head)
    samples = random_samples(3, 40, seed=3)
    network = Network.from_checkpoint(checkpoint).double()
    given = None if lengths is None else np.array(lengths)
    with torch.no_grad():
        valid = None if given is None else torch.from_numpy(given)
        expected = network(torch.from_numpy(samples), valid).numpy()
    found = float_reference.forward(checkpoint, samples, given)["logits"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("norm", "position"), [("batch", "post"), ("layer", "pre"), ("layer", "post")])
@pytest.mark.parametrize("final", ["batch", "layer"])
def test_norms_of_every_kind_and_place(norm, position, final):
    checkpoint = random_checkpoint(
        "s4d", 7, 4, 2, seed=5, features=2, norm=norm, norm_position=position, final_norm=final
    )
    samples = random_samples(3, 40, 2, seed=5)
    lengths = np.array([40, 13, 1])
    network = Network.from_checkpoint(checkpoint).double()
    with torch.no_grad():
        expected = network(torch.from_numpy(samples), torch.from_numpy(lengths)).numpy()
    found = float_reference.forward(checkpoint, samples, lengths)["logits"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def noise(exact: np.ndarray, found: np.ndarray) -> float:
    """Signal to noise, in decibels."""
    if np.array_equal(exact, found):
        return np.inf
    return float(10 * np.log10((exact**2).sum() / ((found - exact) ** 2).sum()))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", range(4))
def test_integers_are_near_the_real_network(model, seed):
    channels, modes = (3, 8, 17, 33)[seed], (2, 4, 8, 5)[seed]
    checkpoint = random_checkpoint(model, channels, modes, 1, seed=seed)
    network = random_network(model, channels, modes, 1, seed=seed)
    samples = random_samples(4, 32, seed=seed)
    exact = float_reference.forward(checkpoint, samples)
    trace = network.compute(INPUT.quantise(samples))
    block = network.blocks[0]
    found = {
        "encoder": network.encoder.output.real(trace.taps["encoder"]),
        "array_0": block.array.output.real(trace.taps["array_0"]),
        "layer_0": block.unit.output.real(trace.taps["layer_0"]),
    }
    # The unit is judged on the integers' own y: next to a threshold, y may fall on the other side.
    unit = UNITS[model].reference(checkpoint, "layers.0.unit", found["array_0"])
    exact["layer_0"] = found["encoder"] + unit
    for name, least in {"encoder": 50.0, "array_0": 42.0, "layer_0": 22.0}.items():
        assert noise(exact[name], found[name]) > least, name


def test_integers_with_a_norm_before_the_pool_are_near_the_real_network():
    options = {"seed": 3, "norm": "layer", "norm_position": "pre", "final_norm": "layer"}
    checkpoint = random_checkpoint("s4d", 17, 4, 2, **options)
    network = random_network("s4d", 17, 4, 2, **options)
    samples = random_samples(4, 32, seed=3)
    exact = float_reference.forward(checkpoint, samples)
    trace = network.compute(INPUT.quantise(samples))
    assert list(trace.taps) == network.tap_names()
    assert noise(exact["norm"], network.pool.input.real(trace.taps["norm"])) > 30.0


@pytest.mark.parametrize("position", ["pre", "post"])
@pytest.mark.parametrize(("model", "channels"), [("s4d", 3), ("s4d", 17), ("s4d", 32), ("gsu", 32)])
def test_integers_with_layer_norms_are_near_the_real_network(model, position, channels):
    options = {"seed": 3, "norm": "layer", "norm_position": position}
    checkpoint = random_checkpoint(model, channels, 4, 2, **options)
    network = random_network(model, channels, 4, 2, **options)
    samples = random_samples(4, 32, seed=3)
    exact = float_reference.forward(checkpoint, samples)
    trace = network.compute(INPUT.quantise(samples))
    assert list(trace.taps) == network.tap_names()
    block = network.blocks[0]
    expected = {"array_0": (block.array.output, 34.0), "layer_0": (block.unit.output, 22.0)}
    if block.norm_before is not None:
        expected["norm_0"] = (block.norm_before.output, 40.0)
    for name, (output, least) in expected.items():
        assert noise(exact[name], output.real(trace.taps[name])) > least, name


def test_batch_norms_behind_a_block_have_no_integer_form():
    with pytest.raises(StatespikeError, match="batch norms behind its blocks, which have no integer form"):
        random_network("gsu", 3, 2, 1, seed=1, norm_position="post")


@pytest.mark.parametrize("pooling", ["mean", "last"])
@pytest.mark.parametrize("size", [0.3, 1.0, 3.0, 30.0])
def test_logits_follow_biases_of_every_size(size, pooling):
    checkpoint = random_checkpoint("s4d", 8, 3, 1, seed=6, classes=5, pooling=pooling)
    checkpoint.tensors["decoder.bias"][:] *= size / 0.3
    checkpoint.tensors["norm.running_mean"][:] = 0.0
    checkpoint.tensors["norm.bias"][:] = 0.0
    samples = random_samples(6, 32, seed=6)
    lengths = np.array([32, 32, 20, 9, 3, 1])
    network = quantise(checkpoint, samples, INPUT, Precision(), lengths)
    exact = float_reference.forward(checkpoint, samples, lengths)["logits"]
    decoder = network.decoder
    biases = decoder.bias * 2.0 ** (decoder.bias_shift - decoder.fraction)
    wanted = checkpoint.tensors["decoder.bias"]
    np.testing.assert_allclose(biases, wanted, rtol=0, atol=np.abs(wanted).max() / 100)
    found = network.compute(INPUT.quantise(samples), lengths).logits * 2.0**-decoder.fraction
    for sequence in range(len(lengths)):
        assert noise(exact[sequence], found[sequence]) > 30.0, f"sequence {sequence}"


@pytest.mark.parametrize("seed", range(4))
def test_few_bits_cost_accuracy_but_no_more(seed):
    checkpoint = random_checkpoint("gsu", 5, 4, 1, seed=seed)
    samples = random_samples(4, 32, seed=seed)
    exact = float_reference.forward(checkpoint, samples)["array_0"]
    ratios = []
    for bits in (3, 5, 8):
        network = random_network("gsu", 5, 4, 1, seed=seed, precision=Precision(coefficients=bits))
        output = network.blocks[0].array.output
        ratios.append(noise(exact, output.real(network.compute(INPUT.quantise(samples)).taps["array_0"])))
    assert ratios[0] > 10.0
    assert ratios[2] > max(ratios[0] + 12.0, ratios[1])
