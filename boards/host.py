"""The host's end of the link: the same driver for a real board and for a virtual one."""

import time
from collections.abc import Iterable
from typing import Protocol

import numpy as np
import serial
from numpy.typing import NDArray

from boards.link import ACKNOWLEDGE, ANSWER, Link
from quantize.errors import StatespikeError
from quantize.formats import Integers


class BytePipe(Protocol):
    """A serial line, seen from the host."""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        ...

    def read(self, count: int) -> bytes:
        """Receive exactly `count` bytes.

        Raises
        ------
        StatespikeError
            If they do not come.
        """
        ...

    def send_break(self) -> None:
        """Hold the line low for longer than a byte, and forget what was received."""
        ...


class SerialPort:
    """`BytePipe` on a serial port of this machine.

    Parameters
    ----------
    name : str
        Such as /dev/ttyUSB1 or COM3, or a URL of pyserial.
    baud : int
    timeout : float
        Seconds to wait for a byte.

    Raises
    ------
    StatespikeError
        If the port cannot be opened.
    """

    def __init__(self, name: str, baud: int, timeout: float = 5.0):
        try:
            self._port = serial.serial_for_url(name, baudrate=baud, timeout=timeout)
        except (serial.SerialException, ValueError) as error:
            raise StatespikeError(f"cannot open the serial port {name}: {error}") from error

    def write(self, data: bytes) -> None:
        """See `BytePipe`."""
        self._port.write(data)

    def read(self, count: int) -> bytes:
        """See `BytePipe`."""
        data = self._port.read(count)
        if len(data) < count:
            raise StatespikeError(
                f"the board at {self._port.name} fell silent for {self._port.timeout:g} s: "
                "check that the design is loaded, and the baud rate"
            )
        return data

    def send_break(self) -> None:
        """See `BytePipe`."""
        self._port.send_break(0.02)
        time.sleep(0.02)  # for what the board was still sending
        self._port.reset_input_buffer()

    def close(self) -> None:
        """Give the port back."""
        self._port.close()


class Host:
    """Sends sequences to a network on a board, and receives their logits.

    Parameters
    ----------
    pipe : BytePipe
    link : Link
        The board's; its manifest has it.
    """

    def __init__(self, pipe: BytePipe, link: Link):
        self.pipe = pipe
        self.link = link
        pipe.send_break()

    def run(self, sequences: Iterable[NDArray[np.integer]]) -> Integers:
        """Logits (sequences, classes) of `sequences`, each (steps, features).

        Raises
        ------
        StatespikeError
            If the board falls silent or sends what the protocol does not have, or a sequence has another
            number of features than the link.
        """
        return np.array([self._answer(np.asarray(sequence)) for sequence in sequences])

    def _answer(self, sequence: NDArray[np.integer]) -> Integers:
        if sequence.ndim != 2 or sequence.shape[1] != self.link.features or not len(sequence):
            raise StatespikeError(
                f"a sequence has shape {sequence.shape}; expected (at least one step, {self.link.features})"
            )
        sent = acknowledged = 0
        while acknowledged < len(sequence):
            room = self.link.window - (sent - acknowledged)
            if sent < len(sequence) and room > 0:
                end = min(len(sequence), sent + room)
                self.pipe.write(self.link.encode(sequence[sent:end], sent == 0, end == len(sequence)))
                sent = end
            self._expect(ACKNOWLEDGE)
            acknowledged += 1
        self._expect(ANSWER)
        return self.link.decode(self.pipe.read(self.link.classes * self.link.logit_bytes))

    def _expect(self, wanted: int) -> None:
        (got,) = self.pipe.read(1)
        if got != wanted:
            raise StatespikeError(f"the board sent 0x{got:02x} where the protocol has 0x{wanted:02x}")
