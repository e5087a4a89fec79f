"""Networks at the edges of what numbers can be: integers come close to the real ones, or are refused."""

from dataclasses import replace

import numpy as np
import pytest

from quantize import float_reference
from quantize.checkpoint import checkpoint_bytes
from quantize.clipping import Clipping
from quantize.convert import Precision, quantise
from quantize.errors import StatespikeError
from quantize.fidelity import Fidelity, fidelity
from quantize.inputs import input_format
from quantize.kinds import UNITS
from tests.networks import INPUT, random_checkpoint, random_samples

LAYERS = ("array_0", "layer_0")
MIXERS = ("unit.weight", "mix.weight", "value.weight", "gate.weight")
SAMPLES = random_samples(6, 20, seed=1)


def changed(checkpoint, names, change):
    """The checkpoint with the tensors whose names end so changed."""
    tensors = {
        name: np.asarray(change(tensor) if name.endswith(names) else tensor, np.float32)
        for name, tensor in checkpoint.tensors.items()
    }
    found = replace(checkpoint, tensors=tensors)
    checkpoint_bytes(found)  # what no file could hold would be no edge
    return found


def errors(checkpoint):
    """Largest errors of the first layer's array and of its output, by their largest real values."""
    network = quantise(checkpoint, SAMPLES, INPUT, Precision())
    real, trace = float_reference.forward(checkpoint, SAMPLES), network.compute(network.inputs(SAMPLES))
    formats = network.tap_formats()
    return [
        np.abs(formats[name].real(trace.taps[name]) - real[name]).max() / max(np.abs(real[name]).max(), 1e-6)
        for name in LAYERS
    ]


@pytest.mark.parametrize("model", UNITS)
@pytest.mark.parametrize("array", ["s4d", "s4d_real"])
def test_an_array_without_output_weights_keeps_the_precision_of_its_skip_path(model, array):
    plain = random_checkpoint(model, 3, 2, 1, seed=2, array=array)
    assert errors(changed(plain, "ssm.C", np.zeros_like))[0] < 0.01


@pytest.mark.parametrize("factor", [0.0, 1e-9, 1e-3])
@pytest.mark.parametrize("model", UNITS)
def test_biases_keep_their_precision_beside_weights_that_vanish(model, factor):
    plain = random_checkpoint(model, 3, 2, 1, seed=3)
    assert errors(changed(plain, MIXERS, lambda tensor: factor * tensor))[1] < 0.02


def test_a_pole_may_be_zero():
    plain = random_checkpoint("tanh", 3, 2, 1, seed=4)
    network = changed(plain, "log_dt", lambda tensor: np.full_like(tensor, 20))
    assert max(errors(network)) < 0.02


def test_a_neuron_may_never_fire():
    plain = random_checkpoint("spiking_ssm", 3, 2, 1, seed=5)
    assert errors(changed(plain, "log_threshold", lambda tensor: np.full_like(tensor, 1e9)))[1] < 0.02


def test_numbers_without_formats_are_refused_in_words_of_the_checkpoint():
    plain = random_checkpoint("tanh", 3, 2, 1, seed=6)
    with pytest.raises(StatespikeError, match="look for weights, norms or samples that are far too large"):
        quantise(changed(plain, "0.norm.weight", lambda tensor: 1e6 * tensor), SAMPLES, INPUT, Precision())


def test_one_outlier_in_the_calibration_data_is_told():
    plain, samples = random_checkpoint("gsu", 3, 2, 1, seed=7), SAMPLES.copy()
    samples[2, 3] = 1e6
    found = fidelity(plain, quantise(plain, samples, input_format(samples), Precision()), samples)
    assert "of the inputs that are not 0 are less than half a unit" in found.clipping.vanishing()
    found = fidelity(plain, quantise(plain, SAMPLES, INPUT, Precision()), SAMPLES)
    assert (found.warning(), found.clipping.vanishing()) == (None, None)


def test_labels_tell_how_much_worse_integers_are_where_the_network_knows_them():
    calm = Clipping()
    assert Fidelity(50, 50, "classification", 0.1, 0.3, (40, 38), calm).warning() is None
    assert "35 of 50 answers" in Fidelity(50, 50, "classification", 0.1, 0.3, (40, 35), calm).warning()
    unknown = Fidelity(50, 50, "classification", 0.1, 0.3, (5, 5), calm)
    assert "30.0% of the answers differ" in unknown.warning()
    assert "values are off by 20.0%" in Fidelity(50, 50, "regression", 0.2, 0.2, None, calm).warning()


def test_values_that_hardly_change_are_compared_with_their_size():
    plain = random_checkpoint("tanh", 3, 2, 1, seed=8, output="regression", classes=1)
    constant = changed(plain, "decoder.weight", lambda tensor: 1e-9 * tensor)
    found = fidelity(constant, quantise(constant, SAMPLES, INPUT, Precision()), SAMPLES)
    assert found.error < 0.1
    assert found.warning() is None
