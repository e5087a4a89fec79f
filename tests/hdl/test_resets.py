"""No component keeps anything across a reset, in whatever cycle it comes: accumulators, flags, and the rest.

Payloads that nobody offers are garbage, so nothing depends on them either: proofs of equivalence compare what
a stream carries where it is valid (`benchmarks.local_equivalence`).
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest
from amaranth.hdl import Cat, Fragment, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

import boards
import hdl
from benchmarks.drawn import drawn_folding, drawn_loop
from boards.crc import SerialChecksum
from boards.frame_receiver import FrameReceiver
from boards.link import Link
from boards.message_transmitter import MessageTransmitter
from boards.step_receiver import StepReceiver
from boards.uart import UartReceiver, UartTransmitter
from hdl.head.running_pool import StreamedRunningPool
from hdl.network.residual_fifo import ResidualFifo, ResidualFork
from hdl.network.top import Network
from hdl.ssm.array import NeuronArray
from hdl.ssm.schedule import HELPER_MODES
from quantize.calibration import Precision
from quantize.formats import Format
from quantize.kinds import ARRAYS, HEADS, UNITS
from quantize.layers.head import POOLED_WIDTH
from quantize.layers.leapfrog import LeapfrogSpec
from quantize.layers.repeated import RunningSpec
from quantize.shared import with_shared_formats
from tests.formal.test_streams import PARTS
from tests.hdl.resets import unlike_fresh
from tests.networks import random_network

CHANNELS = 2
BUILDS = {
    "small": (False, 0),
    "smallest": (False, -1),
    "streamed": (True, 0),
    "streamed, slowest": (True, -1),
}
"""Whether a build is streamed, and which one of all foldings it has."""


class Head(wiring.Component):
    """A pool and its decoder."""

    def __init__(self, network: Network):
        self.pool, self.decoder = network.pool, network.decoder
        super().__init__({"i": In(self.pool.i.signature.flip()), "o": Out(self.decoder.o.signature)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.pool, m.submodules.decoder = self.pool, self.decoder
        wiring.connect(m, wiring.flipped(self.i), self.pool.i)
        wiring.connect(m, self.pool.o, self.decoder.i)
        wiring.connect(m, self.decoder.o, wiring.flipped(self.o))
        return m


class Rejoined(wiring.Component):
    """Both streams of a residual's queue as one: values leave together with those held back for later."""

    def __init__(self, ring: Any):
        self.ring = ring
        super().__init__({"i": In(ring.i.signature.flip()), "o": Out(stream.Signature(2 * ring.width + 2))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ring = ring = self.ring
        wiring.connect(m, wiring.flipped(self.i), ring.i)
        m.d.comb += [
            self.o.valid.eq(ring.o.valid & ring.o_residual.valid),
            self.o.payload.eq(Cat(ring.o.payload, ring.o_residual.payload)),
            ring.o.ready.eq(self.o.ready & ring.o_residual.valid),
            ring.o_residual.ready.eq(self.o.ready & ring.o.valid),
        ]
        return m


class Line(wiring.Component):
    """Bytes over a serial line."""

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.transmitter, m.submodules.receiver = transmitter, receiver = (
            UartTransmitter(4),
            UartReceiver(4),
        )
        wiring.connect(m, wiring.flipped(self.i), transmitter.i)
        wiring.connect(m, receiver.o, wiring.flipped(self.o))
        m.d.comb += receiver.rx.eq(transmitter.tx)
        return m


class Exchange(wiring.Component):
    """The board's ends of the link: any bytes in frames of one step, whose values come back as logits.

    The checksum of frames is taken for right; messages carry one bit of each byte in theirs.
    """

    LINK = Link(features=2, width=8, classes=2, logit_width=8)
    HEADER = 3

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.frames = frames = FrameReceiver(4)
        m.submodules.steps = steps = StepReceiver(self.LINK)
        m.submodules.messages = messages = MessageTransmitter(self.LINK)
        m.submodules.checksum = checksum = SerialChecksum()
        place = Signal(range(self.HEADER + 1))
        number, low = place == 0, place == 1
        length = self.LINK.step_bytes - 1
        header = Mux(number, frames.number, Mux(low, length, 0))
        m.d.comb += [
            frames.i.valid.eq(self.i.valid & frames.listening),
            frames.i.payload.eq(Mux(place == self.HEADER, self.i.payload, header)),
            self.i.ready.eq(frames.listening),
            frames.taken.eq(steps.taken),
            messages.i.valid.eq(steps.o.valid),
            messages.i.payload.value.eq(steps.o.payload.value),
            messages.i.payload.last.eq(steps.o.payload.last),
            messages.i.payload.overrun.eq(steps.o.payload.first),
            steps.o.ready.eq(messages.i.ready),
            messages.number.eq(frames.number),
            messages.accepted.eq(frames.accepted),
            messages.checksum.eq(checksum.value),
            checksum.clear.eq(messages.clear),
            checksum.shift.eq(messages.o.valid & messages.o.ready),
            checksum.bit.eq(messages.o.payload[0]),
        ]
        wiring.connect(m, frames.o, steps.i)
        wiring.connect(m, messages.o, wiring.flipped(self.o))
        with m.If(frames.clear):
            m.d.sync += place.eq(0)
        with m.Elif(frames.i.valid & (place != self.HEADER)):
            m.d.sync += place.eq(place + 1)
        return m


def built(build: str, model: str, layers: int = 1, **options: Any) -> Network:
    """A small network's circuit, in one of `BUILDS`."""
    network = random_network(model, CHANNELS, 1, layers, seed=1, precision=Precision(3, 6), **options)
    streamed, which = BUILDS[build]
    if layers > 1:
        network = with_shared_formats(network)
        return Network(network, drawn_loop(network, lambda choices: choices[which]))
    return Network(network, drawn_folding(network, streamed=streamed, one=lambda choices: choices[which]))


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
    found |= {"serial line": (Line, 200), "serial link": (Exchange, 120)}
    return found | {f"stream, {name}": (part.make, 60) for name, part in PARTS.items()}


ALL = parts()


def left_behind(name: str, count: int) -> list[int]:
    """Cycles after which a reset leaves something in a component, of so many and some more of its run."""
    make, cycles = ALL[name]
    component = make()
    beats_per_step = 1 if name.startswith("encoder") else CHANNELS
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


WITHOUT_STREAMS = {"ClipCounters", "_Probe"}
WHOLES = {"AxisNetwork", "BoardShell", "BoardTop", "CountedNetwork", "Network", "SerialHarness"}
"""They join parts that are tried here; simulations of networks and of boards reset them in mid-sequence."""


def subclasses(of: type[Any]) -> Iterator[type[Any]]:
    """All the classes below one, in modules of circuits."""
    one: type[Any]
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


def components() -> set[str]:
    """Names of the components that can be made, in any module of circuits; a new one cannot be forgotten."""
    for package in (hdl, boards):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    return {
        one.__name__
        for one in subclasses(wiring.Component)
        if one.__module__.startswith(("hdl.", "boards.")) and not one.__subclasses__()
    }


def inside(fragment: Fragment) -> set[str]:
    """Names of the classes that a circuit is made of."""
    names = {type(origin).__name__ for origin in fragment.origins or ()}
    return names.union(*(inside(part) for part, *_ in fragment.subfragments))


def untried(names: Iterable[str]) -> set[str]:
    """Components that are in none of the circuits so named."""
    missing = components() - WHOLES - WITHOUT_STREAMS
    for name in names:
        if missing:
            missing -= inside(Fragment.get(ALL[name][0](), None))
    return missing


@pytest.mark.slow
def test_every_component_is_tried_with_resets():
    assert untried(ALL) == set()
