"""The gate of a gated linear unit equals its specification, small and pipelined."""

import numpy as np
import pytest

from hdl.devices.features import LOGIC_MULTIPLIERS, MULTIPLIER_BLOCKS
from hdl.units.gate import SigmoidGate
from quantize.calibration import Precision
from quantize.formats import OPERAND_WIDTH, requantise
from tests.hdl.bench import beat, every_pressure, run_stream
from tests.networks import random_network

pytestmark = pytest.mark.usefixtures("garbage_reads")


def spec_of(model: str, bits: int):
    return random_network(model, 5, 2, 1, seed=bits, precision=Precision(bits)).blocks[0].unit


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("target", [MULTIPLIER_BLOCKS, LOGIC_MULTIPLIERS], ids=["blocks", "logic"])
@pytest.mark.parametrize(("model", "bits"), [("binary_s4d", 8), ("s4d", 4)])
def test_products_equal_the_specification(model, bits, target, sequential):
    spec = spec_of(model, bits)
    limit = 1 << (spec.sum_width - 1)
    seed, pressure = every_pressure(bits, int(sequential))
    sums = np.random.default_rng(seed).integers(-limit, limit, (12, 2))
    sums[:4] = [[-limit, limit - 1], [limit - 1, -limit], [limit - 1, limit - 1], [0, 0]]
    value = requantise(sums[:, 0], spec.value_shift, OPERAND_WIDTH)
    argument = requantise(sums[:, 1], spec.argument_shift, spec.sigmoid.argument.width)
    product = requantise(value * spec.sigmoid.compute(argument), spec.product_shift, spec.output.width)
    marks = [(index < 3, index >= 9) for index in range(len(sums))]
    payloads = [
        beat(*mark, word, spec.sum_width) for mark, pair in zip(marks, sums, strict=True) for word in pair
    ]
    expected = [beat(*mark, word, spec.output.width) for mark, word in zip(marks, product, strict=True)]
    gate = SigmoidGate(spec, target, sequential=sequential)
    got = run_stream(gate, payloads, len(expected), pressure, seed=seed)
    assert got.payloads == expected, f"seed {seed}"


@pytest.mark.parametrize("sequential", [False, True])
def test_a_pair_passes_in_the_cycles_promised(sequential):
    spec = spec_of("binary_s4d", 8)
    gate = SigmoidGate(spec, sequential=sequential)
    got = run_stream(gate, [beat(0, 0, 1, spec.sum_width)] * 40, 20)
    assert set(np.diff(got.cycles)[5:]) == {gate.pair_cycles}
