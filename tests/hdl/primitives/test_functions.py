"""GELU and the sigmoid in gates equal the integer functions, an argument in every cycle."""

from collections.abc import Callable

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hdl.primitives.functions import (
    GELU_LATENCY,
    SIGMOID_LATENCY,
    gelu_of,
    gelu_pipeline,
    rise_of,
    sigmoid_of,
)
from quantize.layers.functions import Gelu, Sigmoid

GELU, SIGMOID = Gelu(), Sigmoid()


def arguments() -> np.ndarray:
    """Both sides of every step of the tables, the ends of the word, and drawn ones."""
    step = 1 << min(GELU.table.index_shift, SIGMOID.table.index_shift)
    edges = np.arange(-32768, 32768, 8 * step)
    drawn = np.random.default_rng(0).integers(-32768, 32768, 500)
    near = np.arange(-40, 41)
    return np.unique(np.concatenate([edges, np.maximum(edges - 1, -32768), drawn, near, [32767]]))


class Tried(wiring.Component):
    """An argument goes into a function's logic, and its value comes out."""

    def __init__(self, function: Callable[[Module, Signal], Value]):
        self.function = function
        super().__init__({"x": In(signed(16)), "y": Out(signed(16))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.y.eq(self.function(m, self.x))
        return m


def values_of(function: Callable[[Module, Signal], Value], latency: int, x: np.ndarray) -> list[int]:
    """What the logic gives of each argument, one in every cycle."""
    tried, found = Tried(function), []

    async def bench(ctx):
        for cycle in range(len(x) + latency):
            ctx.set(tried.x, int(x[min(cycle, len(x) - 1)]))
            await ctx.tick()
            if cycle >= latency - 1:
                found.append(ctx.get(tried.y))

    simulator = Simulator(tried)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found[: len(x)]


@pytest.mark.parametrize(
    ("function", "latency", "expected"),
    [
        pytest.param(lambda m, x: gelu_pipeline(m, GELU, x), GELU_LATENCY, GELU.compute, id="gelu"),
        pytest.param(lambda m, x: sigmoid_of(m, SIGMOID, x), SIGMOID_LATENCY, SIGMOID.compute, id="sigmoid"),
    ],
)
def test_pipeline_equals_the_integer_function(function, latency, expected):
    x = arguments()
    assert values_of(function, latency, x) == expected(x).tolist()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        pytest.param(lambda m, x: gelu_of(m, GELU, x), GELU.compute, id="gelu"),
        pytest.param(lambda m, x: rise_of(m, SIGMOID, x), SIGMOID.rise, id="rise"),
    ],
)
def test_function_of_an_argument_that_stands_equals_the_integer_one(function, expected):
    """The table answers a cycle later, while the argument is still there."""
    x = arguments()[::3]
    standing = np.repeat(x, 2)
    assert values_of(function, 1, standing)[::2] == expected(x).tolist()
