"""A board's whole top as machine code: from its clock pin to the pins of its line."""

import ctypes
from pathlib import Path

import numpy as np

from boards.boards import SPI, UART
from boards.clocking import RESET_CYCLES
from hdl.devices.family import Family
from quantize.errors import StatespikeError
from quantize.formats import Integers
from sim.backends.cxxrtl import compile_library

_FOLDER = Path(__file__).parent
_ROOM = 1 << 12
"""Bytes that are fetched at once."""


def compile_board(design: str, family: Family, folder: Path, line: str = UART) -> Path:
    """Compile a board's `design.v`; the library of an earlier call is used again.

    A PLL gives its own input: the simulated clock is the one that it makes.

    Parameters
    ----------
    design : str
        Text of the Verilog: a `BoardShell`.
    family : Family
        Whose PLL it may hold.
    folder : Path
        Where libraries are kept.
    line : str
        Of `boards.boards.LINES`.

    Raises
    ------
    StatespikeError
        If Yosys or the C++ compiler is missing or fails.
    """
    sources = {"design.v": design, "pll.v": family.pll_model, "board.h": (_FOLDER / "board.h").read_text()}
    driver = _FOLDER / ("spi_driver.cpp" if line == SPI else "board_driver.cpp")
    return compile_library("read_verilog design.v pll.v\nhierarchy -top top", sources, driver, folder)


class PoweredBoard:
    """A board that was switched on.

    Parameters
    ----------
    library : Path
        Of `compile_board`.
    cycles_of_line : float
        Clock cycles of what its line is measured in.
    state : (words,), optional
        Of a board of the same kind, see `state`, to go on from.

    Raises
    ------
    StatespikeError
        If the state is not that of such a board.

    Attributes
    ----------
    cycles : int
        Asked for since it was switched on.
    """

    def __init__(self, library: Path, cycles_of_line: float, state: Integers | None = None):
        self.cycles = 0
        code = self._code = ctypes.CDLL(str(library.resolve()))
        code.power_up.restype = ctypes.c_void_p
        code.power_up.argtypes = (ctypes.c_double,)
        code.power_down.argtypes = (ctypes.c_void_p,)
        code.run.argtypes = (ctypes.c_void_p, ctypes.c_uint64)
        code.save.restype = ctypes.c_size_t
        code.save.argtypes = code.restore.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        self._board = code.power_up(cycles_of_line)
        if state is not None:
            if len(state) != code.save(self._board, None):
                self.close()
                raise StatespikeError("the saved state is of another virtual board; begin the sequence anew")
            code.restore(self._board, np.ascontiguousarray(state, np.int64).ctypes.data)

    def run(self, cycles: int) -> None:
        """Simulate; Python's lock is free meanwhile."""
        self._code.run(self._board, cycles)
        self.cycles += cycles

    def state(self) -> Integers:
        """All registers and memories, (words,)."""
        words = np.empty(self._code.save(self._board, None), np.int64)
        self._code.save(self._board, words.ctypes.data)
        return words

    def close(self) -> None:
        """Switch it off."""
        if self._board:
            self._code.power_down(self._board)
            self._board = None


class CompiledBoard(PoweredBoard):
    """A board that was switched on, and the other end of its serial line.

    Parameters
    ----------
    bit_cycles : float
        Clock cycles of a bit of the line, as the host has it.
    library, state
        See `PoweredBoard`.
    """

    def __init__(self, library: Path, bit_cycles: float, state: Integers | None = None):
        super().__init__(library, bit_cycles, state)
        self.bit_cycles = bit_cycles
        code = self._code
        code.say.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
        code.hear.restype = ctypes.c_size_t
        code.hear.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
        code.unsaid.restype = ctypes.c_size_t
        code.unsaid.argtypes = (ctypes.c_void_p,)
        code.hold.argtypes = (ctypes.c_void_p, ctypes.c_int32)
        self._bytes = ctypes.create_string_buffer(_ROOM)

    def say(self, data: bytes) -> None:
        """Let bytes leave towards the board, behind those before them."""
        self._code.say(self._board, data, len(data))

    @property
    def saying(self) -> bool:
        """Whether there are bytes that have not begun to leave."""
        return self._code.unsaid(self._board) > 0

    def hear(self) -> bytes:
        """Take the bytes that came from the board."""
        heard = b""
        while count := self._code.hear(self._board, self._bytes, _ROOM):
            heard += self._bytes.raw[:count]
        return heard

    def hold(self, low: bool) -> None:
        """Hold the line low, a break, or let it go. Bytes that have not left are lost."""
        self._code.hold(self._board, low)


class CompiledSpiBoard(PoweredBoard):
    """A board that was switched on, and a bus at its SPI line: a `boards.spi_port.SpiBus`.

    Parameters
    ----------
    library, state
        See `PoweredBoard`.
    half_cycles : float
        Clock cycles of half a period of SCK.
    """

    name = "a virtual SPI bus"

    def __init__(self, library: Path, half_cycles: float, state: Integers | None = None):
        super().__init__(library, half_cycles, state)
        self._code.exchange.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
        if state is None:
            self.run(2 * RESET_CYCLES)  # nobody is faster with the plug

    def exchange(self, data: bytes) -> bytes:
        """See `SpiBus`."""
        buffer = ctypes.create_string_buffer(data, len(data))
        self._code.exchange(self._board, buffer, len(data))
        return buffer.raw
