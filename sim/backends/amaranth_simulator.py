"""Amaranth's own simulator: nothing to install, and slow (some ten thousand cycles a second)."""

import time
from functools import partial
from pathlib import Path

from amaranth.hdl import Cat, ClockDomain, Module, Signal, Value
from amaranth.lib.wiring import Component
from amaranth.sim import Simulator, SimulatorContext

from sim.backends.base import MANY_CYCLES, WATCHDOG, Backend, Prepared
from sim.player import Phase, Player
from sim.ports import Field, ports_of
from sim.stimulus import Stimulus
from sim.trace import Run


class AmaranthSimulator(Backend):
    """Backend on `amaranth.sim`; outputs are sampled with the tick, never after it."""

    name = "amaranth"

    def prepare(self, design: Component, folder: Path, cycles: int = MANY_CYCLES) -> Prepared:
        """Nothing is compiled, so `folder` stays unused. See `Backend.prepare`."""
        return partial(self._simulate, design)

    def _simulate(
        self, design: Component, stimulus: Stimulus, watchdog: int = WATCHDOG, record: bool = False
    ) -> Run:
        ports = ports_of(design)
        player = Player(stimulus, ports, watchdog, record)
        taps = [getattr(design, f"tap_{name}") for name in ports.taps]
        top = Module()
        top.domains.sync = domain = ClockDomain()
        top.submodules.design = design

        # All inputs are one signal and all outputs another: the simulator compiles the wiring of the top
        # module, while what a test bench sets or samples is interpreted, piece by piece.
        inputs = [domain.rst, design.i.valid, design.o.ready, Value.cast(design.i.payload)]
        outputs = [design.i.ready, design.o.valid, *(tap.valid for tap in taps)]
        outputs += [Value.cast(design.o.payload), *(tap.value for tap in taps)]
        driven = Signal(sum(len(value) for value in inputs))
        sampled = Signal(sum(len(value) for value in outputs))
        top.d.comb += [Cat(*inputs).eq(driven), sampled.eq(Cat(*outputs))]

        ready, valid, *fields = _places(outputs)
        tap_valid, (payload, *tap_value) = fields[: len(taps)], fields[len(taps) :]
        any_tap = sum(1 << field.offset for field in tap_valid)

        async def bench(ctx: SimulatorContext) -> None:
            before = 0
            while player.phase is not Phase.DONE:
                drive = player.drive()
                now = drive.reset | drive.valid << 1 | drive.ready << 2 | drive.payload << 3
                if now != before:
                    ctx.set(driven, now)
                    before = now
                *_, bits = await ctx.tick().sample(sampled)
                moved = []
                if bits & any_tap:
                    moved = [
                        (index, tap_value[index].signed(bits))
                        for index, field in enumerate(tap_valid)
                        if field.unsigned(bits)
                    ]
                player.observe(
                    bool(ready.unsigned(bits)), bool(valid.unsigned(bits)), payload.unsigned(bits), moved
                )

        simulator = Simulator(top)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        start = time.thread_time()
        simulator.run()
        return player.run(self.name, time.thread_time() - start)


def _places(values: list[Value]) -> list[Field]:
    """Places of `values` in their concatenation."""
    fields, offset = [], 0
    for value in values:
        fields.append(Field(offset, len(value)))
        offset += len(value)
    return fields
