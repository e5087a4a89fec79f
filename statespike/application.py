"""The application: the table of commands, and the one place where errors become sentences."""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from quantize.errors import StatespikeError
from statespike.commands.build import build
from statespike.commands.cost import cost
from statespike.commands.demo import demo
from statespike.commands.evaluate import evaluate
from statespike.commands.generate import generate
from statespike.commands.import_ import import_
from statespike.commands.inspect import inspect
from statespike.commands.quantize import quantize
from statespike.commands.report import report
from statespike.commands.simulate import simulate
from statespike.commands.train import train

COMMANDS = (demo, train, import_, evaluate, quantize, inspect, generate, simulate, report, cost, build)


class Commands(TyperGroup):
    """Commands whose expected errors are one sentence on standard error, and exit status 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except StatespikeError as error:
            sentence = str(error)
        except BrokenPipeError:
            raise
        except OSError as error:
            sentence = str(error.strerror or error)
            if error.filename is not None:
                sentence = f"{error.filename}: {sentence}"
        print("error:", " ".join(sentence.split()), file=sys.stderr)
        raise typer.Exit(2)


application = typer.Typer(
    cls=Commands,
    help="Trained spiking and gated state-space models as bit-exact streaming circuits for open FPGAs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
for command in COMMANDS:
    # A command whose name is a word of Python has an underscore behind it.
    application.command(command.__name__.rstrip("_"))(command)
