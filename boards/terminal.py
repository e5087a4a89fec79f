"""A virtual board at a pseudo-terminal: a serial port of this machine with a simulation behind it."""

import os
import select
import tty
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread

import serial

from boards.compiled import CompiledBoard
from boards.pipe import SerialPort
from quantize.formats import Integers

_CHUNK = 2_000
"""Cycles simulated between two looks at the terminal."""
_QUIET = 500_000
"""Cycles without a byte in either direction after which the simulation gives way to others."""
_PAUSE = 0.005
"""Seconds that a quiet board waits for a byte before it simulates on."""
_BREAK_BITS = 40
"""Bits that the line stays low at least: a board hears a break after ten."""


class TerminalBoard:
    """A compiled board that runs in a thread, as fast as it can, behind a pseudo-terminal.

    Parameters
    ----------
    board : CompiledBoard
        Switched off by `close`.

    Attributes
    ----------
    name : str
        Of the terminal, as of a serial port.
    """

    def __init__(self, board: CompiledBoard):
        self.board = board
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)  # no echo of what the board says before a host opens the port
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self._slave)
        self._pending = b""
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._done: SimpleQueue[None] = SimpleQueue()
        self._stop = Event()
        self._unplugged = False
        self._thread = Thread(target=self._run, name="virtual board", daemon=True)
        self._thread.start()

    def hold(self, low: bool) -> None:
        """Hold the line low, or let it go; returns when it is so. A terminal carries no breaks.

        An unplugged board hears nothing of it.
        """
        self._asked.put(low)
        while self._thread.is_alive():
            with suppress(Empty):
                self._done.get(timeout=_PAUSE)
                return

    def unplug(self) -> None:
        """End the simulation; whoever has the port finds it gone."""
        self._halt()
        if not self._unplugged:
            self._unplugged = True
            os.close(self._master)
            os.close(self._slave)
            self.board.close()

    def state(self) -> Integers:
        """All registers and memories of the board, which is simulated no longer."""
        self._halt()
        return self.board.state()

    def _halt(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()

    def _run(self) -> None:
        quiet = 0
        while not self._stop.is_set():
            while not self._asked.empty():
                self._set_line(self._asked.get())
                self._done.put(None)
                quiet = 0
            quiet += _CHUNK
            said = self._from_host(_PAUSE if quiet > _QUIET else 0)
            self.board.say(said)
            self.board.run(_CHUNK)
            heard = self.board.hear()
            if said or heard or self.board.saying:
                quiet = 0
            self._to_host(heard)

    def _set_line(self, low: bool) -> None:
        self.board.hold(low)
        if low:  # what was on its way in either direction is lost
            while self._from_host(0):
                pass
            self.board.run(round(_BREAK_BITS * self.board.bit_cycles))
            self.board.hear()
            self._pending = b""

    def _from_host(self, wait: float) -> bytes:
        ready, _, _ = select.select([self._master], [], [], wait)
        return os.read(self._master, _CHUNK) if ready else b""

    def _to_host(self, heard: bytes) -> None:
        """Hand on what the terminal has room for."""
        self._pending += heard
        if self._pending:
            with suppress(BlockingIOError):
                self._pending = self._pending[os.write(self._master, self._pending) :]


class _Terminal(serial.Serial):
    """pyserial's port at a virtual board. A pseudo-terminal carries no break, so that goes beside it."""

    def __init__(self, virtual: TerminalBoard, **settings: float):
        self._virtual = virtual
        super().__init__(virtual.name, **settings)

    def _update_break_state(self) -> None:
        self._virtual.hold(self._break_state)


class VirtualPort(SerialPort):
    """The serial port of a virtual board.

    Parameters
    ----------
    virtual : TerminalBoard
        Ends with the port.
    baud, timeout
        See `SerialPort`.
    """

    def __init__(self, virtual: TerminalBoard, baud: int, timeout: float = 5.0):
        self.virtual = virtual
        super().__init__(virtual.name, baud, timeout)

    def _open(self, name: str, **settings: float) -> serial.SerialBase:
        return _Terminal(self.virtual, **settings)

    def close(self) -> None:
        """Give the port back, and end the board."""
        super().close()
        self.virtual.unplug()
