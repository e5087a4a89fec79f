"""Whether any input, ever, tells two circuits of a network apart."""

from amaranth.hdl import Assert, Assume, Module, Signal, Value, ValueLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from benchmarks.local_equivalence import alike, modules_of
from hdl.network.top import Network
from hdl.toolchain.verilog import rtlil_text
from quantize.files import scratch_folder
from tests.formal.claims import keeps_its_offer
from tests.formal.for_ever import Verdict, search

SECONDS = 40
"""Of a search in whole networks."""


class Miter(wiring.Component):
    """Two circuits with taps at the same inputs, and the claim that they do the same in every cycle.

    Both take a beat or do not, and tell the same. The reset may come at any time. The source keeps its offer,
    and marks steps as a source of beats does.

    Parameters
    ----------
    one, other : Network
    beats_per_step : int
    """

    def __init__(self, one: Network, other: Network, beats_per_step: int):
        self.one, self.other, self.beats_per_step = one, other, beats_per_step
        width = len(one.i.payload.value)
        super().__init__({"valid": In(1), "last": In(1), "ready": In(1), "value": In(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.one, m.submodules.other = one, other = self.one, self.other
        first = Signal(init=1)
        for part in (one, other):
            m.d.comb += [
                part.i.valid.eq(self.valid),
                part.i.payload.first.eq(first),
                part.i.payload.last.eq(self.last),
                part.i.payload.value.eq(self.value),
                part.o.ready.eq(self.ready),
            ]
        keeps_its_offer(m, one.i, Assume)
        beat, last = Signal(range(self.beats_per_step)), Signal()
        with m.If(self.valid & one.i.ready):
            m.d.sync += [beat.eq(beat + 1), last.eq(self.last)]
            with m.If(beat == self.beats_per_step - 1):
                m.d.sync += [beat.eq(0), first.eq(self.last)]
        m.d.comb += [Assume((beat == 0) | (self.last == last)), Assert(one.i.ready == other.i.ready)]
        _tell_the_same(m, one.o.valid, one.o.payload, other.o.valid, other.o.payload)
        for name in one.signature.members:
            if name.startswith("tap_"):
                ours, theirs = getattr(one, name), getattr(other, name)
                _tell_the_same(m, ours.valid, ours.value, theirs.valid, theirs.value)
        return m


def _tell_the_same(
    m: Module, valid: Value, told: ValueLike, other_valid: Value, other_told: ValueLike
) -> None:
    same = Value.cast(told).as_unsigned() == Value.cast(other_told).as_unsigned()
    m.d.comb += [Assert(valid == other_valid), Assert(~valid | same)]


def alike_within(one: Network, other: Network) -> str | None:
    """The innermost module around all differences that does the same in both, if one is found."""
    modules, others = (modules_of(rtlil_text(circuit)) for circuit in (one, other))
    with scratch_folder() as folder:
        return alike(modules, others, folder)


def equivalent(one: Network, other: Network, beats_per_step: int) -> Verdict:
    """Whether no input tells two circuits apart; see `tests.formal.for_ever.search`."""
    with scratch_folder() as folder:
        return search(Miter(one, other, beats_per_step), folder, SECONDS)
