"""A word is chosen by the bit that says whose turn it is."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hdl.primitives.selection import NEAR, choosing_cycles, chosen


class Chooser(wiring.Component):
    """So many words of a byte, and a turn."""

    def __init__(self, count: int):
        self.count = count
        super().__init__({"words": In(8).array(count), "turn": In(count), "o": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words = [self.words[index] for index in range(self.count)]
        m.d.comb += self.o.eq(chosen(m, "word", words, self.turn))
        return m


@pytest.mark.parametrize("count", [2, NEAR, NEAR + 1, NEAR**2 + 1])
def test_the_word_of_each_turn_comes_after_the_cycles_it_takes(count):
    chooser = Chooser(count)
    words = np.random.default_rng(count).integers(1, 256, count).tolist()

    async def bench(ctx):
        for index, word in enumerate(words):
            ctx.set(chooser.words[index], word)
        for index, word in enumerate(words):
            ctx.set(chooser.turn, 1 << index)
            for _ in range(choosing_cycles(count)):
                await ctx.tick()
            assert ctx.get(chooser.o) == word
        ctx.set(chooser.turn, 0)
        for _ in range(choosing_cycles(count)):
            await ctx.tick()
        assert ctx.get(chooser.o) == 0

    simulator = Simulator(chooser)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_a_single_word_needs_nobody_to_choose_it():
    assert choosing_cycles(1) == 0
    word = Signal(8)
    assert chosen(Module(), "word", [word], Signal(1)) is word
