"""How every benchmark becomes a command."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import typer

from quantize.errors import StatespikeError
from quantize.files import extending
from statespike.application import sentence_of
from statespike.guarded import GuardedCommand
from statespike.interruption import unwound_by_signals
from statespike.output import is_standard_output, note


class Benchmark(GuardedCommand):
    """A benchmark has the name of its function, which may be that of a command with other options.

    The file of its rows, `--json`, is its own as long as it runs: it goes on with them.
    """

    unused = MappingProxyType({})

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        path = ctx.params.get("json")
        with extending(path if isinstance(path, Path) and not is_standard_output(path) else None):
            return super().invoke(ctx)


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
