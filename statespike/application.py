"""The application: the table of commands, and the one place where errors become sentences."""

import inspect
import sys
from collections.abc import Sequence
from importlib import import_module
from signal import SIGPIPE
from typing import Any

import typer
from typer.core import TyperGroup

from quantize.errors import StatespikeError, bounded, look_up
from quantize.extras import sentence_of_missing

COMMANDS = {
    "demo": "Run a trained network's circuit on handwritten digits.",
    "train": "Train a network on a task and write its checkpoint.",
    "import": "Turn another program's trained network into a checkpoint.",
    "evaluate": "Measure the accuracy of a network on a task's test set, class by class.",
    "quantize": "Turn a checkpoint into a network of integers.",
    "inspect": "Print every layer of a network: formats, widths, tables, and how far its values can go.",
    "generate": "Turn a network into Verilog for an FPGA.",
    "simulate": "Compare a network's circuit with the integer reference, bit by bit.",
    "listen": "Let a network listen to a stream of spoken digits, and count hits and false alarms.",
    "report": "Measure trained networks on their tasks' test sets.",
    "cost": "Estimate what networks take of an FPGA, side by side.",
    "energy": "Model the energy of a network's circuit, part by part, as ranges.",
    "compare": "Compare the kinds of neurons: shipped networks of equal size, all in the same kind of build.",
    "build": "Turn a network into a bitstream for a board.",
    "explore": "Search for networks and their circuits under several objectives.",
    "boards": "List the boards with their FPGA, clock, links and programmer.",
    "program": "Load a build's bitstream into its board, by the board's own programmer.",
    "load": "Load another network into a board that was built with --reload.",
    "run": "Run sequences through a network on a board, or on a virtual one.",
    "mixer": "Turn a constant ternary matrix into a core of additions.",
}
"""Name of a command -> the line that `statespike --help` says of it.

A command is the function of its name in the module of its name below `statespike.commands`, which is imported
when it is called. A name that is a word of Python has an underscore behind it there.
"""

OUT_OF_MEMORY = "there is not enough memory; choose smaller sizes, or fewer sequences with --limit"


class Commands(TyperGroup):
    """Commands that are imported when they are called.

    Expected errors are one sentence on standard error, and exit status 2.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of a network's way."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command.

        Raises
        ------
        StatespikeError
            If there is none of the name.
        """
        look_up(COMMANDS, cmd_name, "command")
        if cmd_name not in self.commands:
            name = f"{cmd_name}_" if cmd_name == "import" else cmd_name
            module = import_module(f"statespike.commands.{name}")
            self.commands[cmd_name] = _command(cmd_name, getattr(module, name))
        return self.commands[cmd_name]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Run the command line, and leave with its exit status."""
        arguments = list(sys.argv[1:] if args is None else args)
        try:
            # Without arguments there is nothing to do but to help.
            try:
                status = super().main(arguments or ["--help"], *rest, **options | {"standalone_mode": False})
            except SystemExit as end:
                # Typer ends with 1 when nobody reads the output any more: no difference in a circuit.
                status = 128 + SIGPIPE if end.code == 1 else end.code
        except (StatespikeError, typer.TyperException, OSError) as error:
            print("error:", sentence_of(error), file=sys.stderr)
            status = 2
        except (MemoryError, RuntimeError) as error:
            # PyTorch says with a RuntimeError of its own that there is no memory.
            if not isinstance(error, MemoryError) and "allocate memory" not in str(error):
                raise
            print("error:", OUT_OF_MEMORY, file=sys.stderr)
            status = 2
        except ModuleNotFoundError as error:
            missing = sentence_of_missing(error)
            if missing is None:
                raise
            print("error:", missing, file=sys.stderr)
            status = 2
        sys.exit(status)


def _command(name: str, function: Any) -> Any:
    from statespike.guarded import GuardedCommand  # with what it imports: not for every --help

    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    # The paragraph of the example stays a line that can be copied.
    text = inspect.getdoc(function) or ""
    single.command(name, help=text.replace("\n\nExample:", "\n\n\b\nExample:"), cls=GuardedCommand)(function)
    return typer.main.get_command(single)


def sentence_of(error: Exception) -> str:
    """What the terminal is told of an expected error: a line of bounded length, of printable characters."""
    if isinstance(error, OSError) and error.strerror is not None:
        text = error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    elif isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        where = "" if context is None else f"; see `{context.command_path} --help`"
        text = error.format_message().rstrip(".") + where
    else:
        text = str(error)
    return bounded(text)


application = typer.Typer(
    name="statespike",
    cls=Commands,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


@application.callback()
def _describe() -> None:
    """Trained spiking and gated state-space models as bit-exact streaming circuits for open FPGAs."""
