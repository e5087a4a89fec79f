"""The walks of a norm over a bank: their order, their lengths, and the cycles between them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module, Signal
from amaranth.sim import Simulator

from hdl.norm.walks import GAIN, NORMALISE, SCALE, SQUARE, Walks

SETTLING = (4, 3, 5, 6)
ROOT_CYCLES = 7
STEPS = 3


def log_of_walks(channels: int, *, averages: bool, claims: float, seed: int) -> list[dict[str, int]]:
    """The walks' signals, cycle by cycle, while a root answers late and values arrive now and then."""
    m = Module()
    m.domains.sync = ClockDomain()
    root: Any = SimpleNamespace(**{name: Signal(name=name) for name in ("start", "divide", "scaled", "done")})
    outlet: Any = SimpleNamespace(enter=Signal(name="enter"), room=Signal(name="room", init=1))
    claimed = Signal()
    walks = Walks(channels, SETTLING, 8, averages=averages)
    walks.control(m, claimed, root, outlet)
    names = ("kind", "channel", "bank", "issue", "settled", "averaging", "leaves", "step_leaves", "begins")
    watched = [getattr(walks, name) for name in names]
    generator = np.random.default_rng(seed)
    log: list[dict[str, int]] = []

    async def bench(ctx):
        left, begun, since = 0, 0, 0
        while left < STEPS:
            ctx.set(walks.full, begun < STEPS)
            ctx.set(claimed, generator.random() < claims)
            # As a root does: `scaled` some cycles after its start, `done` some after it may divide.
            since = 0 if ctx.get(root.start) else since + 1
            ctx.set(root.scaled, since > ROOT_CYCLES)
            ctx.set(root.done, since > ROOT_CYCLES and ctx.get(root.divide))
            ctx.set(outlet.room, generator.random() >= claims)
            row = dict(zip(names, (ctx.get(signal) for signal in watched), strict=True))
            log.append(row | {"claimed": ctx.get(claimed)})
            left += row["step_leaves"]
            begun += row["begins"]
            assert len(log) < 2000
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return log


@pytest.mark.parametrize("averages", [False, True])
@pytest.mark.parametrize(("channels", "claims"), [(1, 0.0), (5, 0.0), (5, 0.4)])
def test_four_walks_in_order_and_then_the_channels_leave(channels, averages, claims):
    log = log_of_walks(channels, averages=averages, claims=claims, seed=channels)
    issued = [(row["kind"], row["channel"]) for row in log if row["issue"] and not row["averaging"]]
    walked = [(kind, at) for kind in (SQUARE, SCALE, NORMALISE, GAIN) for at in range(channels)]
    assert issued == walked * STEPS
    assert sum(row["issue"] and row["averaging"] for row in log) == STEPS * averages
    assert not any(row["issue"] and row["claimed"] for row in log)
    left = [(row["bank"], row["channel"]) for row in log if row["leaves"]]
    assert left == [(step % 2, at) for step in range(STEPS) for at in range(channels)]


def test_what_follows_a_walk_begins_when_its_last_result_is_there():
    channels = 4
    log = log_of_walks(channels, averages=False, claims=0.0, seed=1)
    last_issue = [cycle for cycle, row in enumerate(log) if row["issue"] and row["channel"] == channels - 1]
    settled = [(cycle, row["kind"]) for cycle, row in enumerate(log) if row["settled"]]
    assert [kind for _, kind in settled] == [SQUARE, SCALE, NORMALISE, GAIN] * STEPS
    for began, (cycle, kind) in zip(last_issue, settled, strict=True):
        assert cycle - began == SETTLING[kind]


def test_an_address_stands_for_two_cycles_as_a_channel_leaves():
    log = log_of_walks(4, averages=False, claims=0.0, seed=1)
    leaves = [cycle for cycle, row in enumerate(log) if row["leaves"]]
    for cycle in leaves:
        assert log[cycle]["channel"] == log[cycle + Walks.CHANNEL_CYCLES - 1]["channel"]
    assert np.diff(leaves).min() == Walks.CHANNEL_CYCLES
