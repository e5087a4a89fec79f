"""A stream test bench: feed beats, collect beats, with seeded gaps and stalls, and count cycles."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from amaranth.hdl import Cat, ClockDomain, Module, Signal, Value
from amaranth.sim import Simulator

from hdl.norm.step_norm import StepNorm
from hdl.norm.streamed_step_norm import StreamedStepNorm

WATCHDOG_CYCLES = 20_000
QUIET_CYCLES = 200
"""How long nothing may follow the last beat that is expected."""


@dataclass(frozen=True)
class Pressure:
    """How often the source pauses and the sink stalls, as probabilities, and a stall at first, in cycles."""

    gaps: float = 0.0
    stalls: float = 0.0
    long_stall: int = 0


PRESSURE = [
    Pressure(), Pressure(gaps=0.5), Pressure(stalls=0.7), Pressure(gaps=0.3, stalls=0.3),
    Pressure(long_stall=300),
]  # fmt: skip
"""No waiting, gaps before a component, stalls behind it, both, a long stall that fills every queue."""


def every_pressure(*sizes: int) -> tuple[int, list[Pressure]]:
    """All kinds of pressure, one after the other, for a component of these sizes; and a seed.

    Other sizes begin with others.
    """
    first = sum(sizes) % len(PRESSURE)
    return first, PRESSURE[first:] + PRESSURE[:first]


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
    component, payloads: list[int], count: int, pressure: Sequence[Pressure] = PRESSURE[:1], *,
    seed: int = 0, taken_in: int = 1, at_end: Sequence[Value] = (),
) -> Collected:  # fmt: skip
    """Feed all payloads into `component.i` until `count` have left `component.o`.

    Each of the pressures acts while an equal share of the payloads leaves. What stands behind the component
    takes one in every `taken_in` cycles at most.
    """
    collected = Collected([], [])
    generator = np.random.default_rng(seed)
    # A clock for components of logic alone, too. Inputs are one signal and outputs another, because what a
    # test bench sets and samples is interpreted.
    top = Module()
    top.domains.sync = ClockDomain()
    top.submodules.component = component
    taken, given = Value.cast(component.i.payload), Value.cast(component.o.payload)
    driven, sampled = Signal(2 + len(taken)), Signal(2 + len(given))
    top.d.comb += [
        Cat(component.i.valid, component.o.ready, taken).eq(driven),
        sampled.eq(Cat(component.i.ready, component.o.valid, given)),
    ]

    mask = (1 << len(taken)) - 1
    # Integers of payloads are signed where the payload is a signed number.
    half = 1 << len(given) >> 1 if given.shape().signed else 0

    async def bench(ctx):
        before, cycle, quiet, busy, offered, fed = 0, 0, 0, 0, False, 0
        phase, stall = 0, pressure[0].long_stall
        while len(collected.payloads) < count:
            share = len(collected.payloads) * len(pressure) // count
            if share != phase:
                phase, stall = share, pressure[share].long_stall
            now = pressure[phase]
            offered = offered or (fed < len(payloads) and generator.random() >= now.gaps)
            ready = not stall and not busy and generator.random() >= now.stalls
            busy, stall = max(busy - 1, 0), max(stall - 1, 0)
            drive = offered | ready << 1 | ((payloads[fed] & mask) << 2 if offered else 0)
            if drive != before:
                ctx.set(driven, drive)
                before = drive
            *_, bits = await ctx.tick().sample(sampled)
            if offered and bits & 1:
                offered, fed = False, fed + 1
            if ready and bits & 2:
                collected.payloads.append((bits >> 2 ^ half) - half)
                collected.cycles.append(cycle)
                quiet, busy = 0, taken_in - 1
            cycle, quiet = cycle + 1, quiet + 1
            assert quiet < WATCHDOG_CYCLES, (
                f"stopped after {len(collected.payloads)} of {count} beats, seed {seed}"
            )
        # What comes after the last expected beat would be one too many.
        ctx.set(driven, 2)
        for _ in range(QUIET_CYCLES):
            *_, bits = await ctx.tick().sample(sampled)
            assert not bits & 2, f"more than {count} beats, seed {seed}"
        collected.at_end += [ctx.get(value) for value in at_end]

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return collected
