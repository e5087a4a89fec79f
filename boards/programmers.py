"""The programs that load a bitstream into a board."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Programmer:
    """A program, and what it is told.

    Parameters
    ----------
    name : str
        Of the executable.
    arguments : tuple of str
        Before the bitstream's name.
    lasting : bool
        The bitstream goes into the board's flash; otherwise it is lost without power.
    """

    name: str
    arguments: tuple[str, ...] = ()
    lasting: bool = True

    def command(self, bitstream: Path) -> list[str]:
        """What to run, its program first."""
        return [self.name, *self.arguments, str(bitstream)]


SOURCES = {
    "iceprog": "apt install fpga-icestorm, or brew install icestorm",
    "icesprog": "build it from https://github.com/wuxx/icesugar/tree/master/tools",
    "tinyprog": "pip install tinyprog",
    "openFPGALoader": "apt install openfpgaloader, or brew install openfpgaloader",
    "dfu-util": "apt install dfu-util, or brew install dfu-util",
}
"""Name of a programmer -> how to get it."""
