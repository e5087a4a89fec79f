"""Reading what `boards.build` wrote: what a host needs of a board's build folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from boards.boards import SPI, UART, Board, board
from boards.build import DESIGN, NETWORK
from boards.link import Link
from hdl.emit.build_folder import CONTENTS, MANIFEST, read_manifest
from hdl.emit.loaded import difference_of_shapes, loaded_shape
from hdl.network.layer_loop import obstacle
from hdl.planning.recorded import folding_of
from hdl.primitives.reload import LoadedTable
from quantize.errors import StatespikeError
from quantize.file import load_network
from quantize.network import QuantizedNetwork
from quantize.reading import reading

AGAIN = "run `statespike build` again"


@dataclass(frozen=True)
class BoardBuild:
    """A build folder of a board.

    Parameters
    ----------
    folder : Path
    board : Board
        As its line joins it.
    clock_mhz : float
        Of the design.
    baud : int
        Of a serial line; 0 of another.
    sck_mhz : float
        Most that SCK may have, of SPI; 0 of another line.
    network : QuantizedNetwork
    link : Link
        Of the network.
    bitstream : Path or None
        None if none was asked for.
    schedule : dict or None
        How parallel a circuit is whose tables can be loaded, see `hdl.planning.recorded.folding_of`.
    """

    folder: Path
    board: Board
    clock_mhz: float
    baud: int
    sck_mhz: float
    network: QuantizedNetwork
    link: Link
    bitstream: Path | None
    schedule: dict[str, Any] | None

    @property
    def begins_empty(self) -> bool:
        """Whether a configured board holds no network: some of its tables have no initial contents."""
        return self.schedule is not None and bool(self.schedule["single_port_bits"])

    def loaded_with(self, network: QuantizedNetwork) -> tuple[Link, Sequence[LoadedTable]]:
        """The link of another network in this circuit, and its tables.

        Raises
        ------
        StatespikeError
            If the tables are constant, or the network has another shape; it says what differs.
        """
        if self.schedule is None:
            raise StatespikeError(
                f"{self.folder} holds a circuit whose tables are constant; `statespike build --reload` makes "
                "one that can be loaded with other networks"
            )

        different = difference_of_shapes(self.network, network)
        if different is None and self.schedule["folded"] and (reason := obstacle(network)):
            raise StatespikeError(
                f"the circuit in {self.folder} serves all layers in turn, and cannot those of this network: "
                f"{reason}"
            )
        if different is None:
            folding = folding_of(self.schedule, self.network, self.board.device)
            shape = loaded_shape(network, folding)
            if shape.digest == self.link.shape:
                return Link.of(network, self.link.counted_layers, shape.digest), shape.tables
            different = "a circuit of other operators"
        raise StatespikeError(
            f"the network does not fit the circuit in {self.folder}: it has {different}; quantise its "
            f"checkpoint with --formats-of {self.folder / NETWORK}, if its sizes are the same"
        )

    @property
    def design(self) -> str:
        """The Verilog of the board's top."""
        return (self.folder / DESIGN).read_text()


def open_build(folder: Path) -> BoardBuild:
    """Read and check a build folder of a board.

    Raises
    ------
    StatespikeError
        If it is none, or a file in it was changed since; in one sentence.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise StatespikeError(
            f"{folder} is not a build folder of this version of statespike; `statespike build` makes one"
        )
    if "board" not in manifest:
        raise StatespikeError(
            f"{folder} holds a circuit without a board; `statespike build` makes one for a board"
        )
    with reading(folder / MANIFEST, "not the manifest of a board's build", AGAIN):
        return _checked(folder, manifest)


def _schedule_of(manifest: dict[str, Any]) -> dict[str, Any]:
    tables = manifest["tables"]
    moved = [table["single_port_bits"] for table in tables["list"]]
    return manifest["schedule"] | {
        "decoder_lanes": manifest["head"]["decoder_lanes"] or 0,
        "single_port_bits": moved if any(moved) else [],
        "buffers_in_blocks": tables["buffers_in_blocks"],
    }


def _checked(folder: Path, manifest: dict[str, Any]) -> BoardBuild:
    bitstream = manifest["bitstream"]
    for name in (DESIGN, NETWORK, *([] if bitstream is None else [bitstream])):
        if name not in manifest[CONTENTS]:
            raise StatespikeError(f"{folder} lacks {name}; {AGAIN}")
        if sha256((folder / name).read_bytes()).hexdigest() != manifest[CONTENTS][name]:
            raise StatespikeError(f"{folder / name} was changed since it was built; {AGAIN}")
    network = load_network(folder / NETWORK)
    link = Link.of(network, manifest["link"].get("counted_layers"), manifest["link"].get("shape"))
    if link.facts != manifest["link"]:
        raise StatespikeError(f"the link in {folder / MANIFEST} is not that of {NETWORK} beside it; {AGAIN}")
    on = board(manifest["board"]).on(manifest.get("line", UART))
    return BoardBuild(
        folder=folder,
        board=on,
        clock_mhz=float(manifest["clock_mhz"]),
        baud=0 if on.line == SPI else int(manifest["baud"]),
        sck_mhz=float(manifest["sck_mhz"]) if on.line == SPI else 0.0,
        network=network,
        link=link,
        bitstream=None if bitstream is None else folder / bitstream,
        schedule=_schedule_of(manifest) if link.shape else None,
    )
