"""Places that share a multiplier each get their own product, in their turn."""

import numpy as np
import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hdl.primitives.shared_multiplier import SHARED_LATENCY, shared_multiplier, turns_of


class Shared(wiring.Component):
    """Places of one multiplier, with ports for their operands and the one product."""

    def __init__(self, places: int):
        self.places = places
        operands = In(signed(16)).array(places)
        super().__init__({"a": operands, "b": operands, "turn": Out(places), "product": Out(signed(32))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        turn = turns_of(m, self.places)
        places = shared_multiplier(m, "multiplier", turn)
        for index, place in enumerate(places):
            m.d.comb += [place.a.eq(self.a[index]), place.b.eq(self.b[index])]
        m.d.comb += [self.turn.eq(turn), self.product.eq(places[0].product)]
        return m


@pytest.mark.parametrize("places", [1, 2, 3])
def test_each_turn_gives_its_own_product_after_the_latency(places):
    shared = Shared(places)
    generator = np.random.default_rng(places)
    cycles = 40
    operands = generator.integers(-32768, 32768, (cycles, places, 2))
    operands[0] = -32768
    expected, found = [], []

    async def bench(ctx):
        for cycle in range(cycles):
            for place in range(places):
                ctx.set(shared.a[place], int(operands[cycle, place, 0]))
                ctx.set(shared.b[place], int(operands[cycle, place, 1]))
            turn = ctx.get(shared.turn)
            assert turn == 1 << cycle % places
            a, b = operands[cycle, cycle % places]
            expected.append(int(a) * int(b))
            found.append(ctx.get(shared.product))
            await ctx.tick()

    simulator = Simulator(shared)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert found[SHARED_LATENCY:] == expected[:-SHARED_LATENCY]
