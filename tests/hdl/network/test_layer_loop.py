"""One block that serves all layers computes what a block for each of them does, in the cycles it promises."""

from dataclasses import replace

import numpy as np
import pytest

from hdl.devices.features import DeviceFeatures
from hdl.network.folding import Folding, LayerFolding
from hdl.network.layer_loop import LayerLoop, obstacle
from hdl.network.top import Network
from hdl.ssm.leapfrog import LeapfrogFolding
from quantize.formats import STREAM_WIDTH
from quantize.shared import with_shared_formats
from sim.backends.amaranth_simulator import AmaranthSimulator
from sim.compare import compare
from sim.stimulus import Stimulus
from tests.hdl.bench import every_pressure, run_stream, step_beats
from tests.networks import INPUT, random_network, random_samples

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

SHAPES = [
    # channels, modes, layers, multipliers, lanes
    (3, 2, 2, 1, 1), (5, 1, 3, 4, 2), (1, 1, 2, 2, 1), (4, 5, 2, 3, 4), (6, 1, 4, 1, 3),
]  # fmt: skip


WAITING_SHAPES = [(5, 2, 3, 1, 2, True), (3, 1, 4, 4, 1, True), (4, 3, 2, 3, 4, False)]
"""As above, and whether the unit is the form that waits."""


def loop_of(shape) -> LayerLoop:
    channels, modes, layers, multipliers, lanes = shape
    network = with_shared_formats(random_network("gsu_lean", channels, modes, layers, seed=sum(shape)))
    return LayerLoop(network.blocks, LayerFolding(LeapfrogFolding(multipliers), lanes))


def spiking(blocks, offset: int):
    """Blocks in which every channel spikes in every step, or none does: y is a multiple of the offset."""
    silent = {"position_weight": 0, "velocity_weight": 0, "skip": 2000, "offset": offset}

    def constant(array):
        return replace(
            array, **{name: np.full_like(getattr(array, name), value) for name, value in silent.items()}
        )

    return [replace(block, array=constant(block.array)) for block in blocks]


def expected_of(blocks, x: np.ndarray) -> np.ndarray:
    """All layers in integers, over one sequence (steps, channels)."""
    values = x[None]
    for block in blocks:
        values = block.joined(values, block.array.outputs(values))
    return values[0]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape)))
def test_loop_equals_layer_after_layer(shape):
    channels, modes, layers, multipliers, lanes = shape
    seed, pressure = every_pressure(*shape)
    network = with_shared_formats(random_network("gsu_lean", channels, modes, layers, seed=seed))
    generator = np.random.default_rng(seed)
    sequences = [generator.integers(-32768, 32768, (steps, channels)) for steps in (3, 1, 2)]
    payloads = [payload for x in sequences for payload in step_beats(x, STREAM_WIDTH)]
    expected = [
        payload for x in sequences for payload in step_beats(expected_of(network.blocks, x), STREAM_WIDTH)
    ]
    loop = LayerLoop(network.blocks, LayerFolding(LeapfrogFolding(multipliers), lanes))
    got = run_stream(loop, payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape)))
def test_loop_takes_the_cycles_it_promises(shape):
    channels, steps = shape[0], 8
    loop = loop_of(shape)
    values = np.random.default_rng(1).integers(-20000, 20000, (steps, channels))
    got = run_stream(loop, step_beats(values, STREAM_WIDTH), values.size)
    assert set(np.diff(got.cycles[channels - 1 :: channels][3:])) == {loop.cycles_per_step}
    assert got.cycles[channels - 1] <= channels + loop.latency_cycles <= got.cycles[channels - 1] + 40


@pytest.mark.parametrize("model", ["binary_s4d", "spiking_ssm", "gsu"])
@pytest.mark.parametrize("shape", WAITING_SHAPES, ids=lambda shape: "-".join(map(str, shape)))
def test_loop_of_units_that_may_wait_equals_layer_after_layer(model, shape):
    channels, modes, layers, multipliers, lanes, waits = shape
    folding = LayerFolding(LeapfrogFolding(multipliers), lanes, sequential=waits)
    seed, pressure = every_pressure(*shape)
    network = with_shared_formats(random_network(model, channels, modes, layers, seed=seed))
    generator = np.random.default_rng(seed)
    sequences = [generator.integers(-32768, 32768, (steps, channels)) for steps in (3, 1, 2)]
    payloads = [payload for x in sequences for payload in step_beats(x, STREAM_WIDTH)]
    expected = [
        payload for x in sequences for payload in step_beats(expected_of(network.blocks, x), STREAM_WIDTH)
    ]
    loop = LayerLoop(network.blocks, folding)
    got = run_stream(loop, payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize("shape", WAITING_SHAPES, ids=lambda shape: "-".join(map(str, shape)))
@pytest.mark.parametrize("offset", [30000, -30000], ids=["all", "none"])
def test_cycles_of_a_loop_of_spikes_lie_between_its_promises(shape, offset):
    channels, modes, layers, multipliers, lanes, waits = shape
    network = with_shared_formats(random_network("binary_s4d", channels, modes, layers, seed=sum(shape)))
    loop = LayerLoop(
        spiking(network.blocks, offset), LayerFolding(LeapfrogFolding(multipliers), lanes, sequential=waits)
    )
    values = np.random.default_rng(1).integers(-2000, 2000, (8, channels))
    got = run_stream(loop, step_beats(values, STREAM_WIDTH), values.size)
    cycles = np.diff(got.cycles[channels - 1 :: channels])[3:]
    assert loop.least_cycles_per_step <= cycles.min()
    assert cycles.max() <= loop.cycles_per_step
    assert got.cycles[channels - 1] <= channels + loop.latency_cycles
    if offset > 0:  # the worst case is met, but for a wait of each layer's pairs
        assert loop.cycles_per_step - cycles.max() <= 3 * layers * channels * waits


@pytest.mark.parametrize("shape", WAITING_SHAPES[1:], ids=lambda shape: "-".join(map(str, shape)))
def test_cycles_of_a_loop_with_norms_lie_between_its_promises(shape):
    channels, modes, layers, multipliers, lanes, waits = shape
    network = with_shared_formats(random_network("gsu", channels, modes, layers, seed=sum(shape)))
    loop = LayerLoop(network.blocks, LayerFolding(LeapfrogFolding(multipliers), lanes, sequential=waits))
    values = np.random.default_rng(1).integers(-20000, 20000, (6, channels))
    got = run_stream(loop, step_beats(values, STREAM_WIDTH), values.size)
    cycles = np.diff(got.cycles[channels - 1 :: channels])[2:]
    assert loop.least_cycles_per_step <= cycles.min()
    assert cycles.max() <= loop.cycles_per_step
    assert got.cycles[channels - 1] <= channels + loop.latency_cycles


@pytest.mark.parametrize("in_blocks", [False, True])
@pytest.mark.parametrize("shape", [(5, 2, 2, 1, 1), (3, 1, 3, 4, 3)], ids=str)
def test_a_folded_network_shows_the_values_of_all_layers(shape, in_blocks):
    channels, modes, layers, multipliers, lanes = shape
    network = with_shared_formats(random_network("gsu_lean", channels, modes, layers, seed=2, features=2))
    folding = Folding(
        (LayerFolding(LeapfrogFolding(multipliers), lanes),), encoder_bits=1, folded=True,
        target=DeviceFeatures(tables_in_blocks=in_blocks, single_port_memories=in_blocks),
    )  # fmt: skip
    samples = INPUT.quantise(random_samples(2, 4, 2, seed=3))
    stimulus = Stimulus([samples[0], samples[1][:2]], 0.3, 0.5, seed=1, reset_after=3)
    run = AmaranthSimulator().run(Network(network, folding, taps=True), stimulus)
    comparison = compare(network.compute(samples, np.array([4, 2])), run)
    assert comparison.bit_exact, comparison.first_mismatch
    assert comparison.compared_values == 6 * channels * len(network.tap_names()) + 2 * network.classes


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (("gsu_lean", 3, 2, 1, {}), "it has one layer"),
        (("prf", 3, 2, 2, {}), "a unit of the kind spike_linear serves one layer"),
        (("gsu_lean", 3, 2, 2, {"norm": "layer", "norm_position": "pre"}), "its blocks have layer norms"),
        (("gsu_lean", 3, 2, 2, {}), "the arrays of layers 0 and 1 differ in their "),
    ],
)
def test_what_keeps_layers_from_sharing_a_block_is_told(network, reason):
    *shape, options = network
    found = obstacle(random_network(*shape, seed=1, **options))
    assert found is not None
    assert found.startswith(reason)
