"""`statespike program`: load a bitstream into a board."""

import shlex
import subprocess
from typing import Annotated

import typer

from boards.folder import open_build
from boards.programmers import SOURCES
from hdl.toolchain.tools import find_tool
from quantize.errors import StatespikeError
from statespike.board_line import BuildPath
from statespike.options import Json
from statespike.output import note, say, write_json


def program(
    build: BuildPath,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the command, and run nothing")] = False,
    json: Json = None,
) -> None:
    """Load a build's bitstream into its board, by the board's own programmer.

    Example: statespike program build/icebreaker --dry-run
    """
    built = open_build(build)
    board = built.board
    if built.bitstream is None:
        raise StatespikeError(
            f"{build} holds no bitstream: it was built with --no-bitstream, for virtual boards only; "
            "run `statespike build` without that option"
        )
    command = board.programmer.command(built.bitstream)
    if board.needs:
        note(f"{board.title}: {board.needs}")
    figures = {"board": board.name, "command": command, "programmed": not dry_run}
    if dry_run:
        say(shlex.join(command))
        write_json(json, figures)
        return
    name, *arguments = command
    status = subprocess.call([find_tool(name, SOURCES[name]), *arguments])
    if status != 0:
        raise StatespikeError(
            f"{name} ended with status {status}: is the {board.title} plugged in, and may you use its port?"
        )
    kept = "in its flash" if board.programmer.lasting else "until its power goes"
    say(f"{board.title} holds {built.bitstream.name}, {kept}")
    write_json(json, figures)
