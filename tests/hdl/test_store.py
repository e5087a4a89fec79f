"""Queues in memory lose nothing and change no order, at a value a cycle."""

import numpy as np
import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.primitives.registers import delayed
from hdl.primitives.store import Outlet, ShallowStore, Store
from tests.hdl.bench import PRESSURE, run_stream


class Pipeline(wiring.Component):
    """Nothing but registers between a stream and an outlet."""

    def __init__(self, latency: int):
        self.latency = latency
        super().__init__({"i": In(stream.Signature(signed(8))), "o": Out(stream.Signature(signed(8)))})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.outlet = outlet = Outlet(signed(8), self.latency)
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        m.d.comb += [
            self.i.ready.eq(outlet.room),
            outlet.enter.eq(self.i.valid & self.i.ready),
            outlet.arrive.eq(delayed(m, outlet.enter, self.latency)),
            outlet.value.eq(delayed(m, self.i.payload, self.latency)),
        ]
        return m


QUEUES = {
    "shallow-5": lambda: ShallowStore(signed(8), 5),
    "store-1": lambda: Store(8, 1),
    "store-3": lambda: Store(8, 3),
    "store-40": lambda: Store(8, 40),
    "outlet-1": lambda: Pipeline(1),
    "outlet-7": lambda: Pipeline(7),
}


@pytest.mark.parametrize("name", QUEUES)
def test_values_leave_as_they_came(name):
    for seed, pressure in enumerate(PRESSURE):
        values = np.random.default_rng(seed).integers(-128, 128, 40).tolist()
        got = run_stream(QUEUES[name](), values, len(values), seed=seed, **pressure)
        assert got.payloads == values, f"{pressure}, seed {seed}"


@pytest.mark.parametrize("name", QUEUES)
def test_a_value_passes_in_every_cycle(name):
    got = run_stream(QUEUES[name](), list(range(20)), 20)
    assert set(np.diff(got.cycles)) == {1}
