"""No component keeps anything across a reset, in whatever cycle it comes: accumulators, flags, and the rest.

Payloads that nobody offers are garbage, so nothing depends on them either: proofs of equivalence compare what
a stream carries where it is valid (`benchmarks.local_equivalence`).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from benchmarks.drawn import drawn_folding, drawn_loop
from hdl.network.top import Network
from quantize.calibration import Precision
from quantize.kinds import ARRAYS, HEADS, UNITS
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
    found["residual FIFO"] = (lambda: built("small", "binary_s4d").blocks[0].ring, 60)
    found["layer loop"] = (lambda: built("small", "gsu_lean", 2).blocks[0], 300)
    return found | {f"stream, {name}": (part.make, 60) for name, part in PARTS.items()}


ALL = parts()


def left_behind(name: str, count: int) -> list[int]:
    """Cycles after which a reset leaves something in a component, of so many and some more of its run."""
    make, cycles = ALL[name]
    component = make()
    beats_per_step = 1 if name.startswith("encoder") else CHANNELS
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
