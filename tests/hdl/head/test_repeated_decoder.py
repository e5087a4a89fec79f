"""Decoders that answer again and again, in gates: equal to the specification, at the promised pace."""

import numpy as np
import pytest

from hdl.devices.devices import find_device
from hdl.devices.features import LOGIC_MULTIPLIERS, MULTIPLIER_BLOCKS
from hdl.head.repeated_decoder import decoder_lanes, make_repeated_decoder
from hdl.planning.census import census
from hdl.toolchain import Expected, synthesise
from hdl.toolchain.verilog import rtlil_text
from quantize.layers.ends import DecoderSpec
from tests.hdl.bench import every_pressure, run_stream

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""


def drawn(channels: int, classes: int, bias_shift: int, answers: int, seed: int):
    """A decoder with the largest words among its own, pooled values (answers, H), and marks (answers,)."""
    generator = np.random.default_rng(seed)
    weight, bias = (
        generator.integers(-2048, 2048, (classes, channels)),
        generator.integers(-2048, 2048, classes),
    )
    weight[0, 0], bias[0] = -2048, -2048
    pooled = generator.integers(-(1 << 15), 1 << 15, (answers, channels))
    pooled[0], pooled[1] = -(1 << 15), (1 << 15) - 1
    return DecoderSpec(3, bias_shift, weight, bias), pooled, generator.integers(0, 4, answers)


def beats_of(pooled: np.ndarray, marks: np.ndarray) -> list[int]:
    """Payloads of `AnswerValue`."""
    channels = pooled.shape[1]
    return [
        int(channel == channels - 1) | int(mark) << 1 | (int(value) & 0xFFFF) << 3
        for values, mark in zip(pooled, marks, strict=True)
        for channel, value in enumerate(values)
    ]


@pytest.mark.parametrize("target", [MULTIPLIER_BLOCKS, LOGIC_MULTIPLIERS])
@pytest.mark.parametrize(
    ("channels", "classes", "bias_shift"),
    [(1, 1, 0), (1, 3, 5), (2, 2, 14), (9, 1, 3), (13, 5, 0), (4, 7, 14)],
)
def test_answers_are_those_of_the_specification(channels, classes, bias_shift, target):
    spec, pooled, marks = drawn(channels, classes, bias_shift, 6, seed=channels * 50 + classes)
    expected = spec.compute(pooled)
    for lanes in decoder_lanes(spec):
        seed, pressure = every_pressure(channels, classes, lanes)
        decoder = make_repeated_decoder(spec, lanes, target)
        found = run_stream(decoder, beats_of(pooled, marks), expected.size, pressure, seed=seed)
        raw = np.array(found.payloads).reshape(-1, classes)
        width = spec.logit_width
        values = raw >> 1 & ((1 << width) - 1)
        np.testing.assert_array_equal(
            np.where(values >> (width - 1), values - (1 << width), values), expected
        )
        np.testing.assert_array_equal(raw & 1, np.tile(np.arange(classes) == classes - 1, (6, 1)))
        np.testing.assert_array_equal(raw >> (1 + width) & 1, 0)
        np.testing.assert_array_equal(raw >> (2 + width), np.repeat(marks[:, None], classes, axis=1))


@pytest.mark.parametrize(("channels", "classes"), [(1, 2), (12, 1), (12, 7), (3, 11)])
def test_answers_follow_at_the_promised_pace(channels, classes):
    spec, pooled, marks = drawn(channels, classes, 2, 6, seed=4)
    for lanes in decoder_lanes(spec):
        decoder = make_repeated_decoder(spec, lanes, MULTIPLIER_BLOCKS)
        found = run_stream(decoder, beats_of(pooled, marks), 6 * classes)
        between = np.diff(found.cycles[classes - 1 :: classes])
        promised = max(decoder.cycles_per_answer, channels)
        np.testing.assert_array_equal(between[2:], promised, err_msg=f"{lanes} lanes")
        alone = run_stream(
            decoder := make_repeated_decoder(spec, lanes, MULTIPLIER_BLOCKS),
            beats_of(pooled[:1], marks[:1]),
            classes,
        )
        latency = alone.cycles[-1] - channels
        assert decoder.latency_cycles - 4 <= latency <= decoder.latency_cycles + 1, f"{lanes} lanes"


def test_the_lanes_to_choose_from_end_with_one_a_class():
    for classes, lanes in [(1, [0, 1]), (2, [0, 1, 2]), (5, [0, 1, 2, 4, 5]), (8, [0, 1, 2, 4, 8])]:
        spec, *_ = drawn(2, classes, 0, 2, seed=1)
        assert decoder_lanes(spec) == lanes


@pytest.mark.synth
@pytest.mark.parametrize("name", ["up5k", "ecp5-25k"])
def test_few_channels_are_synthesised_as_planned(name, tmp_path):
    """Their answers lie in look-up tables where these can be written, else in a block."""
    spec, _, _ = drawn(channels=3, classes=2, bias_shift=5, answers=2, seed=4)
    device = find_device(name)
    text = rtlil_text(make_repeated_decoder(spec, 0, device.features), platform=device.family)
    planned = census(text, device.family).resources(device)
    found = synthesise(text, device, tmp_path, Expected(bram=planned.bram), no_collisions=True).resources
    assert found.bram == planned.bram == (0 if device.family.distributed_memories else 1)
