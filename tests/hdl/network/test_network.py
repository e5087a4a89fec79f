"""Whole networks of drawn shapes equal their reference: every value of every layer, whatever the pressure."""

import numpy as np
import pytest

from hdl.devices.features import LOGIC_MULTIPLIERS, MULTIPLIER_BLOCKS
from hdl.network.folding import Folding, LayerFolding
from hdl.network.kinds import ARRAYS, UNITS
from hdl.network.top import Network
from hdl.norm.streamed_step_norm import NORM_MULTIPLIERS
from hdl.primitives.drafts import drafts
from hdl.ssm.component import ArrayFolding
from quantize.configuration import MODELS
from sim.backends.amaranth_simulator import AmaranthSimulator
from sim.compare import compare
from sim.stimulus import Stimulus
from tests.hdl.addresses import addresses_checked
from tests.hdl.collisions import users_of_ram
from tests.networks import INPUT, random_network, random_samples

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""


EDGES = [
    ("gsu", 1, 1, 1), ("binary_s4d", 1, 1, 1), ("gsu_lean", 1, 9, 3), ("spiking_ssm", 2, 1, 3),
    ("gsu", 33, 1, 1), ("s4d", 33, 9, 1), ("tanh", 1, 1, 2), ("prf", 29, 1, 2),
]  # fmt: skip

# More than any array of these tests can use.
MOST_MULTIPLIERS = 1 << 10

GATED = ["gsu", "binary_s4d"]
OTHERS = [model for model in MODELS if model not in GATED]


def drawn_shapes(models: list[str], count: int) -> list[tuple[str, int, int, int]]:
    """Model, channels, modes, layers; small networks are drawn more often, so that the test stays quick."""
    generator = np.random.default_rng(2024)
    return [
        (
            models[index % len(models)],
            int(generator.integers(1, (9, 14, 34)[index % 3])),
            int(generator.integers(1, 10)),
            int(generator.integers(1, (4, 3, 2)[index % 3])),
        )
        for index in range(count)
    ]


def one_of(foldings, generator) -> ArrayFolding:
    """One of the foldings that a kind of array offers."""
    return list(foldings)[int(generator.integers(len(foldings)))]


def drawn_streamed_choice(network, generator) -> Folding:
    """Any folding that the streamed components offer."""

    def drawn_layer(block) -> LayerFolding:
        offered = ARRAYS[block.array.kind].streamed_foldings(block.array, MOST_MULTIPLIERS)
        return LayerFolding(
            one_of(offered, generator),
            int(generator.choice(UNITS[block.unit.kind].component.lane_choices(block.unit))),
            norm_multipliers=int(generator.choice(NORM_MULTIPLIERS)),
        )

    with drafts():
        layers = tuple(drawn_layer(block) for block in network.blocks)
    return Folding(layers, encoder_bits=None, streamed=True)


def drawn_choice(network, generator) -> Folding:
    """Any folding that the components offer."""

    def drawn_layer(block) -> LayerFolding:
        unit = UNITS[block.unit.kind].component
        offered = ARRAYS[block.array.kind].foldings(block.array, MULTIPLIER_BLOCKS)
        return LayerFolding(
            one_of(offered, generator),
            int(generator.choice(unit.lane_choices(block.unit))),
            sequential=unit.SEQUENTIAL_PART is not None and bool(generator.integers(2)),
        )

    with drafts():
        layers = tuple(drawn_layer(block) for block in network.blocks)
    bits, in_logic = int(generator.integers(3)), generator.integers(2)
    return Folding(
        layers,
        encoder_bits=bits or None,
        target=LOGIC_MULTIPLIERS if in_logic else MULTIPLIER_BLOCKS,
    )


# Layer norms before and after blocks.
NORMS = [
    ("s4d", 1, 2, 2, "pre"), ("s4d", 5, 3, 2, "pre"), ("gsu", 8, 2, 1, "pre"), ("prf", 17, 1, 1, "pre"),
    ("s4d", 1, 2, 1, "post"), ("s4d", 6, 3, 2, "post"), ("gsu", 7, 1, 2, "post"), ("prf", 9, 2, 1, "post"),
]  # fmt: skip


@pytest.mark.parametrize(
    "shape",
    EDGES + drawn_shapes(GATED, 28) + drawn_shapes(OTHERS, 12),
    ids=lambda shape: "-".join(map(str, shape)),
)
def test_circuit_equals_the_reference(shape):
    check_circuit(shape)


@pytest.mark.parametrize("shape", NORMS, ids=lambda shape: "-".join(map(str, shape)))
def test_circuit_with_layer_norms_equals_the_reference(shape):
    *sizes, position = shape
    check_circuit(sizes, norm="layer", norm_position=position)


@pytest.mark.parametrize("choose", [drawn_choice, drawn_streamed_choice])
@pytest.mark.parametrize("shape", [("s4d", 5, 2, 2), ("gsu", 7, 1, 1), ("binary_s4d", 1, 2, 1)])
def test_circuit_with_a_layer_norm_before_the_pool_equals_the_reference(shape, choose):
    check_circuit(shape, choose=choose, norm="layer", norm_position="pre", final_norm="layer")


@pytest.mark.parametrize("shape", [("gsu_lean", 5, 3, 2), ("s4d", 1, 2, 2)])
def test_circuit_of_mixed_arrays_equals_the_reference(shape):
    check_circuit(shape, array="s4d_real,s4d")


# Streamed builds, with units that have one and with others, and layer norms.
STREAMED = [
    ("gsu", 1, 1, 1), ("gsu", 13, 3, 2), ("gsu_lean", 9, 2, 2), ("gsu_lean", 1, 2, 1), ("s4d", 5, 2, 1),
    ("spiking_ssm", 7, 1, 1), ("prf", 6, 4, 1),
]  # fmt: skip
STREAMED_NORMS = [("gsu", 6, 2, 2, "pre"), ("gsu_lean", 5, 1, 1, "post")]


@pytest.mark.parametrize("shape", STREAMED, ids=lambda shape: "-".join(map(str, shape)))
def test_streamed_circuit_equals_the_reference(shape):
    check_circuit(shape, choose=drawn_streamed_choice)


@pytest.mark.parametrize("shape", STREAMED_NORMS, ids=lambda shape: "-".join(map(str, shape)))
def test_streamed_circuit_with_layer_norms_equals_the_reference(shape):
    *sizes, position = shape
    check_circuit(sizes, choose=drawn_streamed_choice, norm="layer", norm_position=position)


@pytest.mark.parametrize(
    ("model", "channels", "norm_multipliers", "expected"),
    [("gsu_lean", 12, 4, 12), ("gsu", 20, 4, 20), ("gsu", 9, 2, 20), ("gsu", 11, 2, 22), ("gsu", 7, 1, 28)],
)
def test_streamed_circuit_takes_the_cycles_it_promises(model, channels, norm_multipliers, expected):
    network = random_network(model, channels, 3, 1, seed=5)
    layer = LayerFolding(ArrayFolding(4, -(-channels // 4)), channels, norm_multipliers=norm_multipliers)
    folding = Folding((layer,), encoder_bits=None, streamed=True)
    with drafts():
        promised = Network(network, folding).cycles_per_step
    assert promised == expected
    samples = INPUT.quantise(random_samples(2, 24, seed=5))
    cycles = [
        AmaranthSimulator().run(Network(network, folding), Stimulus([samples[0][:steps]])).cycles
        for steps in (12, 24)
    ]
    assert cycles[1] - cycles[0] == 12 * promised


# Every unit and every number of channels from 1 to 9, small and streamed, with and without layer norms.
LATE = [
    ("gsu", 1, 6, 1, True, {}), ("gsu", 7, 5, 2, False, {}), ("gsu_lean", 3, 8, 1, False, {}),
    ("gsu_lean", 2, 1, 2, True, {}), ("binary_s4d", 2, 3, 1, False, {}), ("spiking_ssm", 9, 6, 1, False, {}),
    ("spiking_ssm", 3, 7, 2, True, {}), ("prf", 1, 4, 1, False, {}), ("prf", 4, 1, 2, False, {}),
    ("prf", 5, 3, 1, True, {}), ("s4d", 2, 7, 1, True, {}), ("tanh", 8, 1, 1, False, {}),
    ("sigmoid", 1, 1, 1, False, {}), ("s4d", 3, 4, 1, False, {"norm": "layer", "norm_position": "pre"}),
    ("prf", 6, 2, 1, False, {"norm": "layer", "norm_position": "post"}),
    ("gsu", 6, 2, 1, True, {"norm": "layer", "norm_position": "post", "final_norm": "layer"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "channels", "modes", "layers", "streamed", "norm"), LATE,
    ids=["-".join(map(str, shape[:5])) for shape in LATE],
)  # fmt: skip
def test_a_circuit_is_as_late_as_it_promises(model, channels, modes, layers, streamed, norm):
    """At most, and not much less: a promise too large would be of no use."""
    seed = channels + modes
    pooling = ("mean", "last")[seed % 2]
    network = random_network(
        model, channels, modes, layers, seed=seed, features=1 + seed % 3, classes=2, pooling=pooling, **norm
    )
    folding = (drawn_streamed_choice if streamed else drawn_choice)(network, np.random.default_rng(seed))
    design = Network(network, folding)
    samples = INPUT.quantise(random_samples(1, 1, network.features, seed=seed))
    run = AmaranthSimulator().run(design, Stimulus(list(samples)))
    taken = run.cycles - network.features + 1
    assert taken <= design.latency_cycles <= 1.5 * taken + 50


def check_circuit(shape, choose=drawn_choice, **norm):
    seed = sum(shape[1:])
    generator = np.random.default_rng(seed)
    features = int(generator.integers(1, 4))
    network = random_network(
        *shape, seed=seed, features=features, classes=2, pooling=("mean", "last")[int(generator.integers(2))],
        **norm,
    )  # fmt: skip
    samples = INPUT.quantise(random_samples(2, 4, features, seed=seed))
    sequences = [samples[0], samples[1][:2]]  # two sequences back to back, of unequal lengths
    stimulus = Stimulus(
        sequences,
        input_gaps=float(generator.choice([0.0, 0.5])),
        output_stalls=float(generator.choice([0.0, 0.7])),
        seed=seed,
        reset_after=int(generator.integers(1, 3 * features)),
    )
    run = AmaranthSimulator().run(Network(network, choose(network, generator), taps=True), stimulus)
    comparison = compare(network.compute(samples, np.array([4, 2])), run)
    assert comparison.bit_exact, f"{shape}, seed {seed}: {comparison.first_mismatch}"
    assert comparison.compared_values == 6 * network.channels * len(network.tap_names()) + 2 * 2


@pytest.mark.parametrize("streamed", [False, True])
def test_a_sequence_too_long_is_marked_and_the_next_one_is_right(streamed):
    network = random_network("gsu_lean", 3, 2, 1, seed=4)
    lengths = [network.max_steps + 3, 5, network.max_steps, network.max_steps + 1]
    u = network.inputs(random_samples(4, max(lengths), seed=4))
    reference = network.compute(u, np.array(lengths))
    assert reference.overruns.tolist() == [True, False, False, True]
    folding = Folding((LayerFolding(ArrayFolding(4), 1),), encoder_bits=None, streamed=streamed)
    stimulus = Stimulus([values[:length] for values, length in zip(u, lengths, strict=True)], 0.2, 0.2, 4)
    run = AmaranthSimulator().run(Network(network, folding, taps=True), stimulus)
    comparison = compare(reference, run)
    assert comparison.bit_exact, comparison.first_mismatch


@pytest.mark.parametrize("choose", [drawn_choice, drawn_streamed_choice])
@pytest.mark.parametrize("shape", [("s4d", 3, 1, 1), ("gsu", 3, 1, 1)])
def test_no_address_lies_beyond_its_memory(shape, choose):
    """Of a table neither, and not where a write is disabled: some simulators stop there."""
    network = random_network(*shape, seed=1, features=3, classes=3)
    samples = INPUT.quantise(random_samples(1, 3, 3, seed=1))
    design = Network(network, choose(network, np.random.default_rng(1)))
    with addresses_checked():
        run = AmaranthSimulator().run(design, Stimulus(list(samples), 0.3, 0.3, 1, reset_after=4))
    np.testing.assert_array_equal(run.logits, network.compute(samples, np.array([3])).logits)


def test_every_module_with_a_memory_is_tried_with_garbage_reads(garbage_reads):
    check_circuit(("gsu", 5, 2, 2))
    check_circuit(("gsu", 13, 3, 2), choose=drawn_streamed_choice)
    check_circuit(("s4d", 33, 9, 1))
    check_circuit(("gsu_lean", 5, 3, 2), array="s4d_real,s4d")
    check_circuit(("spiking_ssm", 3, 1, 1))
    check_circuit(("s4d", 5, 2, 1), norm="layer")
    # No network here has one; their own tests do the same.
    elsewhere = {"hdl.mixers.table", "hdl.head.answer_banks", "hdl.head.running_pool"}
    assert garbage_reads >= users_of_ram().keys() - elsewhere
