"""Real modes: their integers equal a plain recurrence, and come close to real arithmetic and to training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from quantize import float_reference
from quantize.calibration import Precision
from quantize.checkpoint import read_checkpoint, write_checkpoint
from quantize.configuration import CheckpointError, NetworkConfig
from quantize.convert import quantise
from quantize.file import load_network, save_network
from quantize.formats import saturate
from quantize.kinds import ARRAYS
from quantize.specification import QuantizedNetworkError
from statespike.models.network import Network
from tests.networks import INPUT, random_checkpoint, random_network, random_samples

MIXED = {"layers": 2, "array": "s4d,s4d_real"}


def plain(spec, x: np.ndarray) -> np.ndarray:
    """What `RealModesSpec` says, one number after the other."""

    def shifted(value: int, shift: int) -> int:
        return (value + (1 << shift >> 1)) >> shift

    def clipped(value: int, width: int) -> int:
        return int(saturate(np.array(value), width))

    y = np.empty_like(x)
    for channel in range(spec.channels):
        states = [0] * spec.modes
        for step, value in enumerate(x[:, channel]):
            u = clipped(int(value) + int(spec.offset[channel]), spec.input.width)
            total = int(spec.skip[channel]) * u
            for n, state in enumerate(states):
                total += int(spec.weight[channel, n]) * state
                lost = shifted(int(spec.decay[channel, n]) * state, spec.decay_shift)
                moved = state + shifted(u, int(spec.input_shift[channel, n])) - lost
                states[n] = clipped(moved, spec.state_width)
            y[step, channel] = clipped(shifted(total, spec.output_shift), spec.output.width)
    return y


@pytest.mark.parametrize(("channels", "modes"), [(1, 1), (3, 2), (5, 7)])
@pytest.mark.parametrize("amplitude", [300, 32767])
def test_array_equals_a_plain_recurrence(channels, modes, amplitude):
    spec = random_network("gsu", channels, modes, 1, seed=channels, array="s4d_real").blocks[0].array
    x = np.random.default_rng(modes).integers(-amplitude, amplitude + 1, (40, channels))
    np.testing.assert_array_equal(spec.compute(x[None])[0][0], plain(spec, x))


def test_products_are_two_a_mode_and_one_a_channel():
    array = random_network("gsu", 3, 5, 1, seed=1, array="s4d_real").blocks[0].array
    assert (array.multiplications, array.products_saved) == (3 * (2 * 5 + 1), 0)
    assert array.state_bits == 3 * 5 * array.state_width


@pytest.mark.parametrize("model", ["gsu", "s4d"])
def test_reference_is_the_trained_network_also_where_kinds_are_mixed(model):
    checkpoint = random_checkpoint(model, 5, 3, seed=4, **MIXED)
    samples = random_samples(3, 50, seed=4)
    with torch.no_grad():
        expected = Network.from_checkpoint(checkpoint)(torch.from_numpy(samples).float())
    found = float_reference.forward(checkpoint, samples)["logits"]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_integers_come_close_to_real_arithmetic():
    checkpoint, samples = (
        random_checkpoint("gsu", 6, 4, 1, seed=3, array="s4d_real"),
        random_samples(4, 60, seed=1),
    )
    network = quantise(checkpoint, samples, INPUT, Precision(8))
    array = network.blocks[0].array
    found = array.output.real(network.compute(INPUT.quantise(samples)).taps["array_0"])
    exact = float_reference.forward(checkpoint, samples)["array_0"]
    assert ((found - exact) ** 2).sum() < 1e-3 * (exact**2).sum()


def test_rounded_tensors_are_those_of_the_words():
    checkpoint, samples = (
        random_checkpoint("gsu", 6, 4, 1, seed=3, array="s4d_real"),
        random_samples(4, 60, seed=1),
    )
    array = quantise(checkpoint, samples, INPUT, Precision(4)).blocks[0].array
    kind = ARRAYS["s4d_real"]
    tensors = {
        f"layers.0.ssm.{name}": value.astype(np.float32)
        for name, value in kind.rounded(checkpoint, 0, 4, array).items()
    }
    rounded = kind.reference(replace(checkpoint, tensors=checkpoint.tensors | tensors), 0)
    exact = kind.reference(checkpoint, 0)
    np.testing.assert_allclose(1.0 - rounded.poles, array.decay * 2.0**-array.decay_shift, rtol=1e-3)
    # An impulse gives the same in its own step, and what follows is near.
    impulse = np.zeros((1, 30, 6)) - exact.offset
    impulse[0, 0] += 1.0
    near, far = rounded.compute(impulse)[0], exact.compute(impulse)[0]
    np.testing.assert_allclose(near[0], far[0], rtol=1e-4, atol=1e-6)
    assert ((near - far) ** 2).sum() < 0.05 * (far**2).sum()


def test_files_keep_mixed_kinds(tmp_path):
    checkpoint = random_checkpoint("gsu", 4, 2, seed=1, **MIXED)
    write_checkpoint(tmp_path / "mixed.safetensors", checkpoint)
    assert read_checkpoint(tmp_path / "mixed.safetensors").config.arrays == ("s4d", "s4d_real")
    network = quantise(checkpoint, random_samples(2, 20, seed=1), INPUT, Precision())
    save_network(network, tmp_path / "integers.safetensors")
    x = INPUT.quantise(random_samples(2, 20, seed=2))
    loaded = load_network(tmp_path / "integers.safetensors")
    np.testing.assert_array_equal(loaded.compute(x).logits, network.compute(x).logits)


@pytest.mark.parametrize("word", [0, 1 << 14])
def test_poles_outside_0_to_1_are_refused(word):
    array = random_network("gsu", 2, 2, 1, seed=1, array="s4d_real").blocks[0].array
    decay = np.full((2, 2), 1 << 13)
    decay[1, 0] = word
    with pytest.raises(QuantizedNetworkError, match="pole outside 0 to 1 at channel 1, mode 0"):
        replace(array, decay=decay, decay_shift=14)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"array": "s5"}, "unknown array 's5'; choose one of s4d, s4d_real"),
        ({"array": "s4d,s4d_real,s4d"}, "array names 3 kinds for 2 layers"),
        ({"array": "s4d_real", "discretisation": "bilinear"}, "real modes need the discretisation 'zoh'"),
    ],
)
def test_configurations_that_cannot_be_are_refused(options, sentence):
    with pytest.raises(CheckpointError, match=sentence):
        NetworkConfig(model="gsu", features=1, channels=2, modes=2, layers=2, classes=2, **options)
