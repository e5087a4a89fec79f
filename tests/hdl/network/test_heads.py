"""Networks that answer again and again: equal to their reference, in every build and under random stalls."""

import numpy as np
import pytest

from hdl.devices.devices import find_device
from hdl.devices.features import LOGIC_MULTIPLIERS, MULTIPLIER_BLOCKS
from hdl.head.repeated_decoder import decoder_lanes
from hdl.network.folding import Folding, LayerFolding
from hdl.network.kinds import ARRAYS
from hdl.network.top import Network
from hdl.planning.planner import plan_network
from hdl.primitives.drafts import drafts
from sim.backends.amaranth_simulator import AmaranthSimulator
from sim.compare import compare
from sim.stimulus import Stimulus
from tests.networks import random_network, random_samples

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

EVERY_STEP = {"pooling": "every_step"}
RUNNING = {"pooling": "running", "stride": 3, "time_constant": 4}


def folding_of(network, lanes: int, *, streamed: bool, target=MULTIPLIER_BLOCKS) -> Folding:
    """The fastest folding of the arrays, and so many lanes in the decoder."""
    with drafts():
        kind, array = ARRAYS[network.blocks[0].array.kind], network.blocks[0].array
        offered = kind.streamed_foldings(array, 64) if streamed else kind.foldings(array, target)
        fastest = min(offered, key=offered.__getitem__)
    layers = (LayerFolding(fastest, 1),) * len(network.blocks)
    return Folding(layers, encoder_bits=None, decoder_lanes=lanes, streamed=streamed, target=target)


def check_circuit(network, folding: Folding, lengths: list[int], **pressure) -> None:
    """Every value of every layer, and every answer with its marks."""
    x = random_samples(len(lengths), max(lengths), network.features, seed=9)
    u = network.inputs(x)
    stimulus = Stimulus([steps[:length] for steps, length in zip(u, lengths, strict=True)], **pressure)
    run = AmaranthSimulator().run(Network(network, folding, taps=True), stimulus)
    found = compare(network.compute(u, np.array(lengths)), run)
    assert found.bit_exact, found.first_mismatch


@pytest.mark.parametrize("head", [EVERY_STEP, RUNNING], ids=["every_step", "running"])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("channels", "classes"), [(1, 1), (3, 5), (5, 2)])
def test_every_answer_is_that_of_the_reference(channels, classes, streamed, head):
    network = random_network("s4d", channels, 2, 1, seed=channels, classes=classes, **head)
    every = decoder_lanes(network.decoder)
    for lanes in {every[0], every[1], every[-1]}:  # bit by bit, a lane, a lane for each class
        target = LOGIC_MULTIPLIERS if lanes == 1 and not streamed else MULTIPLIER_BLOCKS
        folding = folding_of(network, lanes, streamed=streamed, target=target)
        check_circuit(
            network, folding, [5, 1, 3], input_gaps=0.3, output_stalls=0.4, seed=lanes, reset_after=3
        )


@pytest.mark.parametrize("output", ["multi_label", "regression"])
def test_what_the_outputs_mean_changes_nothing_in_gates(output):
    network = random_network("gsu", 4, 1, 1, seed=5, output=output, **RUNNING)
    check_circuit(network, folding_of(network, 1, streamed=False), [4, 7], output_stalls=0.5, seed=2)


@pytest.mark.parametrize("device", ["up5k", "ecp5-25k"])
@pytest.mark.parametrize(
    "head",
    [EVERY_STEP, {"pooling": "running", "stride": 5, "time_constant": 16}],
    ids=["every_step", "running"],
)
def test_the_planned_circuit_keeps_the_promised_pace(head, device):
    """With a decoder that does not hold it up, where the part has one."""
    network = random_network("s4d", 8, 2, 1, seed=3, classes=2, **head)
    plan = plan_network(network, find_device(device))
    design = Network(network, plan)
    u = network.inputs(random_samples(1, 44, seed=3))
    run = AmaranthSimulator().run(design, Stimulus([u[0]]))
    assert abs(run.cycles_per_step - plan.cycles_per_step) < 0.5
    lanes = decoder_lanes(network.decoder)
    assert plan.decoder_lanes in lanes
    # Fewer lanes would hold the network up.
    pace = design.decoder.cycles_per_answer / network.answer_stride
    assert pace <= plan.cycles_per_step
    alone = AmaranthSimulator().run(design, Stimulus([u[0, :1]]))
    assert alone.answer_cycles[-1] - alone.step_cycles[-1] <= plan.latency_cycles


def test_a_slow_network_decodes_bit_by_bit():
    network = random_network(
        "s4d", 8, 8, 1, seed=3, classes=1, pooling="running", stride=16, time_constant=16
    )
    assert plan_network(network, find_device("up5k")).decoder_lanes == 0
