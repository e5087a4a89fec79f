"""`first` clears the states of arrays: no value from before a sequence has an influence on what it gives.

An array is given any beats, at any times. Their values are unknown until a sequence that begins at a free
time; from its first beat on they are free. What the array then gives must be known, and when it takes and
gives something must be known always. Multipliers, widths of words and clipping are those of a circuit.
"""

from collections.abc import Callable
from typing import Any

import pytest
from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hdl.ssm.array import NeuronArray
from hdl.ssm.laned_array import LanedArray
from hdl.ssm.real_modes import RealModesArray
from hdl.ssm.schedule import HELPER_MODES
from quantize.calibration import Precision
from tests.formal.for_ever import Verdict
from tests.formal.prover import without_reset
from tests.formal.unknowns import holds, known, search, unknown
from tests.networks import random_network

pytestmark = [pytest.mark.formal, pytest.mark.slow]

INSIDE = 32
"""More values than any of these arrays has inside."""


class Claims(wiring.Component):
    """An array, and what is claimed of it.

    Parameters
    ----------
    array : ArrayComponent
    deaf : bool
        A fault: `first` does not come to the array.
    """

    def __init__(self, array: Any, *, deaf: bool = False):
        self.array, self.deaf = array, deaf
        width = len(array.i.payload.value)
        super().__init__({"valid": In(1), "ends": In(1), "ready": In(1), "fresh": In(1), "value": In(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        without_reset(m)
        m.submodules.array = array = self.array
        offer = Cat(self.value, self.ends, self.fresh)
        waited, before = Signal(), Signal.like(offer)
        m.d.sync += [waited.eq(self.valid & ~array.i.ready), before.eq(offer)]
        m.d.comb += Assume(~waited | (self.valid & (before == offer)))
        # Marks stay the same for a whole step; a sequence begins behind the last step of another one.
        channels = array.spec.channels
        channel = Signal(range(channels))
        first, last, of_step = Signal(init=1), Signal(), Signal()
        tells, now_tells = Signal(), Signal()
        begins = channel == 0
        m.d.comb += [
            last.eq(Mux(begins, self.ends, of_step)),
            now_tells.eq(tells | (first & begins & self.fresh)),
            array.i.valid.eq(self.valid),
            array.i.payload.value.eq(Mux(now_tells, self.value, unknown(m, len(self.value)))),
            array.i.payload.first.eq(first & (not self.deaf)),
            array.i.payload.last.eq(last),
            array.o.ready.eq(self.ready),
        ]
        take, leave = self.valid & array.i.ready, array.o.valid & self.ready
        with m.If(take):
            m.d.sync += [tells.eq(now_tells), of_step.eq(last), channel.eq(channel + 1)]
            with m.If(channel == channels - 1):
                m.d.sync += [first.eq(last), channel.eq(0)]
        # Values inside; and those that came before the sequence, once it has begun.
        inside, earlier = Signal(range(INSIDE)), Signal(range(INSIDE))
        m.d.sync += inside.eq(inside + take - leave)
        with m.If(~tells):
            m.d.sync += earlier.eq(inside - leave)
        with m.Elif(leave & (earlier != 0)):
            m.d.sync += earlier.eq(earlier - 1)
        m.d.comb += [
            Assert(known(m, array.i.ready, array.o.valid)),
            Assert(~(tells & array.o.valid & (earlier == 0)) | known(m, array.o.payload)),
        ]
        return m


def spec(array: str, channels: int, modes: int) -> Any:
    """Of an array with few bits."""
    network = random_network("s4d", channels, modes, 1, seed=1, precision=Precision(3, 6), array=array)
    return network.blocks[0].array


FOR_EVER: dict[str, Callable[[], Any]] = {
    "real modes, a multiplier": lambda: RealModesArray(spec("s4d_real", 1, 1), 1),
    "real modes, two channels": lambda: RealModesArray(spec("s4d_real", 2, 1), 1),
    "real modes, two multipliers": lambda: RealModesArray(spec("s4d_real", 1, 1), 2),
    "a multiplier": lambda: NeuronArray(spec("s4d", 1, 1), 1),
    "two multipliers": lambda: NeuronArray(spec("s4d", 1, 1), 2),
    "three multipliers": lambda: NeuronArray(spec("s4d", 1, 1), 3),
}
"""Arrays of which the claims are proved for runs of any length."""
SECONDS = 300
"""Most time of such a proof; it takes a tenth of that."""
BOUNDED: dict[str, tuple[Callable[[], Any], int]] = {
    "four multipliers": (lambda: NeuronArray(spec("s4d", 1, 1), 4), 24),
    "a helper": (lambda: NeuronArray(spec("s4d", 1, HELPER_MODES), 2, has_helper=True), 27),
    "a lane": (lambda: LanedArray(spec("s4d", 1, 1), 2, 1), 28),
}
"""Arrays of which they are proved for every run of so many cycles from reset, a fault in fewer."""


@pytest.mark.parametrize("name", FOR_EVER)
@pytest.mark.parametrize(("deaf", "verdict"), [(False, Verdict.HOLDS), (True, Verdict.VIOLATED)])
def test_the_first_step_clears_an_array_and_a_fault_is_found(tmp_path, name, deaf, verdict):
    assert search(Claims(FOR_EVER[name](), deaf=deaf), tmp_path, SECONDS) is verdict


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize("deaf", [False, True])
def test_the_first_step_clears_larger_arrays_and_a_fault_is_found(tmp_path, name, deaf):
    make, cycles = BOUNDED[name]
    assert holds(Claims(make(), deaf=deaf), tmp_path, cycles) == (not deaf)
