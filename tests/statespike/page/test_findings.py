"""What the page tells of a network's layers is what reference and real arithmetic compute."""

import numpy as np
import pytest

from quantize.convert import Precision, quantise
from quantize.float_reference import forward
from quantize.survey import Samples
from statespike.page.findings import findings_of, formats_of
from tests.networks import INPUT, random_checkpoint, random_samples


@pytest.fixture(scope="module")
def case():
    """A network with a norm in every place, and sequences of two lengths."""
    checkpoint = random_checkpoint("gsu_lean", 2, 1, 1, seed=3, norm="layer", final_norm="layer")
    x = random_samples(4, 10, seed=1)
    labels, lengths = np.array([0, 1, 2, 0]), np.array([10, 4, 10, 7])
    return checkpoint, Samples(x, labels, None), Samples(x, labels, lengths)


def test_layers_are_compared_over_valid_steps(case):
    checkpoint, calibration, test = case
    found = findings_of(checkpoint, calibration, test, 8, "up5k")
    network = quantise(checkpoint, calibration.x, INPUT, Precision(8))
    taps, real = network.compute(network.inputs(test.x), test.lengths).taps, forward(checkpoint, test.x)
    valid = np.arange(10) < test.lengths[:, None]
    assert [layer.name for layer in found.layers] == network.tap_names() == list(formats_of(network))
    for layer in found.layers:
        integers, values = taps[layer.name][valid], real[layer.name][valid]
        noise = (integers * 2.0**-layer.format.fraction - values).ravel()
        assert layer.snr_db == pytest.approx(10 * np.log10((values**2).sum() / (noise**2).sum()))
        assert layer.magnitudes.sum() == integers.size
        assert layer.magnitudes[0] == ((integers == 0) | (integers == -1)).sum()
    assert found.confusion.sum() == 4
    assert [signs.shape for signs in found.rasters] == [(10, 2)]
    assert found.energy is not None and found.costs["accountings"]["paper"] > 0
