"""`statespike build`: a bitstream for a board."""

from pathlib import Path
from typing import Annotated

import typer

from boards.boards import SPI, UART
from boards.boards import board as board_named
from boards.build import NETWORK, pll_for
from boards.room import kept_in_words
from hdl.emit.build_folder import refuse_others
from quantize.words import count
from statespike.library.bitstreams import board_plan
from statespike.library.bitstreams import build as build_network
from statespike.networks import integers_of, tell_smaller
from statespike.options import Folded, Json, NetworkPath, Rate, Seeds
from statespike.output import note, progress, remark, say, write_json


def build(
    network: NetworkPath,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="folder to write", show_default=False)
    ],
    board: Annotated[
        str, typer.Option(metavar="BOARD", help="one that `statespike boards` lists")
    ] = "icebreaker",
    link: Annotated[
        str, typer.Option(metavar="LINK", help="to the host: uart, or spi where a board has pins for it")
    ] = UART,
    clock: Annotated[
        float | None,
        typer.Option(metavar="MHZ", help="by default the board's oscillator; another by the PLL"),
    ] = None,
    rate: Rate = None,
    folded: Folded = False,
    seeds: Seeds = 3,
    bitstream: Annotated[
        bool,
        typer.Option(
            "--bitstream/--no-bitstream", help="without one, for a virtual board only: takes seconds"
        ),
    ] = True,
    counters: Annotated[
        bool, typer.Option("--counters", help="count steps, cycles and clipped values on the board")
    ] = False,
    reload: Annotated[
        bool,
        typer.Option(
            "--reload", help="tables in memory that is written: other networks of its shape can be loaded"
        ),
    ] = False,
    json: Json = None,
) -> None:
    """Turn a network into a bitstream for a board.

    The design talks to the host over a serial port or SPI. With --counters, `statespike run` tells
    what the board itself has counted. With --reload, `statespike load` and `statespike run
    --network` load other networks of the same sizes and formats over the same line; the
    board begins with this one.

    Example: statespike build smnist-gsu --board icebreaker -o build/icebreaker
    """
    refuse_others(output)
    target = board_named(board).on(link)
    pll_for(target, clock)  # what cannot be is told before any work
    integers = integers_of(network, shared_formats=folded)
    with progress() as bars:
        bars.add_task("planning", total=None)
        plan = board_plan(
            integers, target, clock, rate=rate, folded=folded or None, counters=counters, reload=reload
        )
    note(f"of {target.device.name}, {kept_in_words(target, plan.device, counters=counters)}")
    tell_smaller(integers, plan, rate)
    with progress() as bars:
        bars.add_task(f"building for {target.name}", total=None)
        chosen = range(1, seeds + 1) if bitstream else ()
        result = build_network(
            integers,
            output,
            target.name,
            plan=plan,
            clock_mhz=clock,
            seeds=chosen,
            counters=counters,
            link=link,
            reload=reload,
        )
    if counters and plan.folded:
        remark("one block serves all layers in turn: the board counts clipped values of all layers together")
    if reload:
        tables = result.manifest["tables"]
        remark(
            f"{count(len(tables['list']), 'table')} of {tables['bytes']:,} bytes can be loaded; quantise "
            f"other checkpoints with --formats-of {output / NETWORK}"
        )
        if not tables["begin_loaded"]:
            moved = sum(table["single_port_bits"] > 0 for table in tables["list"])
            remark(
                f"block memories run out: {moved} of the tables {'lies' if moved == 1 else 'lie'} in "
                "single-port memories, which a bitstream cannot initialise; the board holds no network until "
                "`statespike run` or `load` loads one"
            )
    speed = f"{target.name} at {result.manifest['clock_mhz']:g} MHz"
    joined = f"serial port at {target.baud} baud"
    if target.line == SPI:
        joined = f"SPI up to {result.manifest['sck_mhz']:g} MHz at {target.link}"
    if result.bitstream is None:
        say(f"wrote {output} without a bitstream: {speed}, {joined}, for `statespike run --virtual`")
    else:
        fastest, untimed = max(result.manifest["fmax_mhz"]), result.manifest["untimed"]
        possible = f"{fastest:.1f} would be possible"
        if untimed:
            possible = f"the tools' {fastest:.1f} leaves out paths through {untimed}"
        if result.manifest["dense_seeds"]:
            remark(f"{target.name} is nearly full: some seeds found a place at full density only")
        say(f"wrote {result.bitstream}: {speed} ({possible}), {joined}")
    write_json(json, result.manifest)
