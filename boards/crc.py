"""The checksum of frames in gates, a bit a cycle."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from boards.framing import POLYNOMIAL, START


class SerialChecksum(Component):
    """`boards.framing.checksum` of the bits that were shifted in.

    Who sends takes the low byte of `value` as the next byte: its own bits, shifted in again, bring the high
    byte there. Who receives finds 0 when the checksum has been shifted in as well.

    Members
    -------
    clear : In(1)
        Begin anew; goes before `shift`.
    shift : In(1)
        Take `bit` in.
    bit : In(1)
    value : Out(16)
    """

    def __init__(self):
        super().__init__({"clear": In(1), "shift": In(1), "bit": In(1), "value": Out(16, init=START)})

    def elaborate(self, platform) -> Module:
        m = Module()
        feedback = Signal()
        moved = Cat(self.value[1:], 0)
        m.d.comb += feedback.eq(self.value[0] ^ self.bit)
        with m.If(self.clear):
            m.d.sync += self.value.eq(START)
        with m.Elif(self.shift):
            m.d.sync += self.value.eq(
                Cat(bit ^ feedback if POLYNOMIAL >> place & 1 else bit for place, bit in enumerate(moved))
            )
        return m
