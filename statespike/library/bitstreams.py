"""Bitstreams of quantised networks, for boards."""

import os
from collections.abc import Sequence
from pathlib import Path

from amaranth.lib.wiring import Component

from boards.boards import UART, Board
from boards.boards import board as board_named
from boards.build import Build, pll_for
from boards.build import build as build_board
from boards.link import Link
from boards.room import buffer_in_block, kept, kept_in_words, room_for
from hdl.emit.generate import expected_of
from hdl.emit.loaded import loaded_shape, placed_tables
from hdl.emit.manifest import manifest_of
from hdl.network.counted import CountedNetwork, layers_counted
from hdl.network.reloadable import ReloadableNetwork
from hdl.network.top import Network
from hdl.planning.planner import Plan, plan_network
from quantize.errors import StatespikeError
from quantize.network import QuantizedNetwork


def board_plan(
    network: QuantizedNetwork,
    target: Board,
    clock_mhz: float | None = None,
    *,
    rate: float | None = None,
    folded: bool | None = None,
    counters: bool = False,
    reload: bool = False,
) -> Plan:
    """How parallel a network's circuit is on a board, at its clock, beside link and counters; see `build`.

    With `reload` the plan of a circuit whose tables can be loaded; of circuits equally fast, one without
    tables in single-port memories. The other arguments are those of `statespike.plan`.
    """
    pll = pll_for(target, clock_mhz)
    made = network.for_any_contents() if reload else network
    found: list[Plan] = []
    # Where tables may need all single-port memories, the link's buffer is tried in both places.
    for in_block in (False, True)[: 1 + (reload and target.device.sprams > 0)]:
        room = room_for(made, target, counters=counters, folded=folded, buffer_in_block=in_block)
        room = room.at(pll.clock_mhz if pll else target.clock_mhz)
        try:
            found.append(plan_network(made, room, rate=rate, folded=folded))
        except StatespikeError as error:
            failure = StatespikeError(f"{error}; {kept_in_words(target, room, counters=counters)}")
            failure.__cause__ = error
    if not found:
        raise failure

    def cost(plan: Plan) -> tuple[int, bool, int]:
        blocks = plan.estimate.bram + kept(target, plan.device).bram
        # Any that reaches a rate is fast enough.
        return plan.cycles_per_step if rate is None else 0, any(plan.single_port_bits), blocks

    return min(found, key=cost)


def build(
    network: QuantizedNetwork,
    folder: str | os.PathLike[str],
    board: str = "icebreaker",
    *,
    plan: Plan | None = None,
    clock_mhz: float | None = None,
    seeds: Sequence[int] = (1, 2, 3),
    counters: bool = False,
    link: str = UART,
    reload: bool = False,
) -> Build:
    """Make a bitstream for a board: the network behind a serial port, or on an SPI bus.

    Parameters
    ----------
    network : QuantizedNetwork
    folder : path
        Receives Verilog, bitstream, manifest, the network and the tools' logs; replaced as a whole.
    board : str
        One of `boards.boards.BOARDS`.
    plan : Plan, optional
        Of this network for this board, clock, link and counters, see `board_plan`.
    clock_mhz : float, optional
        By default the board's oscillator; another one is made by the PLL.
    seeds : sequence of int
        Of the placer; the fastest result becomes the bitstream, which takes minutes. Without any there is
        none: what is written then serves a virtual board (`statespike.Board`).
    counters : bool
        Count steps, cycles and clipped values on the board, see `statespike.Board.counters`.
    link : str
        "uart", or "spi" on a board that has pins for it.
    reload : bool
        All tables of the network can be loaded over the link with those of another one in the same formats
        and sizes, see `statespike.Board.load`. Where block memories run out, some tables lie in single-port
        memories, and the board begins without a network.

    Raises
    ------
    StatespikeError
        If the board has no pins for the link, no circuit fits, a tool is missing or fails, or no seed reaches
        the clock.

    Examples
    --------
    >>> import statespike
    >>> network = statespike.quantise(statespike.load("digits-prf"))
    >>> result = statespike.build(network, "board", "ulx3s-25f", seeds=[1])
    >>> result.bitstream.suffix, result.manifest["board"]
    ('.bit', 'ulx3s-25f')
    """
    target = board_named(board).on(link)
    chosen = plan or board_plan(network, target, clock_mhz, counters=counters, reload=reload)
    made = network.for_any_contents() if reload else network
    circuit: Component = CountedNetwork(made, chosen) if counters else Network(made, chosen)
    counted = layers_counted(network, chosen) if counters else None
    facts = manifest_of(made, chosen) | {"kept": kept(target, chosen.device).as_dict()}
    shape = None
    if reload:
        loaded = loaded_shape(network, chosen)
        shape, facts["tables"] = loaded.digest, placed_tables(loaded.tables, chosen)
    agreed = Link.of(network, counted, shape)
    if reload:
        circuit = ReloadableNetwork(circuit, agreed.loaded_identity, chosen.single_port_bits)
    return build_board(
        circuit,
        agreed,
        target,
        Path(folder),
        clock_mhz=clock_mhz,
        seeds=seeds,
        expected=expected_of(chosen),
        no_collisions=True,
        facts=facts,
        integers=network,
        buffer_in_block=reload and buffer_in_block(target, chosen.device),
    )
