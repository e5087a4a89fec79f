"""From a board's oscillator to the design's clock and reset."""

from dataclasses import dataclass

from amaranth.hdl import ClockDomain, Const, Instance, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from boards.boards import Board
from boards.link import BoardTop
from quantize.errors import StatespikeError

_RESET_CYCLES = 256
"""Cycles of reset after configuration. Block memories of the iCE40 read as 0 for its first 3 us."""

# Upper ends in MHz of the phase detector's ranges, and FILTER_RANGE of each (iCE40 sysCLOCK PLL user guide).
_FILTER_RANGES = ((17, 1), (26, 2), (44, 3), (66, 4), (101, 5), (134, 6))


@dataclass(frozen=True)
class Pll:
    """Settings of the iCE40's PLL in simple feedback: output = input (divf + 1) / (divr + 1) / 2**divq.

    Parameters
    ----------
    divr, divf, divq, filter_range : int
        Parameters of SB_PLL40_PAD.
    clock_mhz : float
        What it makes.
    """

    divr: int
    divf: int
    divq: int
    filter_range: int
    clock_mhz: float


def ice40_pll(input_mhz: float, output_mhz: float) -> Pll:
    """Settings whose output comes nearest to `output_mhz`, for an input of 10 to 133 MHz.

    The phase detector runs at 10 to 133 MHz, the oscillator at 533 to 1,066 MHz.

    Raises
    ------
    StatespikeError
        If the nearest is more than 1 % away.
    """
    found = [
        (abs(clock - output_mhz), divr, Pll(divr, divf, divq, _filter_range(detector), clock))
        for divr in range(16)
        if 10 <= (detector := input_mhz / (divr + 1)) <= 133
        for divf in range(128)
        if 533 <= (oscillator := detector * (divf + 1)) <= 1066
        for divq in range(1, 7)
        for clock in (oscillator / 2**divq,)
    ]
    error, _, best = min(found, key=lambda entry: entry[:2])
    if error > 0.01 * output_mhz:
        raise StatespikeError(f"the PLL cannot make {output_mhz:g} MHz of {input_mhz:g} MHz")
    return best


def _filter_range(detector_mhz: float) -> int:
    return next(value for end, value in _FILTER_RANGES if detector_mhz < end)


class BoardShell(Component):
    """A board's top module: its clock, a reset after power-up, and the LED's polarity around a `BoardTop`.

    Parameters
    ----------
    top : BoardTop
    board : Board
    pll : Pll or None
        None: the oscillator is the clock.

    Members
    -------
    clk, rx : In(1)
    tx, led : Out(1)
        Pins, named as in `Board.pins`.
    """

    def __init__(self, top: BoardTop, board: Board, pll: Pll | None = None):
        self.top = top
        self.board = board
        self.pll = pll
        super().__init__({"clk": In(1), "rx": In(1), "tx": Out(1), "led": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.domains.sync = sync = ClockDomain()
        m.domains.power = power = ClockDomain(reset_less=True, local=True)
        locked = Signal()
        if self.pll is None:
            m.d.comb += [sync.clk.eq(self.clk), locked.eq(1)]
        else:
            m.submodules.pll = Instance(
                "SB_PLL40_PAD",
                p_FEEDBACK_PATH="SIMPLE",
                p_DIVR=Const(self.pll.divr, 4),
                p_DIVF=Const(self.pll.divf, 7),
                p_DIVQ=Const(self.pll.divq, 3),
                p_FILTER_RANGE=Const(self.pll.filter_range, 3),
                i_PACKAGEPIN=self.clk,
                i_RESETB=Const(1),
                i_BYPASS=Const(0),
                o_PLLOUTGLOBAL=sync.clk,
                o_LOCK=locked,
            )
        m.d.comb += power.clk.eq(sync.clk)

        waited = Signal(range(_RESET_CYCLES + 1))
        with m.If(~locked):
            m.d.power += waited.eq(0)
        with m.Elif(waited != _RESET_CYCLES):
            m.d.power += waited.eq(waited + 1)
        m.d.comb += sync.rst.eq((waited != _RESET_CYCLES) | self.top.restart)

        m.submodules.top = self.top
        m.d.comb += [
            self.top.rx.eq(self.rx),
            self.tx.eq(self.top.tx),
            self.led.eq(self.top.led ^ self.board.led_inverted),
        ]
        return m
