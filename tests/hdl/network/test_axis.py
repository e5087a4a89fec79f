"""The network behind AXI4-Stream ports: packets in, packets out, and where sequences begin."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.network.axis import AxisNetwork, byte_aligned
from hdl.network.folding import Folding, LayerFolding
from hdl.ssm.component import ArrayFolding
from tests.networks import random_network

WATCHDOG = 20_000
FOLDING = Folding((LayerFolding(ArrayFolding(2), 2),), encoder_bits=None)


def answers(network, sequences, *, user: str = "first", seed: int = 0) -> list[tuple[int, bool, bool]]:
    """(TDATA, TLAST, TUSER) of all answers, under random pauses and with garbage above the numbers.

    TUSER is sent with the first beat of a sequence, or never ("low").
    """
    design = AxisNetwork(network, FOLDING)
    dice = np.random.default_rng(seed)
    width, wanted = network.input.width, len(sequences) * network.classes
    given = []

    async def source(ctx):
        port = design.s_axis
        for steps in sequences:
            values = steps.reshape(-1)
            for place, value in enumerate(values):
                while dice.random() < 0.3:
                    await ctx.tick()
                garbage = int(dice.integers(0, 1 << (byte_aligned(width) - width))) << width
                ctx.set(port.tdata, (int(value) & ((1 << width) - 1)) | garbage)
                ctx.set(port.tlast, place == len(values) - 1)
                ctx.set(port.tuser, user == "first" and place == 0)
                ctx.set(port.tvalid, 1)
                await ctx.tick().until(port.tready)
                ctx.set(port.tvalid, 0)

    async def sink(ctx):
        port = design.m_axis
        for _ in range(WATCHDOG):
            ready = dice.random() < 0.6
            ctx.set(port.tready, ready)
            _, _, valid, *word = await ctx.tick().sample(port.tvalid, port.tdata, port.tlast, port.tuser)
            if valid and ready:
                given.append(tuple(word))
            if len(given) == wanted:
                return
        pytest.fail(f"{len(given)} of {wanted} transfers, seed {seed}")

    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source, background=True)
    simulator.add_testbench(sink)
    simulator.run()
    return [(int(value), bool(last), bool(overrun)) for value, last, overrun in given]


def expected(network, sequences) -> list[tuple[int, bool, bool]]:
    whole = byte_aligned(network.decoder.logit_width)
    words = []
    for steps in sequences:
        trace = network.compute(steps[None])
        words += [
            (int(logit) & ((1 << whole) - 1), place == network.classes - 1, bool(trace.overruns[0]))
            for place, logit in enumerate(trace.logits[0])
        ]
    return words


def drawn(network, lengths, seed):
    low, high = network.encoder.input_range
    dice = np.random.default_rng(seed)
    return [dice.integers(low, high + 1, (length, network.beats_per_step)) for length in lengths]


@pytest.mark.parametrize("features", [1, 3])
@pytest.mark.parametrize("user", ["first", "low"])
def test_packets_are_sequences_with_and_without_tuser(features, user):
    network = random_network("binary_s4d", 3, 2, 1, seed=features, features=features)
    assert network.input.width % 8
    sequences = drawn(network, (3, 1, 4), seed=5)
    assert answers(network, sequences, user=user, seed=features) == expected(network, sequences)


def test_a_sequence_that_is_too_long_is_marked_in_tuser():
    network = random_network("binary_s4d", 2, 1, 1, seed=3)
    sequences = drawn(network, (network.max_steps + 1, 2), seed=6)
    words = answers(network, sequences, seed=3)
    assert words == expected(network, sequences)
    assert [overrun for _, last, overrun in words if last] == [True, False]
