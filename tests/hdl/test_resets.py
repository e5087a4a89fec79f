"""No component keeps anything across a reset, in whatever cycle it comes: accumulators, flags, and the rest.

Payloads that nobody offers are garbage, so nothing depends on them either: proofs of equivalence compare what
a stream carries where it is valid (`benchmarks.local_equivalence`).
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from pkgutil import walk_packages
from random import Random
from typing import Any

import pytest
from amaranth.hdl import Fragment, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

import boards
import hdl
from benchmarks.drawn import drawn_folding, drawn_loop
from boards.clocking import BoardShell
from boards.top import BoardTop, SpiTop
from hdl.emit.harness import SerialHarness
from hdl.head.running_pool import StreamedRunningPool
from hdl.network.axis import AxisNetwork
from hdl.network.counted import CountedNetwork
from hdl.network.folding import Folding
from hdl.network.reloadable import ReloadableNetwork, tables_of
from hdl.network.residual_fifo import ResidualFifo, ResidualFork
from hdl.network.top import Network
from hdl.primitives.fast_contents import _Probe
from hdl.ssm.array import NeuronArray
from hdl.ssm.schedule import HELPER_MODES
from hdl.units.gsu.unit import LeanFrame
from quantize.calibration import Precision
from quantize.formats import Format
from quantize.kinds import ARRAYS, HEADS, UNITS
from quantize.layers.head import POOLED_WIDTH
from quantize.layers.leapfrog import LeapfrogSpec
from quantize.layers.repeated import RunningSpec
from quantize.network import QuantizedNetwork
from quantize.shared import with_shared_formats
from tests.formal.test_streams import PARTS
from tests.hdl.one_stream import (
    Asked,
    Axis,
    Counted,
    Exchange,
    Head,
    Line,
    Loadable,
    Recorded,
    Rejoined,
    SpiLine,
)
from tests.hdl.resets import Source, unlike_fresh
from tests.networks import random_network

CHANNELS = 2
BUILDS = {
    "small": (False, 0),
    "smallest": (False, -1),
    "streamed": (True, 0),
    "streamed, slowest": (True, -1),
}
"""Whether a build is streamed, and which one of all foldings it has."""


def built(build: str, model: str, layers: int = 1, top: Callable[..., Any] = Network, **options: Any) -> Any:
    """A small network's circuit, in one of `BUILDS`, or another top around it."""
    network = random_network(model, CHANNELS, 1, layers, seed=1, precision=Precision(3, 6), **options)
    streamed, which = BUILDS[build]
    if layers > 1:
        network = with_shared_formats(network)
        return top(network, drawn_loop(network, lambda choices: choices[which]))
    return top(network, drawn_folding(network, streamed=streamed, one=lambda choices: choices[which]))


def loadable_network(network: QuantizedNetwork, folding: Folding) -> ReloadableNetwork:
    """A network's circuit with tables that can be loaded."""
    return ReloadableNetwork(Network(network.for_any_contents(), folding))


def network_of_moved_tables(network: QuantizedNetwork, folding: Folding) -> ReloadableNetwork:
    """Likewise, the array's coefficients in single-port memories: they begin as zeros here."""
    tables = tables_of(network.for_any_contents(), folding)
    bits = [table.width if table.name == "coefficients" else 0 for table in tables]
    assert any(bits)
    return ReloadableNetwork(Network(network.for_any_contents(), folding), single_port_bits=bits)


def part_of(take: Callable[[Network], Any], build: str, model: str, **options: Any) -> Any:
    """A component of a small network's circuit."""
    return take(built(build, model, **options))


RUNNING = RunningSpec(Format(POOLED_WIDTH, 10), StreamedRunningPool.LEAST_CHANNELS, 3, 1)


def complex_array(multipliers: int, *, has_helper: bool = False) -> NeuronArray:
    """Of few modes, with so many multipliers and perhaps a helper."""
    network = random_network("s4d", CHANNELS, HELPER_MODES, 1, seed=1, precision=Precision(3, 6))
    spec = network.blocks[0].array
    assert isinstance(spec, LeapfrogSpec)
    return NeuronArray(spec, multipliers, has_helper=has_helper)


def parts() -> dict[str, tuple[Callable[[], Any], int]]:
    """What makes each component, and the cycles of a run, in which two steps leave at least."""
    found: dict[str, tuple[Callable[[], Any], int]] = {}

    def of(
        name: str, cycles: int, take: Callable[[Network], Any], model: str = "binary_s4d", **options: Any
    ) -> None:
        for build in BUILDS:
            found[f"{name}, {build}"] = (partial(part_of, take, build, model, **options), cycles)

    of("encoder", 60, lambda network: network.encoder)
    of("norm", 260, lambda network: network.blocks[0].norm_before, norm="layer")
    for array in ARRAYS:
        of(f"array {array}", 80, lambda network: network.blocks[0].array, array=array)
    for model in UNITS:
        of(f"unit {model}", 260 if model == "gsu" else 120, lambda network: network.blocks[0].unit, model)
    for head in HEADS:
        options: dict[str, Any] = {"stride": 1, "time_constant": 4} if head == "running" else {}
        of(f"head {head}", 150, Head, pooling=head, **options)
    found["residual FIFO"] = (lambda: Rejoined(ResidualFifo(6, CHANNELS, 2)), 60)
    found["residual fork"] = (lambda: Rejoined(ResidualFork(6, CHANNELS, 2)), 60)
    found["streamed running pool"] = (lambda: StreamedRunningPool(RUNNING), 60)
    found["array with a helper"] = (partial(complex_array, 2, has_helper=True), 120)
    found["array with three multipliers"] = (partial(complex_array, 3), 120)
    found["layer loop"] = (lambda: built("small", "gsu_lean", 2).blocks[0], 300)
    found["network"] = (lambda: built("small", "binary_s4d"), 300)
    found["network with counters"] = (lambda: Counted(built("small", "binary_s4d", top=CountedNetwork)), 300)
    found["network between AXI4-Streams"] = (lambda: Axis(built("small", "binary_s4d", top=AxisNetwork)), 300)
    found["network with loadable tables"] = (
        lambda: Loadable(built("small", "binary_s4d", top=loadable_network)), 300
    )  # fmt: skip
    found["network with tables in single-port memories"] = (
        lambda: Loadable(built("small", "binary_s4d", top=network_of_moved_tables)), 300
    )  # fmt: skip
    found |= {
        "table receiver": (Recorded, 200),
        "serial line": (Line, 200),
        "SPI line": (SpiLine, 600),
        "serial link": (Exchange, 120),
        "board counters": (Asked, 100),
    }
    return found | {f"stream, {name}": (part.make, 60) for name, part in PARTS.items()}


ALL = parts()


def left_behind(name: str, count: int) -> list[int]:
    """Cycles after which a reset leaves something in a component, of so many and some more of its run."""
    make, cycles = ALL[name]
    component = make()
    beats_per_step = 1 if name.startswith(("encoder", "network")) else CHANNELS
    if isinstance(component, StreamedRunningPool):
        beats_per_step = component.spec.channels
    return unlike_fresh(component, beats_per_step, range(3, cycles, cycles // count), cycles)


QUICK = [name for name in ALL if not name.endswith((", small", ", slowest"))]
THOROUGH = 16
"""Resets in a component's run, for which there is time in slow tests only."""


@pytest.mark.parametrize("name", QUICK)
def test_a_reset_leaves_nothing_behind(name):
    assert left_behind(name, 5) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_no_reset_of_many_leaves_anything_behind(name):
    assert left_behind(name, THOROUGH) == []


class Sum(wiring.Component):
    """A sum of three values at a time, begun with the first one after each; a reset leaves it or not."""

    def __init__(self, *, reset_less: bool):
        self.total, self.count = Signal(8, reset_less=reset_less), Signal(2)
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [
            self.o.valid.eq(self.count == 3),
            self.o.payload.eq(self.total),
            self.i.ready.eq(~self.o.valid),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [self.total.eq(self.total + self.i.payload), self.count.eq(self.count + 1)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [self.total.eq(0), self.count.eq(0)]
        return m


@pytest.mark.parametrize("reset_less", [False, True])
def test_a_sum_that_a_reset_leaves_is_found(reset_less):
    assert bool(unlike_fresh(Sum(reset_less=reset_less), 1, range(20), 20)) == reset_less


WHOLES = {BoardShell, BoardTop, SpiTop, SerialHarness}
"""They join parts that are tried here with pins; simulations of boards reset them in mid-sequence."""
NEVER_ALONE = {LeanFrame, _Probe}
"""Units inherit from the one, and the other is built but never run."""


def subclasses(of: type[Any]) -> Iterator[type[Any]]:
    """All the classes below one."""
    one: type[Any]
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


def components() -> set[type[Any]]:
    """The components that can be made, in any module of circuits; a new one cannot be forgotten."""
    for package in (hdl, boards):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    return {
        one
        for one in subclasses(wiring.Component)
        if one.__module__.startswith(("hdl.", "boards.")) and not is_abstract(one)
    }


def is_abstract(one: type[Any]) -> bool:
    """Whether a class leaves methods to those that inherit from it."""
    left = any(getattr(getattr(one, name), "__isabstractmethod__", False) for name in dir(one))
    return left or not hasattr(one, "elaborate")


def inside(fragment: Fragment) -> set[type[Any]]:
    """The classes of what a circuit is made of."""
    classes = {type(origin) for origin in fragment.origins or ()}
    return classes.union(*(inside(part) for part, *_ in fragment.subfragments))


def untried(names: Iterable[str]) -> set[type[Any]]:
    """Components that are in none of the circuits so named."""
    missing = components() - WHOLES - NEVER_ALONE
    for name in names:
        if missing:
            missing -= inside(Fragment.get(ALL[name][0](), None))
    return missing


def test_the_link_is_given_wrong_checksums_and_right_ones():
    component = Exchange()
    source, ends = Source(component, 1, Random(0)), set()

    async def bench(ctx: Any) -> None:
        taken = False
        ctx.set(component.o.ready, 1)
        for _ in range(200):
            valid, payload = source.next(taken)
            ctx.set(component.i.valid, valid)
            ctx.set(component.i.payload, payload)
            *_, ready, accepted, refused = await ctx.tick().sample(
                component.i.ready, component.accepted, component.refused
            )
            taken = valid and bool(ready)
            ends.add((accepted, refused))

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert ends == {(0, 0), (0, 1), (1, 0)}


@pytest.mark.slow
def test_every_component_is_tried_with_resets():
    assert untried(ALL) == set()
