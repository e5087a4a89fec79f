"""Five trits fit a byte, and come out of it in gates as they went in."""

from itertools import product

import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.sim import Simulator

from hdl.mixers.trits import pack, packed_width, unpack


@pytest.mark.parametrize(("trits", "width"), [(0, 0), (1, 2), (4, 8), (5, 8), (7, 12), (64, 104)])
def test_five_trits_take_a_byte(trits, width):
    assert packed_width(trits) == width
    for trit in (-1, 0, 1):
        assert 0 <= pack([trit] * trits) < 1 << width


def test_every_row_comes_out_as_it_went_in():
    m = Module()
    word, zero, negative = Signal(packed_width(6)), Signal(6), Signal(6)
    zeros, negatives = unpack(word, 6)
    m.d.comb += [zero.eq(Cat(*zeros)), negative.eq(Cat(*negatives))]

    async def check(ctx):
        for trits in product((-1, 0, 1), repeat=6):
            ctx.set(word, pack(trits))
            assert ctx.get(zero) == sum((trit == 0) << k for k, trit in enumerate(trits))
            assert ctx.get(negative) == sum((trit < 0) << k for k, trit in enumerate(trits))

    simulator = Simulator(m)
    simulator.add_testbench(check)
    simulator.run()
