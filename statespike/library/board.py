"""A network on a board, from Python."""

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from serial.tools import list_ports

from boards.folder import BoardBuild, open_build
from boards.host import Answer, Host
from boards.pipe import SerialPort
from quantize.errors import StatespikeError
from quantize.formats import Integers
from quantize.network import QuantizedNetwork

TIMEOUT = 5.0
"""Seconds to wait for bytes of a board."""


class Board:
    """A network on a board: what `statespike.build` made, behind a serial port.

    Use as a context manager, or call `close`. The board is restarted, and refused if it holds another design
    than the folder's.

    Parameters
    ----------
    folder : path
        A build folder of a board.
    port : str, optional
        Serial port, such as /dev/ttyUSB1, COM3 or a URL of pyserial; by default the only one there is.
    virtual : bool
        Simulate the board: its whole top is compiled, and runs behind a pseudo-terminal.
    timeout : float
        Seconds to wait for bytes.
    keep : path, optional
        Where the compiled top of a virtual board is kept for the next time.

    Attributes
    ----------
    network : QuantizedNetwork
    build : boards.folder.BoardBuild
    port : str
        Name of the serial port.

    Raises
    ------
    StatespikeError
        If the folder is no build of a board, there is no port or several, or the board does not answer or
        holds another design.

    Examples
    --------
    >>> import statespike
    >>> network = statespike.quantise(statespike.load("digits-prf"))
    >>> result = statespike.build(network, "board", "icebreaker", seeds=[])
    >>> x = statespike.load_task("digits").test.x[:2]
    >>> with statespike.Board("board", virtual=True) as board:
    ...     logits = board.run(x)
    >>> bool((logits == statespike.evaluate(network, x).logits).all())
    True
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        port: str | None = None,
        *,
        virtual: bool = False,
        timeout: float = TIMEOUT,
        keep: Path | None = None,
    ):
        self.build = open_build(Path(folder))
        self.network: QuantizedNetwork = self.build.network
        with ExitStack() as opened:
            if virtual:
                line: SerialPort = _virtual_port(self.build, timeout, keep)
            else:
                line = SerialPort(port or _only_port(), self.build.baud, timeout)
            opened.callback(line.close)
            self.port = line.name
            self._host = Host(line, self.build.link)
            self._opened = opened.pop_all()

    @property
    def restarts(self) -> int:
        """How often the board was restarted because of a fault on the line."""
        return self._host.restarts - 1

    def run(
        self,
        x: NDArray[np.floating],
        lengths: NDArray[np.integer] | None = None,
        on_answer: Callable[[Answer], None] = lambda answer: None,
    ) -> Integers:
        """Logits (sequences, classes) of real data; the largest one of a sequence is the prediction.

        Parameters
        ----------
        x : real (sequences, steps, features)
            Quantised by the network's own rule, which clips what is out of range:
            `quantize.clipping.input_clipping` counts that.
        lengths : integers (sequences,), optional
            Valid steps of each sequence; all by default.
        on_answer : callable, optional
            Called with each answer, and how long it took.

        Raises
        ------
        StatespikeError
            If the sequences do not suit the network, or the line fails in several attempts.
        """
        data = np.asarray(x)
        if data.ndim != 3 or data.shape[2] != self.network.features or not len(data):
            raise StatespikeError(
                f"the data has shape {data.shape}, the network takes "
                f"(sequences, steps, {self.network.features})"
            )
        u = self.network.inputs(data)
        valid = np.full(len(u), u.shape[1]) if lengths is None else np.asarray(lengths)
        return self._host.run((steps[:length] for steps, length in zip(u, valid, strict=True)), on_answer)

    def ask(self, x: NDArray[np.floating]) -> Answer:
        """The answer to one sequence (steps, features) of real data, and how long it took; see `run`."""
        answers: list[Answer] = []
        self.run(np.asarray(x)[None], on_answer=answers.append)
        return answers[0]

    def close(self) -> None:
        """Give the port back; a virtual board ends."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _only_port() -> str:
    """The one serial port of this machine that has a device behind it.

    Raises
    ------
    StatespikeError
        If there is none, or several.
    """
    names = sorted(port.device for port in list_ports.comports() if port.hwid != "n/a")
    if len(names) != 1:
        found = f"there are {', '.join(names)}" if names else "there is none"
        raise StatespikeError(
            f"which serial port is the board's? {found}; name it with --port, or take --virtual"
        )
    return names[0]


def _virtual_port(build: BoardBuild, timeout: float, keep: Path | None) -> SerialPort:
    # Only here: pseudo-terminals are of POSIX, and this imports the simulator.
    try:
        from boards.terminal import TerminalBoard, VirtualPort
    except ImportError as error:
        raise StatespikeError(
            "virtual boards need pseudo-terminals, which this system has none of"
        ) from error
    from boards.compiled import CompiledBoard, compile_board

    with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        library = compile_board(build.design, build.board.device.family, keep or Path(temporary))
        board = CompiledBoard(library, build.clock_mhz * 1e6 / build.baud)
    return VirtualPort(TerminalBoard(board), build.baud, timeout)
