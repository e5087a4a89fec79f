"""Queues lose nothing and change no order, at as many values a cycle as they promise."""

import numpy as np
import pytest
from amaranth.hdl import signed

from hdl.primitives.deep_fifo import BlockFifo, ShallowFifo
from hdl.primitives.fifo import RegisterFifo
from tests.hdl.bench import PRESSURE, run_stream
from tests.hdl.pipeline import Pipeline

pytestmark = pytest.mark.usefixtures("garbage_reads")
"""Nothing here may depend on a read that collides with a write."""

QUEUES = {
    "queue-2": lambda: RegisterFifo(signed(8), 2),
    "queue-5": lambda: RegisterFifo(signed(8), 5),
    "short-outlet-1": lambda: Pipeline(1, 1),
    "short-outlet-6": lambda: Pipeline(6, 1),
    "shallow-5": lambda: ShallowFifo(signed(8), 5),
    "store-1": lambda: BlockFifo(8, 1),
    "store-3": lambda: BlockFifo(8, 3),
    "store-40": lambda: BlockFifo(8, 40),
    "outlet-1": lambda: Pipeline(1),
    "outlet-7": lambda: Pipeline(7),
}


SLOW_QUEUES = {
    "queue-1": (lambda: RegisterFifo(signed(8), 1), 2),
    "short-outlet-6-by-2": (lambda: Pipeline(6, 2), 2),
    "short-outlet-3-by-5": (lambda: Pipeline(3, 5), 5),
}
"""Names of such as do not take a value a cycle -> how to make them, and their cycles a value."""


def make(name: str):
    return QUEUES[name]() if name in QUEUES else SLOW_QUEUES[name][0]()


@pytest.mark.parametrize("name", [*QUEUES, *SLOW_QUEUES])
def test_values_leave_as_they_came(name):
    values = np.random.default_rng(0).integers(-128, 128, 200).tolist()
    got = run_stream(make(name), values, len(values), PRESSURE)
    assert got.payloads == values


@pytest.mark.parametrize("name", QUEUES)
def test_a_value_passes_in_every_cycle(name):
    got = run_stream(QUEUES[name](), list(range(20)), 20)
    assert set(np.diff(got.cycles)) == {1}


@pytest.mark.parametrize("name", SLOW_QUEUES)
def test_values_pass_as_often_as_promised(name):
    queue, cycles = SLOW_QUEUES[name]
    got = run_stream(queue(), list(range(24)), 24)
    assert np.diff(got.cycles).mean() <= cycles
