"""Small stream components keep their values, with what they make of them: `tests.formal.claims` of each.

Those whose function is small enough are claimed to give the right value; of the others values are counted.
The proofs reach over runs of any length, but for the mean's.
"""

import numpy as np
import pytest
from amaranth.hdl import Cat, Const, Module, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link import Link
from boards.step_receiver import StepReceiver
from hdl.encoder.embedding import Embedding
from hdl.head.step_pools import EveryStepPool
from hdl.mixers.burst import BurstMixer
from hdl.mixers.event import TernaryEventMixer
from hdl.mixers.parallel import ParallelMixer
from hdl.mixers.serial import SerialMixer
from hdl.mixers.table import TableMixer
from hdl.norm.mean_subtract import MeanSubtract
from hdl.primitives.divider import SerialDivider
from hdl.primitives.serial_multiplier import SerialMultiplier
from hdl.units.activations import Spikes
from hdl.units.gate import SigmoidGate
from hdl.units.gsu.gate_product import GateProduct
from quantize.calibration import Precision
from quantize.formats import Format
from quantize.layers.embedding import EmbeddingSpec
from quantize.layers.head import POOLED_WIDTH
from quantize.layers.norm import LayerNorm
from quantize.layers.repeated import EveryStepSpec
from quantize.mixing import TernaryProduct, adder_graph
from tests.formal.claims import Claims, Part, keeps
from tests.formal.for_ever import Verdict, search
from tests.hdl.collisions import garbage_for_undefined_reads
from tests.networks import random_network

pytestmark = pytest.mark.formal

A, B = 3, 3
"""Bits of a multiplier's operands."""
DIVISOR = 3
TABLE = np.array([[1, -1], [0, 1]])


def product(payload: Value) -> Value:
    return payload[:A].as_signed() * payload[A:].as_signed()


class DividerByThree(wiring.Component):
    """A divider with a divisor that stands still, of dividends whose quotient fits two bits."""

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(4)), "o": Out(stream.Signature(2))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.divider = divider = SerialDivider(2, 2)
        wiring.connect(m, divider.o, wiring.flipped(self.o))
        m.d.comb += [
            divider.i.valid.eq(self.i.valid),
            divider.i.payload.eq(self.i.payload % (DIVISOR << 2)),
            divider.negated.eq(-DIVISOR),
            self.i.ready.eq(divider.i.ready),
        ]
        return m


MIX = TernaryProduct(np.array([[1, -1], [0, 1]]), 2)
"""y0 = x0 and y1 = x1 - x0, of values of two bits."""


def mixed(payload: Value) -> Value:
    """The product of a vector, its marks in front."""
    x0, x1 = payload[2:4].as_signed(), payload[4:6].as_signed()
    sums = (x + Const(0, signed(MIX.sum_width)) for x in (x0, x1 - x0))
    return Cat(payload[:2], *(total[: MIX.sum_width] for total in sums))


def unit(model: str):
    """Of a layer of two channels, with few bits."""
    return random_network(model, 2, 1, 1, seed=1, precision=Precision(3, 6)).blocks[0].unit


def norm() -> LayerNorm:
    return LayerNorm(2, np.ones(2, int), 0, np.zeros(2, int), Format(16, 11))


def embedding() -> Embedding:
    return Embedding(EmbeddingSpec(Format(16, 10), np.array([[1, -2], [3, 4], [5, -6]])))


PARTS = {
    "multiplier, a bit a cycle": Part(lambda: SerialMultiplier(A, B), 1, B, product),
    "multiplier, two bits a cycle": Part(lambda: SerialMultiplier(A, B, 2), 1, 2, product),
    "divider": Part(DividerByThree, 1, 3, lambda payload: (payload % (DIVISOR << 2)) // DIVISOR),
    "embedding": Part(embedding, 3, 4, outputs=2),
    "receiver of steps": Part(lambda: StepReceiver(Link(1, 8, 2, 16, 512)), 1, 2, inputs=2),
    "spikes": Part(lambda: Spikes(unit("binary_s4d")), 0, 0),
    "every step": Part(lambda: EveryStepPool(EveryStepSpec(Format(POOLED_WIDTH, 10), 2)), 0, 0),
    "parallel mixer": Part(lambda: ParallelMixer(adder_graph(MIX, rounds=1), complements=True), 3, 3, mixed),
    "serial mixer": Part(lambda: SerialMixer(adder_graph(MIX, rounds=1)), 3, 12, mixed),
    "burst mixer": Part(
        lambda: BurstMixer(ParallelMixer(adder_graph(MIX, rounds=1), complements=False)), 4, 8,
        inputs=2, outputs=2,
    ),
    "table mixer": Part(lambda: TableMixer(MIX, 1), 4, 12, inputs=2, outputs=2),
    "event mixer": Part(lambda: TernaryEventMixer(MIX, 1), 4, 16, inputs=2, outputs=2),
    "mean": Part(lambda: MeanSubtract(norm()), 3, 12, inputs=2, outputs=2, cycles=16),
    "gate": Part(lambda: SigmoidGate(unit("binary_s4d")), 8, 12, inputs=2),
    "gate, a pair at a time": Part(
        lambda: SigmoidGate(unit("binary_s4d"), sequential=True), 1, 12, inputs=2
    ),
    "gate product": Part(lambda: GateProduct(unit("gsu")), 1, 8),
}  # fmt: skip

QUICK = ("multiplier, two bits a cycle", "divider", "every step")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in PARTS]
)
def test_stream_components_keep_every_value_and_let_it_leave(tmp_path, name):
    with garbage_for_undefined_reads():
        assert keeps(PARTS[name], Claims(PARTS[name]), tmp_path)


def test_a_wrong_value_is_found(tmp_path):
    wrong = Part(lambda: SerialMultiplier(A, B, 2), 1, 2, lambda payload: product(payload) + (payload == 1))
    assert search(Claims(wrong), tmp_path) is Verdict.VIOLATED


def test_a_value_that_takes_longer_is_found(tmp_path):
    assert search(Claims(Part(lambda: SerialMultiplier(A, B, 2), 1, 1)), tmp_path) is Verdict.VIOLATED
