"""A residual block equals `x + unit(array(x))` with its norm, whatever its builds and the back-pressure."""

import numpy as np
import pytest

from hdl.network.block import ResidualBlock
from hdl.network.folding import LayerFolding
from hdl.ssm.component import ArrayFolding
from quantize.formats import STREAM_WIDTH, saturate
from tests.hdl.bench import every_pressure, run_stream, step_beats
from tests.networks import random_network

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

NORMS = [("batch", "pre"), ("layer", "pre"), ("layer", "post")]


def expected_of(block, x: np.ndarray) -> np.ndarray:
    """The block in integers, over one sequence (steps, channels)."""
    given = x[None]
    normalised = given if block.norm_before is None else block.norm_before.compute(given)
    total = given + block.unit.compute(block.array.compute(normalised)[0])
    clipped = saturate(total, block.unit.output.width)
    return (clipped if block.norm_after is None else block.norm_after.compute(clipped))[0]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("norm", "position"), NORMS)
@pytest.mark.parametrize(("model", "channels", "modes"), [("gsu_lean", 5, 2), ("binary_s4d", 3, 1)])
def test_block_equals_its_specification(model, channels, modes, norm, position, streamed):
    seed, pressure = every_pressure(channels, modes, streamed)
    network = random_network(model, channels, modes, 1, seed=seed, norm=norm, norm_position=position)
    block, generator = network.blocks[0], np.random.default_rng(seed)
    # Near the ends of the stream's range too, where the sum is clipped.
    sequences = [generator.integers(-32768, 32768, (steps, channels)) for steps in (3, 1, 2)]
    payloads = [payload for x in sequences for payload in step_beats(x, STREAM_WIDTH)]
    expected = [payload for x in sequences for payload in step_beats(expected_of(block, x), STREAM_WIDTH)]
    folding = LayerFolding(ArrayFolding(4, 2 if streamed else 1), 2)
    component = ResidualBlock(block, folding, streamed=streamed)
    got = run_stream(component, payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"
