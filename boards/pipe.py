"""The bytes between host and board, and a serial port that carries them."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import serial

from quantize.errors import StatespikeError

try:
    from termios import error as TerminalError
except ImportError:  # Windows
    TerminalError = OSError  # type: ignore[assignment, misc]


class LinkError(StatespikeError):
    """Something went wrong on the line that a restart of the board may mend."""


def _cause(error: Exception) -> str:
    """What the system said, without the numbers and names that pyserial puts around it."""
    number = getattr(error, "errno", None) or next((one for one in error.args if isinstance(one, int)), None)
    if number is None and "ioctl" in str(error):
        number = errno.ENOTTY
    return str(error) if number is None else os.strerror(number)


class BytePipe(Protocol):
    """A line to a board, seen from the host."""

    def write(self, data: bytes) -> None:
        """Send all of `data`.

        Raises
        ------
        LinkError
            If they do not leave in time.
        StatespikeError
            If there is no line any more.
        """
        ...

    def read(self, count: int) -> bytes:
        """Receive exactly `count` bytes.

        Raises
        ------
        LinkError
            If they do not come in time.
        StatespikeError
            If there is no line any more.
        """
        ...

    def send_break(self) -> None:
        """Restart the board: hold a serial line low for longer than a byte, or what does so on another line.

        Raises
        ------
        StatespikeError
            If there is no line any more.
        """
        ...


class OpenedPipe(BytePipe, Protocol):
    """A line of this machine."""

    @property
    def name(self) -> str:
        """As it was asked for."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


class SerialPort:
    """`BytePipe` on a serial port of this machine.

    Parameters
    ----------
    name : str
        Such as /dev/ttyUSB1 or COM3, or a URL of pyserial.
    baud : int
    timeout : float
        Seconds to wait for bytes to come, or to leave.

    Raises
    ------
    StatespikeError
        If the port cannot be opened.
    """

    def __init__(self, name: str, baud: int, timeout: float = 5.0):
        try:
            self._port = self._open(name, baudrate=baud, timeout=timeout, write_timeout=timeout)
        except (serial.SerialException, ValueError) as error:
            raise StatespikeError(
                f"cannot open the serial port {name}: {_cause(error)}; name the board's own with --port"
            ) from error

    def _open(self, name: str, **settings: float) -> serial.SerialBase:
        """The port of pyserial."""
        return serial.serial_for_url(name, **settings)

    def write(self, data: bytes) -> None:
        """See `BytePipe`."""
        with self._told():
            self._port.write(data)

    def read(self, count: int) -> bytes:
        """See `BytePipe`."""
        with self._told():
            data = self._port.read(count)
        if len(data) < count:
            raise LinkError(
                f"the board at {self._port.name} fell silent for {self._port.timeout:g} s: "
                "check that the design is loaded, and the baud rate"
            )
        return data

    def send_break(self) -> None:
        """See `BytePipe`."""
        with self._told():
            self._port.break_condition = True
            time.sleep(0.02)  # for what the board was still sending
            self._port.reset_input_buffer()
            self._port.break_condition = False

    @property
    def name(self) -> str:
        """As it was asked for."""
        return str(self._port.name)

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the operating system says of the port into a sentence."""
        try:
            yield
        except serial.SerialTimeoutException as error:
            raise LinkError(
                f"the serial port {self._port.name} took no data for {self._port.write_timeout:g} s: "
                "check that the board is powered"
            ) from error
        except (serial.SerialException, TerminalError, OSError) as error:
            raise StatespikeError(
                f"the serial port {self._port.name} failed ({error}): is the board still plugged in?"
            ) from error
