"""The encoder equals its specification, bit for bit, at any size and under any back-pressure."""

import numpy as np
import pytest

from hdl.devices.devices import find_device
from hdl.devices.features import LOGIC_MULTIPLIERS
from hdl.encoder.multiplied import BlockEncoder, StreamedEncoder
from hdl.encoder.serial import SerialEncoder
from hdl.toolchain import Expected, synthesise
from hdl.toolchain.verilog import rtlil_text
from tests.hdl.bench import every_pressure, run_stream, step_beats
from tests.networks import random_network

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

SHAPES = [(1, 1), (3, 1), (1, 2), (5, 3)]


def spec_of(channels: int, features: int, seed: int):
    return random_network("prf", channels, 1, 1, seed=seed, features=features).encoder


KINDS = {
    "serial": SerialEncoder,
    "block": BlockEncoder,
    "logic": lambda spec: BlockEncoder(spec, LOGIC_MULTIPLIERS),
    "streamed": StreamedEncoder,
    "two bits": lambda spec: SerialEncoder(spec, 2),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("channels", "features"), SHAPES)
def test_encoder_equals_its_specification(channels, features, kind):
    seed, pressure = every_pressure(channels, features, list(KINDS).index(kind))
    spec = spec_of(channels, features, seed)
    low, high, width = spec.input.minimum, spec.input.maximum, spec.input.width
    generator = np.random.default_rng(seed)
    sequences = [generator.integers(low, high + 1, (steps, features)) for steps in (4, 1, 5)]
    payloads = [payload for values in sequences for payload in step_beats(values, width)]
    outputs = [spec.compute(values[None])[0] for values in sequences]
    expected = [payload for values in outputs for payload in step_beats(values, spec.output.width)]
    got = run_stream(KINDS[kind](spec), payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("channels", "features"), SHAPES[1:])
def test_encoder_takes_the_cycles_it_promises(channels, features, kind):
    spec = spec_of(channels, features, 1)
    encoder = KINDS[kind](spec)
    steps = 8
    payloads = step_beats(np.zeros((steps, features), dtype=np.int64), spec.input.width)
    got = run_stream(encoder, payloads, steps * channels)
    ends = got.cycles[channels - 1 :: channels]
    assert set(np.diff(ends)[2:]) == {encoder.cycles_per_step}


@pytest.mark.synth
def test_parts_have_cells_for_every_encoder(tmp_path):
    """The iCE40 has no memory of look-up tables, in which streamed builds keep what is short."""
    spec = spec_of(4, 3, 1)
    parts = {"block": "up5k", "streamed": "ecp5-25k"}
    for kind in KINDS:
        name = parts.get(kind, "hx8k")
        target, encoder = find_device(name), KINDS[kind](spec)
        expected = Expected(dsp=encoder.multipliers if target.dsps else 0)
        synthesise(rtlil_text(encoder, platform=target.family), target, tmp_path / kind, expected)
