"""`statespike boards`: the boards that designs are built for."""

from typing import Any

from boards.boards import BOARDS, USB, Board
from statespike.options import Json
from statespike.output import new_table, say_prose, show, write_json


def boards(json: Json = None) -> None:
    """List the boards with their FPGA, clock, links and programmer.

    The serial line is on the board's USB socket unless it says where.

    Example: statespike boards --json boards.json
    """
    table = new_table("name", "device", "MHz", "links", "programmer")
    for board in BOARDS.values():
        links, programmer = ", ".join(board.lines), board.programmer.name
        table.add_row(board.name, board.device.name, f"{board.clock_mhz:g}", links, programmer)
    show(table)
    for what, words in (
        ("", {board.name: board.needs for board in BOARDS.values()}),
        (", serial line", {board.name: board.link for board in BOARDS.values() if board.link != USB}),
        (", SPI", {board.name: board.spi.words for board in BOARDS.values() if board.spi is not None}),
    ):
        for name, text in words.items():
            if text:
                say_prose(f"{name}{what}: {text}")
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
