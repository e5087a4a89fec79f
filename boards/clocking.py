"""From a board's oscillator to the design's clock and reset."""

from amaranth.hdl import ClockDomain, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from boards.boards import Board
from boards.top import LineTop
from hdl.devices.family import Pll

RESET_CYCLES = 256
"""Cycles of reset after configuration. Block memories of the iCE40 read as 0 for its first 3 us."""


class BoardShell(Component):
    """A board's top module: its clock, a reset after power-up, and the LED's polarity around a `LineTop`.

    Parameters
    ----------
    top : LineTop
    board : Board
    pll : Pll or None
        None: the oscillator is the clock.

    Members
    -------
    clk : In(1)
    led : Out(1)
        On boards that have one.
    and those of the top's line. All are pins, named as in `Board.pins`.
    """

    def __init__(self, top: LineTop, board: Board, pll: Pll | None = None):
        self.top = top
        self.board = board
        self.pll = pll
        line = {name: flow(1) for name, flow in top.PINS.items()}
        super().__init__({"clk": In(1)} | line | ({"led": Out(1)} if "led" in board.pins else {}))

    def elaborate(self, platform) -> Module:
        m = Module()
        m.domains.sync = sync = ClockDomain()
        m.domains.power = power = ClockDomain(reset_less=True, local=True)
        locked = Signal()
        if self.pll is None:
            m.d.comb += [sync.clk.eq(self.clk), locked.eq(1)]
        else:
            m.submodules.pll = self.pll.instance(self.clk, sync.clk, locked)
        m.d.comb += power.clk.eq(sync.clk)

        waited = Signal(RESET_CYCLES.bit_length())
        waiting = ~waited[-1]  # the number of cycles is a power of two
        reset = Signal(init=1)  # a register of its own, for thousands of others wait for it
        with m.If(~locked):
            m.d.power += waited.eq(0)
        with m.Elif(waiting):
            m.d.power += waited.eq(waited + 1)
        m.d.power += reset.eq(waiting | self.top.restart)
        m.d.comb += sync.rst.eq(reset)

        m.submodules.top = self.top
        for name, flow in self.top.PINS.items():
            inner, outer = getattr(self.top, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if flow is In else outer.eq(inner)
        if "led" in self.board.pins:
            m.d.comb += self.led.eq(self.top.led ^ self.board.led_inverted)
        return m
