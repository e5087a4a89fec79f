"""What link and counters take of a board's part, and so the room that is left for a network."""

from dataclasses import replace

from amaranth.lib.wiring import Component

from boards.boards import LINK_CELLS, Board
from boards.build import buffer_of, shell_of
from boards.link import Link
from hdl.devices.devices import Device
from hdl.devices.resources import Resources
from hdl.network.counted import CountedNetwork, layers_counted
from hdl.network.folding import Folding
from hdl.network.top import Network
from hdl.planning.census import census
from hdl.planning.cost import counted_form
from hdl.planning.design_space import foldings
from hdl.primitives.drafts import drafts
from hdl.toolchain.verilog import rtlil_text
from quantize.network import QuantizedNetwork
from quantize.words import count


def room_for(
    network: QuantizedNetwork,
    board: Board,
    *,
    counters: bool = False,
    folded: bool | None = None,
    buffer_in_block: bool = False,
) -> Device:
    """The part of a board without what the link takes, and the counters.

    The link's logic was measured (`boards.boards.LINK_CELLS`), its buffer is exact. Counters are weighed by
    the cost model, in the smallest circuit; those of others take the same but for a few cells.

    Parameters
    ----------
    network : QuantizedNetwork
    board : Board
    counters : bool
        The board counts.
    folded : bool, optional
        As of `hdl.planning.planner.plan_network`.
    buffer_in_block : bool
        The link's buffer leaves single-port memories to the network.

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    room = _without(board.device, LINK_CELLS[board.line])
    buffer = buffer_of(Link.of(network), board.device, in_block=buffer_in_block)
    room = _without(room, buffer)
    if not counters:
        return room
    with drafts():
        choices = [one for one in foldings(network, board.device) if one.folded == bool(folded)]
    return _without(room, _counters(network, board, choices[-1])) if choices else room


def kept(board: Board, room: Device) -> Resources:
    """What of a board's part is not in the room for a network."""
    whole = board.device
    return Resources(
        lut=whole.luts - room.luts,
        ff=whole.flip_flops - room.flip_flops,
        bram=whole.block_rams - room.block_rams,
        spram=whole.sprams - room.sprams,
        dsp=whole.dsps - room.dsps,
    )


def buffer_in_block(board: Board, room: Device) -> bool:
    """Whether the link's buffer leaves a part's single-port memories to the network; see `room_for`."""
    return 0 < board.device.sprams == room.sprams


def kept_in_words(board: Board, room: Device, *, counters: bool) -> str:
    """A sentence's end on what is not in the room, for `counters` too."""
    cells = kept(board, room)
    logic = "look-up table" if board.device.family.costs.packing is None else "logic cell"
    named = [(cells.lut, logic), (cells.bram, "block memory"), (cells.spram, "single-port memory")]
    users = "the link and the counters" if counters else "the link"
    return f"{' and '.join(count(number, name) for number, name in named if number)} are kept for {users}"


def _without(device: Device, cells: Resources) -> Device:
    return replace(
        device,
        luts=device.luts - cells.lut,
        flip_flops=device.flip_flops - cells.ff,
        block_rams=device.block_rams - cells.bram,
        sprams=device.sprams - cells.spram,
    )


def _counters(network: QuantizedNetwork, board: Board, folding: Folding) -> Resources:
    """What counting adds to the whole top."""
    without = _weighed(Network(network, folding), Link.of(network), board)
    layers = layers_counted(network, folding)
    counting = _weighed(CountedNetwork(network, folding), Link.of(network, layers), board)
    return Resources(counting.lut - without.lut, counting.ff - without.ff, 0, 0, 0)


def _weighed(component: Component, link: Link, board: Board) -> Resources:
    """The cost model's cells of a board's top; logic cells for look-up tables where flip-flops share them."""
    device = board.device
    shell, _ = shell_of(component, link, board)
    found = census(rtlil_text(shell, platform=counted_form(device)), device.family)
    cells = found.resources(device)
    return cells if device.family.costs.packing is None else replace(cells, lut=found.logic_cells(device))
