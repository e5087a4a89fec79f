"""Where a board is, as commands are told: its build, and the line to it or its simulation."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from boards.boards import SPI
from boards.folder import open_build
from quantize.errors import StatespikeError
from quantize.network import QuantizedNetwork
from statespike.library.board import Board
from statespike.output import progress

BuildPath = Annotated[
    Path, typer.Argument(metavar="BUILD", help="folder that `statespike build` wrote", show_default=False)
]

Port = Annotated[
    str | None,
    typer.Option(metavar="DEV", help="serial port of the board  [default: the only one]", show_default=False),
]
Spi = Annotated[
    str | None,
    typer.Option(
        metavar="DEV", help="SPI device of the board, of a build with --link spi", show_default=False
    ),
]
Virtual = Annotated[
    bool, typer.Option("--virtual", help="simulate the board, behind a pseudo-terminal or a virtual bus")
]
Timeout = Annotated[float, typer.Option(min=0.1, metavar="S", help="seconds to wait for bytes")]
Keep = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="keep the compiled virtual board here for the next run", show_default=False
    ),
]


@dataclass(frozen=True)
class BoardLine:
    """A board, not opened yet.

    Parameters
    ----------
    build : Path
        Folder that `statespike build` wrote.
    port, spi : str, optional
        Device of its line; the only serial port by default.
    virtual : bool
        Simulate the board instead.
    timeout : float
        Seconds to wait for bytes.
    keep : Path, optional
        Folder of the compiled virtual board.
    """

    build: Path
    port: str | None
    spi: str | None
    virtual: bool
    timeout: float
    keep: Path | None

    def opened(
        self, network: QuantizedNetwork | None, saved: Mapping[str, NDArray[np.generic]] | None = None
    ) -> Board:
        """Open the board, with progress on standard error; see `Board`.

        Raises
        ------
        StatespikeError
            If the device is of another line than the build.
        """
        if not self.virtual:
            self._require_line()
        under_way = "compiling the virtual board" if self.virtual else "opening the port"
        with progress() as bars:
            return Board(
                self.build,
                self.port or self.spi,
                virtual=self.virtual,
                timeout=self.timeout,
                keep=self.keep,
                network=network,
                saved=saved,
                on_opening=lambda: bars.add_task(under_way, total=None),
            )

    def _require_line(self) -> None:
        if self.port is self.spi is None:
            return
        line = open_build(self.build).board.line
        if (line == SPI) != (self.port is None):
            own, other = ("--spi", "--port") if line == SPI else ("--port", "--spi")
            raise StatespikeError(
                f"the design in {self.build} was built with --link {line}: name its device with {own}, "
                f"not {other}"
            )
