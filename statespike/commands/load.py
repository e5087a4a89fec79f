"""`statespike load`: another network into a board that is configured already."""

from dataclasses import asdict

from boards.folder import open_build
from statespike.board_line import BoardLine, BuildPath, Keep, Port, Spi, Timeout, Virtual
from statespike.library.board import TIMEOUT
from statespike.networks import integers_of, name_of
from statespike.options import Json, NetworkPath
from statespike.output import say, write_json


def load(
    build: BuildPath,
    network: NetworkPath,
    port: Port = None,
    virtual: Virtual = False,
    spi: Spi = None,
    timeout: Timeout = TIMEOUT,
    keep: Keep = None,
    json: Json = None,
) -> None:
    """Load another network into a board that was built with --reload.

    Nothing is placed and routed. The board must hold the bitstream, and the network must have
    the sizes and formats of the one that was built: a checkpoint is quantised to them on the
    way. The board answers as this network until another one is loaded or its power goes; a
    virtual board begins anew each time, so there --network of `statespike run` is of more use.

    Example: statespike load build/reload digits-gsu_lean --virtual
    """
    other = integers_of(network, formats_of=open_build(build).network)
    with BoardLine(build, port, spi, virtual, timeout, keep).opened(other) as board:
        title, loaded, restarts = board.build.board.title, board.loaded, board.restarts
    if loaded is None:
        say(f"{title} on {board.port} holds {name_of(network)} already")
    else:
        say(f"{title} on {board.port} holds {name_of(network)}: {loaded.sentence()}")
    write_json(
        json,
        {
            "build": str(build),
            "board": board.build.board.name,
            "port": board.port,
            "virtual": virtual,
            "restarts": restarts,
            "loaded": None if loaded is None else asdict(loaded),
        },
    )
