"""Whether any input, ever, tells two circuits of a network apart."""

import re
from pathlib import Path

from amaranth.hdl import Assert, Assume, Module, Signal, Value, ValueLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hdl.network.top import Network
from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError
from quantize.files import scratch_folder
from tests.formal.claims import keeps_its_offer
from tests.formal.for_ever import Verdict, decide, search


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


MODULE = re.compile(r"^module (\S+)\n.*?^end$", re.MULTILINE | re.DOTALL)
LOCAL_SECONDS = 10
LOCAL = """\
read_rtlil right.il
read_rtlil other.il
miter -equiv -make_assert {name} other claim
prep -flatten -top claim
"""


def _alike_by_themselves(one: Network, other: Network, folder: Path) -> bool:
    """Whether two circuits differ in one module, which does the same in both whatever surrounds it."""
    modules, others = (
        {found[1]: found[0] for found in MODULE.finditer(rtlil_text(circuit))} for circuit in (one, other)
    )
    if modules == others:
        return True
    differing = [name for name in modules if modules[name] != others.get(name)]
    if len(differing) != 1 or modules.keys() != others.keys():
        return False
    (name,) = differing
    (folder / "right.il").write_text("\n".join(modules.values()) + "\n")
    (folder / "other.il").write_text(others[name].replace(f"module {name}\n", "module \\other\n") + "\n")
    try:
        read = LOCAL.format(name=name.removeprefix("\\"))
        return decide(read, folder, LOCAL_SECONDS) is Verdict.HOLDS
    except StatespikeError:  # their ports are not the same
        return False


def equivalent(one: Network, other: Network, beats_per_step: int) -> Verdict:
    """Whether no input tells two circuits apart; see `tests.formal.for_ever.search`."""
    with scratch_folder() as folder:
        if _alike_by_themselves(one, other, folder):
            return Verdict.HOLDS
        return search(Miter(one, other, beats_per_step), folder)
