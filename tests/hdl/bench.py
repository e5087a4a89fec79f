"""A stream test bench: feed beats, collect beats, with seeded gaps and stalls, and count cycles."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.hdl import ClockDomain, Module, Value
from amaranth.sim import Simulator

from hdl.norm.step_norm import StepNorm
from hdl.norm.streamed_step_norm import StreamedStepNorm

WATCHDOG_CYCLES = 20_000

PRESSURE: list[dict[str, Any]] = [
    {}, {"gaps": 0.5}, {"stalls": 0.7}, {"gaps": 0.3, "stalls": 0.3}, {"long_stall": 300},
]  # fmt: skip
"""Keywords of `run_stream`: no waiting, gaps before a component, stalls behind it, both, a long stall."""


def pressures(*sizes: int) -> list[tuple[int, dict[str, Any]]]:
    """Two kinds of pressure for a component of these sizes, each with a seed.

    Other sizes get others, so that all the sizes of a test together see every kind.
    """
    first = sum(sizes) % len(PRESSURE)
    return [(index, PRESSURE[index]) for index in (first, (first + 2) % len(PRESSURE))]


@dataclass
class Collected:
    """Payloads that left a component, as integers of their bits, and the cycle in which each one left.

    `at_end` holds other values, some cycles after the last payload.
    """

    payloads: list[int]
    cycles: list[int]
    at_end: list[int] = field(default_factory=list)


def beat(first: int, last: int, value: int, width: int) -> int:
    """The bits of a `hdl.primitives.streams.Beat`."""
    return (first & 1) | (last & 1) << 1 | (int(value) & ((1 << width) - 1)) << 2


def step_beats(values: np.ndarray, width: int) -> list[int]:
    """Beats of one sequence of values (steps, channels)."""
    return [
        beat(step == 0, step == len(values) - 1, value, width)
        for step, row in enumerate(values)
        for value in row
    ]


def beat_values(payloads: list[int], width: int) -> np.ndarray:
    """Signed values of beats."""
    raw = np.array([payload >> 2 for payload in payloads], dtype=np.int64)
    return np.where(raw >= 1 << (width - 1), raw - (1 << width), raw)


def assert_pace(norm: StepNorm | StreamedStepNorm, departures: list[int]) -> None:
    """Steps leave a norm as fast as it promises; one may wait for the turn of its first product."""
    spare = np.array(departures) - norm.cycles_per_step * np.arange(len(departures))
    turns = norm.pace if isinstance(norm, StreamedStepNorm) else 1
    assert np.max(spare - np.minimum.accumulate(spare)) < turns


def run_stream(
    component, payloads: list[int], count: int, *, gaps: float = 0.0, stalls: float = 0.0, seed: int = 0,
    long_stall: int = 0, taken_in: int = 1, at_end: Sequence[Value] = (),
) -> Collected:  # fmt: skip
    """Feed all payloads into `component.i` until `count` have left `component.o`.

    What stands behind it takes one in every `taken_in` cycles at most.
    """
    collected = Collected([], [])
    generator = np.random.default_rng(seed)

    async def feed(ctx):
        for payload in payloads:
            while generator.random() < gaps:
                await ctx.tick()
            ctx.set(Value.cast(component.i.payload), payload)
            ctx.set(component.i.valid, 1)
            await ctx.tick().until(component.i.ready)
            ctx.set(component.i.valid, 0)

    async def collect(ctx):
        cycle, quiet, stall, busy = 0, 0, long_stall, 0
        while len(collected.payloads) < count:
            halfway = len(collected.payloads) == count // 2
            ready = int(generator.random() >= stalls and not (stall and halfway) and not busy)
            busy = max(busy - 1, 0)
            if not ready and stall:
                stall -= 1
            ctx.set(component.o.ready, ready)
            _, _, valid, payload = await ctx.tick().sample(component.o.valid, Value.cast(component.o.payload))
            if ready and valid:
                collected.payloads.append(payload)
                collected.cycles.append(cycle)
                quiet, busy = 0, taken_in - 1
            cycle, quiet = cycle + 1, quiet + 1
            assert quiet < WATCHDOG_CYCLES, (
                f"stopped after {len(collected.payloads)} of {count} beats, seed {seed}"
            )
        # What comes after the last expected beat would be one too many.
        ctx.set(component.o.ready, 1)
        for _ in range(200):
            _, _, valid = await ctx.tick().sample(component.o.valid)
            assert not valid, f"more than {count} beats, seed {seed}"
        collected.at_end += [ctx.get(value) for value in at_end]

    # A clock for components of logic alone, too.
    top = Module()
    top.domains.sync = ClockDomain()
    top.submodules.component = component
    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed, background=True)
    simulator.add_testbench(collect)
    simulator.run()
    return collected
