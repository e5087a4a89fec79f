"""From a board's oscillator to the design's clock and reset."""

from dataclasses import dataclass

from amaranth.hdl import ClockDomain, Const, Instance, Module, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from boards.boards import Board
from boards.link import BoardTop
from quantize.errors import StatespikeError

_RESET_CYCLES = 256
"""Cycles of reset after configuration. Block memories of the iCE40 read as 0 for its first 3 us."""

# Upper ends in MHz of the phase detector's ranges, and FILTER_RANGE of each (iCE40 sysCLOCK PLL user guide).
_FILTER_RANGES = ((17, 1), (26, 2), (44, 3), (66, 4), (101, 5), (134, 6))


# Ranges in MHz of the ECP5's PLL (ECP5 family data sheet, FPGA-DS-02012, sysCLOCK PLL timing).
_ECP5_DETECTOR, _ECP5_OSCILLATOR, _ECP5_OUTPUT = (10, 400), (400, 800), (3.125, 400)
_ECP5_DIVIDERS = range(1, 129)


@dataclass(frozen=True)
class Ice40Pll:
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

    def instance(self, pin: Value, clock: Value, locked: Value) -> Instance:
        """The block: from the oscillator's pin to the clock."""
        return Instance(
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=Const(self.divr, 4),
            p_DIVF=Const(self.divf, 7),
            p_DIVQ=Const(self.divq, 3),
            p_FILTER_RANGE=Const(self.filter_range, 3),
            i_PACKAGEPIN=pin,
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )


@dataclass(frozen=True)
class Ecp5Pll:
    """Settings of the ECP5's PLL whose output is fed back: output = input feedback / divide.

    Parameters
    ----------
    divide, feedback, output : int
        CLKI_DIV, CLKFB_DIV and CLKOP_DIV of EHXPLLL; the last one is between oscillator and output.
    clock_mhz : float
        What it makes.
    """

    divide: int
    feedback: int
    output: int
    clock_mhz: float

    def instance(self, pin: Value, clock: Value, locked: Value) -> Instance:
        """The block: from the oscillator's pin to the clock."""
        return Instance(
            "EHXPLLL",
            p_FEEDBK_PATH="CLKOP",
            p_CLKI_DIV=self.divide,
            p_CLKFB_DIV=self.feedback,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=self.output,
            p_CLKOP_CPHASE=self.output - 1,  # no shift
            p_CLKOP_FPHASE=0,
            # The loop filter, as Project Trellis sets it for every frequency.
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2",
            i_CLKI=pin,
            i_CLKFB=clock,
            i_ENCLKOP=Const(0, 1),
            **{
                f"i_{name}": Const(0, 1)
                for name in ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PHASEDIR", "PHASESTEP",
                             "PHASELOADREG", "PLLWAKESYNC")
            },
            o_CLKOP=clock,
            o_LOCK=locked,
        )  # fmt: skip


Pll = Ice40Pll | Ecp5Pll


def pll_of(board: Board, output_mhz: float) -> Pll:
    """The settings of a board's PLL whose output comes nearest to `output_mhz`.

    Raises
    ------
    StatespikeError
        If the nearest is more than 1 % away.
    """
    return (ice40_pll if board.device.family == "ice40" else ecp5_pll)(board.clock_mhz, output_mhz)


def ice40_pll(input_mhz: float, output_mhz: float) -> Ice40Pll:
    """Settings whose output comes nearest to `output_mhz`, for an input of 10 to 133 MHz.

    The phase detector runs at 10 to 133 MHz, the oscillator at 533 to 1,066 MHz.

    Raises
    ------
    StatespikeError
        If the nearest is more than 1 % away.
    """
    found = [
        (abs(clock - output_mhz), divr, Ice40Pll(divr, divf, divq, _filter_range(detector), clock))
        for divr in range(16)
        if 10 <= (detector := input_mhz / (divr + 1)) <= 133
        for divf in range(128)
        if 533 <= (oscillator := detector * (divf + 1)) <= 1066
        for divq in range(1, 7)
        for clock in (oscillator / 2**divq,)
    ]
    best = min(found, key=lambda entry: entry[:2])[2]
    _require_near(best.clock_mhz, input_mhz, output_mhz)
    return best


def ecp5_pll(input_mhz: float, output_mhz: float) -> Ecp5Pll:
    """Settings whose output comes nearest to `output_mhz`, for an input of 10 to 400 MHz.

    Raises
    ------
    StatespikeError
        If the nearest is more than 1 % away.
    """
    found = [
        (abs(clock - output_mhz), divide, Ecp5Pll(divide, feedback, max(outputs), clock))
        for divide in _ECP5_DIVIDERS
        if _within(input_mhz / divide, _ECP5_DETECTOR)
        for feedback in _ECP5_DIVIDERS
        if _within(clock := input_mhz / divide * feedback, _ECP5_OUTPUT)
        if (outputs := [output for output in _ECP5_DIVIDERS if _within(clock * output, _ECP5_OSCILLATOR)])
    ]
    best = min(found, key=lambda entry: entry[:2])[2]
    _require_near(best.clock_mhz, input_mhz, output_mhz)
    return best


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _require_near(clock_mhz: float, input_mhz: float, output_mhz: float) -> None:
    if abs(clock_mhz - output_mhz) > 0.01 * output_mhz:
        raise StatespikeError(f"the PLL cannot make {output_mhz:g} MHz of {input_mhz:g} MHz")


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
            m.submodules.pll = self.pll.instance(self.clk, sync.clk, locked)
        m.d.comb += power.clk.eq(sync.clk)

        waited, reset = Signal(range(_RESET_CYCLES + 1)), Signal(init=1)  # thousands of registers wait for it
        with m.If(~locked):
            m.d.power += waited.eq(0)
        with m.Elif(waited != _RESET_CYCLES):
            m.d.power += waited.eq(waited + 1)
        m.d.power += reset.eq((waited != _RESET_CYCLES) | self.top.restart)
        m.d.comb += sync.rst.eq(reset)

        m.submodules.top = self.top
        m.d.comb += [
            self.top.rx.eq(self.rx),
            self.tx.eq(self.top.tx),
            self.led.eq(self.top.led ^ self.board.led_inverted),
        ]
        return m
