"""How every benchmark becomes a command."""

import sys
from collections.abc import Callable
from types import MappingProxyType

import typer

from quantize.errors import StatespikeError
from statespike.application import sentence_of
from statespike.guarded import GuardedCommand
from statespike.interruption import unwound_by_signals
from statespike.output import note


class Benchmark(GuardedCommand):
    """A benchmark has the name of its function, which may be that of a command with other options."""

    unused = MappingProxyType({})


def command(*runs: Callable[..., None]) -> None:
    """Run a benchmark with the arguments of the command line; bad input ends in a sentence and status 2.

    Of several, the first argument names the one that is meant.
    """
    application = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    for run in runs:
        application.command(cls=Benchmark)(run)
    try:
        with unwound_by_signals():
            application()
    except StatespikeError as error:
        note(f"error: {sentence_of(error)}")
        sys.exit(2)
