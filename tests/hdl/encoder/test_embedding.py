"""The table of a network that reads tokens equals its specification, and so does the whole network."""

import numpy as np
import pytest

from hdl.devices.devices import find_device
from hdl.encoder.embedding import Embedding
from hdl.network.top import Network
from hdl.planning.planner import plan_network
from quantize.convert import Precision, quantise
from quantize.formats import Format
from quantize.layers.embedding import EmbeddingSpec
from sim.backends.amaranth_simulator import AmaranthSimulator
from sim.compare import compare
from sim.stimulus import Stimulus
from tests.hdl.bench import every_pressure, run_stream, step_beats
from tests.networks import INPUT, random_checkpoint, random_tokens

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

SHAPES = [(2, 1), (3, 2), (7, 5), (15, 8)]


def spec_of(tokens: int, channels: int, seed: int) -> EmbeddingSpec:
    generator = np.random.default_rng(seed)
    return EmbeddingSpec(Format(16, 10), generator.integers(-(1 << 15), 1 << 15, (tokens + 1, channels)))


@pytest.mark.parametrize(("tokens", "channels"), SHAPES)
def test_embedding_equals_its_specification(tokens, channels):
    seed, pressure = every_pressure(tokens, channels)
    spec = spec_of(tokens, channels, seed)
    generator = np.random.default_rng(seed)
    sequences = [generator.integers(0, tokens + 1, (steps, 1)) for steps in (6, 1, 9)]
    payloads = [beat for values in sequences for beat in step_beats(values, spec.input.width)]
    expected = [beat for values in sequences for beat in step_beats(spec.compute(values), 16)]
    got = run_stream(Embedding(spec), payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize(("tokens", "channels"), SHAPES)
def test_embedding_gives_a_channel_in_every_cycle(tokens, channels):
    spec = spec_of(tokens, channels, 1)
    embedding = Embedding(spec)
    payloads = step_beats(np.arange(12)[:, None] % (tokens + 1), spec.input.width)
    got = run_stream(embedding, payloads, 12 * channels)
    assert set(np.diff(got.cycles)) == {1}
    assert embedding.cycles_per_step == channels


@pytest.mark.parametrize("device", ["up5k", "ecp5-85k"])
def test_a_network_that_reads_tokens_equals_its_reference(device):
    checkpoint = random_checkpoint("gsu", 6, 3, 2, seed=5, features=9)
    network = quantise(checkpoint, random_tokens(4, 24, 9, seed=1), INPUT, Precision())
    u = network.inputs(random_tokens(3, 11, 9, seed=2))
    plan = plan_network(network, find_device(device))
    assert plan.streamed == (device == "ecp5-85k")
    lengths = [11, 4, 1]
    stimulus = Stimulus(
        [sequence[:steps] for sequence, steps in zip(u, lengths, strict=True)],
        input_gaps=0.2, output_stalls=0.3, reset_after=5,
    )  # fmt: skip
    run = AmaranthSimulator().run(Network(network, plan, taps=True), stimulus)
    comparison = compare(network.compute(u, np.array(lengths)), run)
    assert comparison.bit_exact, comparison.first_mismatch
    assert comparison.compared_values == 16 * 6 * len(network.tap_names()) + 3 * 3
