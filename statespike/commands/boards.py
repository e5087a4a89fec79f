"""`statespike boards`: the boards that designs are built for."""

from typing import Any

from boards.boards import BOARDS, Board
from statespike.options import Json
from statespike.output import new_table, say, show, write_json


def boards(json: Json = None) -> None:
    """List the boards with their FPGA, clock, links and programmer.

    Example: statespike boards --json boards.json
    """
    table = new_table("name", "board", "device", "MHz", "serial line", "links", "programmer")
    for board in BOARDS.values():
        table.add_row(
            board.name,
            board.title,
            board.device.name,
            f"{board.clock_mhz:g}",
            board.link,
            ", ".join(board.lines),
            board.programmer.name,
        )
    show(table)
    for board in BOARDS.values():
        if board.needs:
            say(f"{board.name}: {board.needs}")
    for board in BOARDS.values():
        if board.spi is not None:
            say(f"{board.name}, SPI: {board.spi.words}")
    write_json(json, {"boards": [_figures(board) for board in BOARDS.values()]})


def _figures(board: Board) -> dict[str, Any]:
    return {
        "name": board.name,
        "title": board.title,
        "family": board.device.family.name,
        "device": board.device.name,
        "clock_mhz": board.clock_mhz,
        "pins": board.pins,
        "baud": board.baud,
        "link": board.link,
        "links": board.lines,
        "spi": None if board.spi is None else {"pins": board.spi.pins, "where": board.spi.words},
        "programmer": board.programmer.name,
        "lasting": board.programmer.lasting,
        "needs": board.needs,
    }
