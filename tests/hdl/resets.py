"""A reset in any cycle of a short run: what follows it has to be what a fresh component does."""

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from amaranth.hdl import Cat, ClockDomain, Module, Signal, Value
from amaranth.sim import Simulator

from hdl.primitives.streams import Beat

LENGTHS = (2, 1)
"""Steps of the sequences that a component is given in turn."""
PAUSE = 0.15
"""Probability that the source has nothing to offer, and that nothing is taken from a component."""


class Source:
    """Offers drawn beats to a component: values at the edges of their range too, garbage where it has none.

    Parameters
    ----------
    component : Component
    beats_per_step : int
        Of a component that is given `Beat`s; payloads are any bits otherwise.
    random : Random
    """

    def __init__(self, component: Any, beats_per_step: int, random: Random):
        payload = component.i.payload
        self.marks = self._marks(beats_per_step) if isinstance(payload.shape(), Beat) else None
        self.width = len(Value.cast(payload))
        self.edges = (0, (1 << self.width - 1) - 1, 1 << self.width - 1, (1 << self.width) - 1)
        self.random = random
        self.offer: int | None = None

    def _marks(self, beats_per_step: int) -> Iterator[int]:
        while True:
            for steps in LENGTHS:
                for step in range(steps):
                    yield from [(step == 0) | (step == steps - 1) << 1] * beats_per_step

    def _bits(self) -> int:
        if self.random.random() < 0.2:
            return self.random.choice(self.edges)
        return self.random.getrandbits(self.width)

    def next(self, taken: bool) -> tuple[bool, int]:
        """Whether a beat is offered in the next cycle, and the payload's bits."""
        if taken:
            self.offer = None
        if self.offer is None and self.random.random() >= PAUSE:
            self.offer = self._bits()
            if self.marks is not None:
                self.offer = self.offer & ~3 | next(self.marks)
        return self.offer is not None, self._bits() if self.offer is None else self.offer


def unlike_fresh(component: Any, beats_per_step: int, resets: Iterable[int], cycles: int) -> list[int]:
    """The cycles of a run after which a reset leaves something behind.

    Parameters
    ----------
    component : Component
        With streams `i` and `o`.
    beats_per_step : int
    resets : iterable of int
        Cycles of a run in which a reset comes, one after the other.
    cycles : int
        That are compared behind each of them with those of the fresh component.
    """
    top = Module()
    top.domains.sync = domain = ClockDomain()
    top.submodules.component = component
    # One signal each way: the simulator compiles the wiring, and interprets what a test bench sets.
    inputs = [domain.rst, component.i.valid, component.o.ready, Value.cast(component.i.payload)]
    outputs = [component.i.ready, component.o.valid, Value.cast(component.o.payload)]
    driven, told = (Signal(sum(map(len, ports))) for ports in (inputs, outputs))
    top.d.comb += [Cat(*inputs).eq(driven), told.eq(Cat(*outputs))]
    left: list[int] = []

    async def play(ctx: Any, seed: int, count: int) -> list[int]:
        """What a component tells in so many cycles after a reset: payloads where they are valid."""
        source, random = Source(component, beats_per_step, Random(seed)), Random(~seed)
        taken, done = False, []
        for _ in range(count):
            valid, payload = source.next(taken)
            ctx.set(driven, valid << 1 | (random.random() >= PAUSE) << 2 | payload << 3)
            *_, bits = await ctx.tick().sample(told)
            taken = bool(valid and bits & 1)
            done.append(bits if bits & 2 else bits & 1)
        ctx.set(driven, 1)
        await ctx.tick()
        return done

    async def bench(ctx: Any) -> None:
        fresh = await play(ctx, 0, cycles)
        assert any(bits & 2 for bits in fresh), "nothing comes out in so few cycles"
        for cycle in resets:
            await play(ctx, 1 + cycle, cycle)
            if await play(ctx, 0, cycles) != fresh:
                left.append(cycle)

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return left
