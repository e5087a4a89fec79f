"""How every benchmark becomes a command."""

import sys
from collections.abc import Callable

import typer

from quantize.errors import StatespikeError
from statespike.output import note


def command(run: Callable[..., None]) -> None:
    """Run a benchmark with the arguments of the command line; bad input ends in a sentence and status 2."""
    try:
        typer.run(run)
    except StatespikeError as error:
        note(str(error))
        sys.exit(2)
