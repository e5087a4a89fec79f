"""The bytes between host and board over SPI, and a bus of this machine that carries them."""

import time
from collections.abc import Callable
from typing import Protocol

from boards.pipe import LinkError
from boards.spi_bytes import IDLE, RESTART, Unescaper, escaped
from quantize.errors import StatespikeError
from quantize.extras import how_to_get
from quantize.formats import Integers

_MOST = 4096
"""Bytes of a transfer, at most: what Linux' driver takes unless it is told otherwise."""
_POLLED = 16
"""Bytes of a transfer that only asks, at least."""


class SpiBus(Protocol):
    """Exchanges bytes with the board; chip select is low meanwhile, and high before and after."""

    name: str

    def exchange(self, data: bytes) -> bytes:
        """Send bytes, and return as many that came.

        Raises
        ------
        StatespikeError
            If there is no bus any more.
        """
        ...

    def close(self) -> None:
        """Give the bus back."""
        ...


class SpiDevice:
    """`SpiBus` of this machine, by Linux' spidev.

    Parameters
    ----------
    name : str
        Such as /dev/spidev0.0.
    sck_mhz : float
        Most that SCK may have.

    Raises
    ------
    StatespikeError
        If the Python package is missing, or the device cannot be opened.
    """

    def __init__(self, name: str, sck_mhz: float):
        try:
            from spidev import SpiDev
        except ImportError as error:
            raise StatespikeError(
                f"a board on SPI needs the package spidev, of Linux; {how_to_get('spidev')}"
            ) from error
        self.name = name
        self._device = SpiDev()
        try:
            self._device.open_path(name)
            self._device.mode = 0
            self._device.max_speed_hz = int(sck_mhz * 1e6)
        except (OSError, TypeError, ValueError) as error:
            self._device.close()
            reason = getattr(error, "strerror", None) or error
            raise StatespikeError(
                f"cannot open the SPI device {name}: {reason}; name the board's own with --spi, such as "
                "/dev/spidev0.0"
            ) from error

    def exchange(self, data: bytes) -> bytes:
        """See `SpiBus`."""
        try:
            return bytes(self._device.xfer2(list(data)))
        except OSError as error:
            raise StatespikeError(f"the SPI device {self.name} failed: {error.strerror or error}") from error

    def close(self) -> None:
        """See `SpiBus`."""
        self._device.close()


class SpiPort:
    """`BytePipe` on an SPI bus. Nothing comes but in exchange, so reading asks until it has all.

    Parameters
    ----------
    bus : SpiBus
    timeout : float
        Seconds to ask for bytes.
    clock : callable
        Seconds since whenever; those that the bus has passed, where it is simulated.
    """

    def __init__(self, bus: SpiBus, timeout: float = 5.0, clock: Callable[[], float] = time.monotonic):
        self.bus, self.timeout, self._clock = bus, timeout, clock
        self._heard = bytearray()
        self._unescaped = Unescaper()
        self._restarted = False

    @property
    def name(self) -> str:
        """Of the bus."""
        return self.bus.name

    def write(self, data: bytes) -> None:
        """See `BytePipe`."""
        self._exchange(escaped(data))

    def read(self, count: int) -> bytes:
        """See `BytePipe`."""
        deadline = self._clock() + self.timeout
        while len(self._heard) < count:
            if self._clock() > deadline:
                raise LinkError(
                    f"the board at {self.name} fell silent for {self.timeout:g} s: check that the design is "
                    "loaded, and the wires"
                )
            self._exchange(bytes([IDLE]) * max(_POLLED, count - len(self._heard)))
        data = bytes(self._heard[:count])
        del self._heard[:count]
        return data

    def send_break(self) -> None:
        """See `BytePipe`: a byte asks for the restart."""
        self.bus.exchange(bytes([RESTART]))
        self._heard.clear()
        self._unescaped = Unescaper()
        self._restarted = True

    def _exchange(self, data: bytes) -> None:
        for start in range(0, len(data), _MOST):
            came = self.bus.exchange(data[start : start + _MOST])
            if self._restarted and set(came) in ({0x00}, {0xFF}):  # no board says that first
                level = "high" if came[0] else "low"
                raise LinkError(
                    f"MISO of {self.name} stays {level}: check the wires, and that the design is loaded"
                )
            self._restarted = False
            self._heard += self._unescaped(came)

    def close(self) -> None:
        """Give the bus back."""
        self.bus.close()


class VirtualBus(SpiBus, Protocol):
    """An `SpiBus` with a simulated board, see `boards.compiled`."""

    def state(self) -> Integers:
        """All registers and memories of the board."""
        ...


class VirtualSpiPort(SpiPort):
    """The bus of a virtual board.

    Parameters
    ----------
    virtual : VirtualBus
        Ends with the port.
    timeout
        See `SpiPort`.
    """

    def __init__(self, virtual: VirtualBus, timeout: float = 5.0):
        self.virtual = virtual
        super().__init__(virtual, timeout)
