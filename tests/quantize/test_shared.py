"""Layers in one set of formats compute what they did before, but for the words that were rounded."""

from dataclasses import replace

import numpy as np
import pytest

from quantize.errors import StatespikeError
from quantize.file import load_network, save_network
from quantize.shared import SHARED_FORMATS, difference, with_shared_formats
from tests.networks import INPUT, random_network, random_samples


@pytest.mark.parametrize("model", ["gsu_lean", "binary_s4d", "spiking_ssm", "gsu"])
def test_layers_have_one_set_of_formats_and_almost_the_same_outputs(model):
    network = random_network(model, 6, 3, 3, seed=3)
    assert difference(network) is not None
    shared = with_shared_formats(network)
    assert difference(shared) is None
    assert shared.provenance[SHARED_FORMATS] is True
    x = INPUT.quantise(random_samples(4, 32, seed=1))

    def values(of, tap: str) -> np.ndarray:
        return of.tap_formats()[tap].real(of.compute(x).taps[tap])

    # What y becomes may differ more: spikes and ternary activations sit on thresholds.
    for tap, share in (("array_0", 0.05), ("layer_0", 0.2)):
        before, after = values(network, tap), values(shared, tap)
        assert np.abs(after - before).mean() < share * np.abs(before).mean()


def test_layers_that_agree_already_stay_as_they_are():
    shared = with_shared_formats(random_network("gsu_lean", 5, 2, 2, seed=1))
    again = with_shared_formats(shared)
    assert all(ours.array is theirs.array for ours, theirs in zip(shared.blocks, again.blocks, strict=True))


def test_a_difference_is_told_in_words():
    network = with_shared_formats(random_network("gsu_lean", 5, 2, 2, seed=1))
    first, second = network.blocks
    finer = replace(second.array, damping_shift=second.array.damping_shift + 1)
    found = difference(replace(network, blocks=(first, replace(second, array=finer))))
    shift = first.array.damping_shift
    assert found == f"the arrays of layers 0 and 1 differ in their damping shift, {shift} and {shift + 1}"


def test_kinds_without_shared_formats_are_refused():
    network = random_network("tanh", 4, 2, 2, seed=1)
    with pytest.raises(StatespikeError, match="units of the kind tanh_glu have no shared formats yet"):
        with_shared_formats(network)
    first, second = network.blocks
    lean = random_network("gsu_lean", 4, 2, 1, seed=1).blocks[0].unit
    mixed = replace(second, unit=replace(lean, input=second.array.output, output=second.unit.output))
    with pytest.raises(StatespikeError, match="the units are of several kinds, gsu_lean, tanh_glu"):
        with_shared_formats(replace(network, blocks=(first, mixed)))


def test_a_file_tells_that_formats_are_shared(tmp_path):
    network = with_shared_formats(random_network("gsu_lean", 4, 2, 2, seed=1))
    save_network(network, tmp_path / "network.safetensors")
    loaded = load_network(tmp_path / "network.safetensors")
    assert loaded.provenance[SHARED_FORMATS] is True
    assert difference(loaded) is None
