"""The decoder in gates against its specification."""

import numpy as np
import pytest

from hdl.head.sequence_decoder import SerialDecoder, StreamedDecoder
from quantize.layers.ends import DecoderSpec
from tests.hdl.bench import every_pressure, run_stream

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""


@pytest.mark.parametrize("build", [SerialDecoder, StreamedDecoder])
@pytest.mark.parametrize(("channels", "classes"), [(1, 1), (1, 3), (2, 2), (5, 3), (4, 4)])
@pytest.mark.parametrize("bias_shift", [0, 5, 14])
def test_logits_are_those_of_the_specification(channels, classes, bias_shift, build):
    generator = np.random.default_rng(channels * 50 + classes * 5 + bias_shift)
    weight, bias = generator.integers(-128, 128, (classes, channels)), generator.integers(-128, 128, classes)
    weight[0, 0], bias[0] = -128, -128
    spec = DecoderSpec(3, bias_shift, weight, bias)
    pooled = generator.integers(-(1 << 15), 1 << 15, (5, channels))
    pooled[0], pooled[1] = -(1 << 15), (1 << 15) - 1
    overruns = np.array([0, 1, 0, 0, 1])
    payloads = [
        int(channel == channels - 1) | int(overrun) << 1 | (int(value) & 0xFFFF) << 2
        for values, overrun in zip(pooled, overruns, strict=True)
        for channel, value in enumerate(values)
    ]
    expected = spec.compute(pooled)
    seed, pressure = every_pressure(channels, classes)
    found = run_stream(build(spec), payloads, expected.size, pressure, seed=seed)
    raw = np.array(found.payloads).reshape(-1, classes)
    width = spec.logit_width
    values = raw >> 1 & ((1 << width) - 1)
    np.testing.assert_array_equal(np.where(values >> (width - 1), values - (1 << width), values), expected)
    np.testing.assert_array_equal(raw >> (1 + width), np.repeat(overruns[:, None], classes, axis=1))
    np.testing.assert_array_equal(raw & 1, np.tile(np.arange(classes) == classes - 1, (5, 1)))
