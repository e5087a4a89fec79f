"""What arrives at a norm as values is shifted, rounded and clipped as `requantise` does."""

import numpy as np
import pytest
from amaranth.hdl import Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hdl.norm.sources import Values, spare_places
from hdl.primitives.fixed import saturate
from quantize.formats import Format, requantise
from quantize.layers.norm import INPUT_WIDTH, WORD, LayerNorm


class Shifted(wiring.Component):
    """A source's z, rounded and clipped as the norm does it."""

    def __init__(self, source: Values):
        self.source = source
        super().__init__({"payload": In(source.shape), "z": Out(INPUT_WIDTH)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shifted, round_bit = self.source.shifted(self.payload, Const(0, 32))
        m.d.comb += self.z.eq(saturate(shifted.as_signed() + round_bit, INPUT_WIDTH))
        return m


@pytest.mark.parametrize("shift", [-3, -1, 0, 1, 4])
def test_values_become_z_as_requantise_makes_it(shift):
    width = 16
    shifted = Shifted(Values(width, shift))
    values = [-32768, -32767, -9, -8, -7, -1, 0, 1, 7, 8, 9, 32767]
    values += np.random.default_rng(0).integers(-32768, 32768, 50).tolist()

    async def bench(ctx):
        for value in values:
            ctx.set(shifted.payload.value, value)
            z = ctx.get(shifted.z.as_signed())
            assert z == int(requantise(np.array(value), shift, INPUT_WIDTH)), value

    simulator = Simulator(shifted)
    simulator.add_testbench(bench)
    simulator.run()


def test_a_factor_goes_up_no_further_than_its_word_and_the_shift_allow():
    norm = LayerNorm(3, np.ones(3, int), 0, np.zeros(3, int), Format(16, 11))
    assert spare_places(norm, norm.normalise_shift, WORD - 4) == 0
    assert spare_places(norm, norm.normalise_shift + 1, WORD - 4) == 0
    assert spare_places(norm, norm.normalise_shift - 2, WORD - 4) == 2
    assert spare_places(norm, 0, WORD - 4) == 4
