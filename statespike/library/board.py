"""A network on a board, from Python."""

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from serial.tools import list_ports

from boards.boards import SPI
from boards.folder import BoardBuild, open_build
from boards.host import Answer, Host
from boards.link import Link
from boards.loading import payloads_of
from boards.pipe import OpenedPipe, SerialPort
from boards.spi_port import SpiDevice, SpiPort, VirtualSpiPort
from hdl.emit.loaded import described_tables
from hdl.primitives.reload import LoadedTable
from quantize.errors import StatespikeError
from quantize.formats import Integers
from quantize.identity import network_digest
from quantize.inputs import require_sequences
from quantize.network import QuantizedNetwork
from quantize.session import NETWORK, POSITION
from quantize.words import count

NUMBER, BOARD, MACHINE = "number", "board", "machine"
"""Names of a saved sequence's entries, beside those of `quantize.session`."""

TIMEOUT = 5.0
"""Seconds to wait for bytes of a board."""


@dataclass(frozen=True)
class Loaded:
    """What a board was loaded with.

    Parameters
    ----------
    network_sha256 : str
        See `quantize.identity.network_digest`.
    tables : list of dict
        Name, rows and bits of a row of each table.
    table_bytes : int
        Of all rows.
    frames, sent_bytes : int
        Frames that the board accepted, and bytes of their payloads.
    seconds : float
        From the first frame until the board was ready again.
    """

    network_sha256: str
    tables: list[dict[str, Any]]
    table_bytes: int
    frames: int
    sent_bytes: int
    seconds: float

    def sentence(self) -> str:
        """What was loaded, in words."""
        return (
            f"loaded {count(len(self.tables), 'table')} of {self.table_bytes:,} bytes in "
            f"{count(self.frames, 'frame')} and {self.seconds:.2f} s"
        )


class Board:
    """A network on a board: what `statespike.build` made, behind a serial port or an SPI bus.

    Use as a context manager, or call `close`. The board is restarted, and refused if it holds another design
    than the folder's.

    Parameters
    ----------
    folder : path
        A build folder of a board.
    port : str, optional
        Serial port, such as /dev/ttyUSB1, COM3 or a URL of pyserial; of a build for SPI a device such as
        /dev/spidev0.0. By default the only one there is.
    virtual : bool
        Simulate the board: its whole top is compiled, and runs behind a pseudo-terminal, or at a virtual bus.
    timeout : float
        Seconds to wait for bytes.
    keep : path, optional
        Where the compiled top of a virtual board is kept for the next time.
    network : QuantizedNetwork, optional
        Another one than the folder's, of the same shape: the board is loaded with it unless it is already,
        see `load`. Without one, a board that begins empty is loaded with the folder's unless it holds one.
    saved : mapping, optional
        What `saved` gave: go on with the sequence that was open then. A real board must have stayed powered,
        and nothing else may have used its port.
    on_opening : callable, optional
        Called when all is checked, before the port is opened or the virtual board compiled, which may take
        long.

    Attributes
    ----------
    network : QuantizedNetwork
    build : boards.folder.BoardBuild
    port : str
        Name of the serial port, or of the bus.
    position : int
        Steps of the sequence that is open; 0 if none is.
    loaded : Loaded or None
        What the board was loaded with since it was opened.

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
        network: QuantizedNetwork | None = None,
        saved: Mapping[str, NDArray[np.generic]] | None = None,
        on_opening: Callable[[], object] = lambda: None,
    ):
        self.build = open_build(Path(folder))
        self.network = network or self.build.network
        self.loaded: Loaded | None = None
        link, tables = self.build.link, None
        if network is not None or self.build.begins_empty:
            link, tables = self.build.loaded_with(self.network)
        number = None if saved is None else self._require_own(saved, virtual=virtual)
        self.position = 0 if saved is None else int(saved[POSITION])
        on_opening()
        with ExitStack() as opened:
            line: OpenedPipe
            if virtual:
                line = _virtual_port(self.build, timeout, keep, saved)
            elif self.build.board.line == SPI:
                line = SpiPort(SpiDevice(port or _only_bus(), self.build.sck_mhz), timeout)
            else:
                line = SerialPort(port or _only_port(), self.build.baud, timeout)
            opened.callback(line.close)
            self.port = line.name
            self._line = line
            self._host = Host(line, link, number=number, any_network=tables is not None)
            if tables is not None and self._host.holds != link.identity:
                if network is None and not self._host.holds_none:
                    self._host.require_own()
                self._load(link, tables)
            self._opened = opened.pop_all()

    @property
    def restarts(self) -> int:
        """How often the board was restarted because of a fault on the line."""
        return self._host.faults

    def load(self, network: QuantizedNetwork) -> "Loaded":
        """Load another network of the same shape into the board: answers follow it from now on.

        Of a board that was built with `reload`. The tables stay until others are loaded or the board is
        configured anew.

        Raises
        ------
        StatespikeError
            If the tables are constant, the network has another shape, or the line fails in several attempts:
            the board then holds no network.
        """
        link, tables = self.build.loaded_with(network)
        self.position = 0
        loaded = self._load(link, tables)
        self.network = network
        return loaded

    def _load(self, link: Link, tables: Sequence[LoadedTable]) -> "Loaded":
        sizes: list[int] = []
        began = time.monotonic()
        self._host.load(link, payloads_of(tables, link), sizes.append)
        described = described_tables(tables)
        self.loaded = Loaded(
            network_sha256=link.network,
            tables=described["list"],
            table_bytes=described["bytes"],
            frames=len(sizes),
            sent_bytes=sum(sizes),
            seconds=time.monotonic() - began,
        )
        return self.loaded

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
        valid = require_sequences(data.shape, self.network.features, lengths)
        u = self.network.inputs(data)
        return self._host.run((steps[:length] for steps, length in zip(u, valid, strict=True)), on_answer)

    def ask(self, x: NDArray[np.floating]) -> Answer:
        """The answer to one sequence (steps, features) of real data, and how long it took; see `run`."""
        answers: list[Answer] = []
        self.run(np.asarray(x)[None], on_answer=answers.append)
        return answers[0]

    def feed(self, x: NDArray[np.floating], *, ended: bool = False) -> Answer:
        """The answers that the next real steps x (steps, features) of a sequence give, (answers, classes).

        As of `statespike.Session`, on the board.

        Raises
        ------
        StatespikeError
            If the steps do not suit the network, or the line fails within the sequence.
        """
        data = np.asarray(x)[None]
        require_sequences(data.shape, self.network.features)
        u = self.network.inputs(data)[0]
        self.network.require_lengths(np.array([self.position + len(u)]))
        answer = self._host.go_on(u, self.position, ended=ended)
        self.position = 0 if ended else self.position + len(u)
        return answer

    def counters(self) -> dict[str, int]:
        """What the board has counted since its last restart, by name; nothing if it was built without.

        `steps` that the network took; `busy_cycles` of the clock from a sequence's first step to its last
        answer; `waiting_cycles` in which a value waited for the network; and for each layer the values that
        it clipped, `clipped_inputs_0` and so on, which stay at 65,535. A folded circuit counts those of all
        layers together, `clipped_inputs_all` and so on.

        Raises
        ------
        StatespikeError
            If the line fails.
        """
        return self._host.counters()

    def saved(self) -> dict[str, NDArray[np.generic]]:
        """The open sequence as arrays for `numpy.savez`; of a virtual board all of it, which then halts.

        A real board keeps its states itself.
        """
        entries: dict[str, NDArray[np.generic]] = {
            POSITION: np.array(self.position),
            NUMBER: np.array(self._host.number),
            NETWORK: np.array(network_digest(self.network)),
            BOARD: np.array(self.build.board.name),
        }
        machine = getattr(self._line, "virtual", None)
        return entries if machine is None else entries | {MACHINE: machine.state()}

    def _require_own(self, saved: Mapping[str, NDArray[np.generic]], *, virtual: bool) -> int:
        """Refuse what `saved` gave of something else; return the number of the frame that is due."""
        wanted = {NETWORK: network_digest(self.network), BOARD: self.build.board.name}
        for name in (POSITION, NUMBER, *wanted):
            kind = "U" if name in wanted else "iu"
            if name not in saved or saved[name].shape or saved[name].dtype.kind not in kind:
                raise StatespikeError(f"a saved sequence lacks {name!r}; begin it anew")
        for name, own in wanted.items():
            if str(saved[name]) != own:
                raise StatespikeError(f"the saved sequence is of another {name}; begin it anew")
        if virtual != (MACHINE in saved):
            here, there = ("virtual", "real") if virtual else ("real", "virtual")
            raise StatespikeError(f"this is a {here} board, and the sequence was saved on a {there} one")
        return int(saved[NUMBER])

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


def _only_bus() -> str:
    """The one SPI device of this machine.

    Raises
    ------
    StatespikeError
        If there is none, or several.
    """
    names = sorted(str(path) for path in Path("/dev").glob("spidev*"))
    if len(names) != 1:
        found = f"there are {', '.join(names)}" if names else "there is none"
        raise StatespikeError(
            f"which SPI device is the board's? {found}; name it with --spi, or take --virtual"
        )
    return names[0]


def _virtual_port(
    build: BoardBuild, timeout: float, keep: Path | None, saved: Mapping[str, NDArray[np.generic]] | None
) -> OpenedPipe:
    from boards.compiled import CompiledBoard, CompiledSpiBoard, compile_board  # imports the simulator

    line = build.board.line
    state = None if saved is None else np.asarray(saved[MACHINE], np.int64)
    with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        library = compile_board(build.design, build.board.device.family, keep or Path(temporary), line)
        if line == SPI:
            return VirtualSpiPort(
                CompiledSpiBoard(library, build.clock_mhz / build.sck_mhz / 2, state), timeout
            )
        try:
            from boards.terminal import TerminalBoard, VirtualPort
        except ImportError as error:
            raise StatespikeError(
                "virtual boards need pseudo-terminals, which this system has none of"
            ) from error
        board = CompiledBoard(library, build.clock_mhz * 1e6 / build.baud, state)
    return VirtualPort(TerminalBoard(board), build.baud, timeout)
