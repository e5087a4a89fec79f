"""`first` clears the state: what leaves from there on does not depend on what came before.

Two equal components of one channel are given the same beats at the same times, except for the values of beats
before a sequence that begins at a free time. From that sequence's first beat on their values are the same,
and then so must be what they make of them. The proof reaches over runs of any length.
"""

from collections.abc import Callable
from typing import Any

import pytest
from amaranth.hdl import Assert, Assume, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hdl.units.activations import IntegrateAndFire
from quantize.calibration import Precision
from quantize.layers.glu import FireGluSpec
from tests.formal.claims import keeps_its_offer
from tests.formal.for_ever import Verdict, search
from tests.formal.prover import without_reset
from tests.hdl.collisions import garbage_for_undefined_reads
from tests.networks import random_network

pytestmark = pytest.mark.formal

INSIDE = 8
"""More values than any of these components has inside."""


class Claims(wiring.Component):
    """Two equal components, and what is claimed of them.

    Parameters
    ----------
    make : callable
        Makes a component whose steps are single beats.
    deaf : bool
        A fault: `first` does not come to the components.
    """

    def __init__(self, make: Callable[[], Any], *, deaf: bool = False):
        self.parts, self.deaf = (make(), make()), deaf
        width = len(self.parts[0].i.payload.value)
        super().__init__(
            {
                "valid": In(1),
                "last": In(1),
                "ready": In(1),
                "fresh": In(1),
                "value": In(width),
                "other": In(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        without_reset(m)
        m.submodules.one, m.submodules.other = one, other = self.parts
        first, alike, now_alike = Signal(init=1), Signal(), Signal()
        for part, value in ((one, self.value), (other, Mux(now_alike, self.value, self.other))):
            m.d.comb += [
                part.i.valid.eq(self.valid),
                part.i.payload.value.eq(value),
                part.i.payload.first.eq(first & (not self.deaf)),
                part.i.payload.last.eq(self.last),
                part.o.ready.eq(self.ready),
            ]
            keeps_its_offer(m, part.i, Assume)
        take, leave = self.valid & one.i.ready, one.o.valid & self.ready
        # Values inside that came before the sequence, as soon as they differ no more.
        inside, before = Signal(range(INSIDE)), Signal(range(INSIDE))
        m.d.comb += now_alike.eq(alike | (first & self.fresh))
        m.d.sync += inside.eq(inside + take - leave)
        with m.If(take):
            m.d.sync += [first.eq(self.last), alike.eq(now_alike)]
        with m.If(~alike):
            m.d.sync += before.eq(inside - leave)
        with m.Elif(leave & (before != 0)):
            m.d.sync += before.eq(before - 1)
        same = Value.cast(one.o.payload) == Value.cast(other.o.payload)
        m.d.comb += [
            Assert(one.i.ready == other.i.ready),
            Assert(one.o.valid == other.o.valid),
            Assert(~leave | ~now_alike | (Mux(alike, before, inside) != 0) | same),
        ]
        return m


def neurons() -> IntegrateAndFire:
    """Of one channel, with few bits."""
    network = random_network("spiking_ssm", 1, 1, 1, seed=1, precision=Precision(3, 6))
    spec = network.blocks[0].unit
    assert isinstance(spec, FireGluSpec)
    return IntegrateAndFire(spec)


def test_the_first_step_clears_potentials(tmp_path):
    with garbage_for_undefined_reads():
        assert search(Claims(neurons), tmp_path) is Verdict.HOLDS


def test_potentials_that_are_not_cleared_are_found(tmp_path):
    with garbage_for_undefined_reads():
        assert search(Claims(neurons, deaf=True), tmp_path) is Verdict.VIOLATED
