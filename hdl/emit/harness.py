"""A wrapper of few pins, so that a wide design can be placed and routed without a board."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import Component, In, Out

FOLD = 4
"""Output bits that go into a flip-flop together: what a look-up table takes."""


class SerialHarness(Component):
    """Feeds all inputs of a design from a shift register, and folds all its outputs into one bit.

    Every input bit can take any value and every output bit reaches a pin, so nothing is optimised away.
    Inputs come from registers and outputs go to registers, through a look-up table: the clock that nextpnr
    finds is the design's own.
    The wrapper costs a flip-flop for each input bit, and a logic cell for three output bits.

    Parameters
    ----------
    design : Component

    Members
    -------
    i : In(1)
        Shifted in, one bit a cycle.
    o : Out(1)
        Parity of all output bits of the design, two cycles ago.
    """

    def __init__(self, design: Component):
        self.design = design
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.design = self.design
        inputs: list[Value] = []
        outputs: list[Value] = []
        for _, member, value in self.design.signature.flatten(self.design):
            (inputs if member.flow is wiring.In else outputs).append(Value.cast(value))
        shift = Signal(sum(len(value) for value in inputs), reset_less=True)
        folded = [Cat(*outputs)[start : start + FOLD].xor() for start in range(0, len(Cat(*outputs)), FOLD)]
        seen = Signal(len(folded), reset_less=True)
        m.d.comb += Cat(*inputs).eq(shift)
        m.d.sync += [shift.eq(Cat(self.i, shift)), seen.eq(Cat(*folded)), self.o.eq(seen.xor())]
        return m
