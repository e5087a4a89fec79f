"""The program `statespike`."""

import sys
import warnings
from io import TextIOWrapper

from statespike.application import application
from statespike.interruption import unwound_by_signals


def print_any_character() -> None:
    """Let standard output write what its encoding lacks, as a file's name may be, as an escape."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def main() -> None:
    """Run the command line, and leave with its exit status."""
    # A circuit that an error leaves half made is no defect to report.
    warnings.filterwarnings("ignore", message="(?s).*created but never used")
    print_any_character()
    with unwound_by_signals():
        application(prog_name="statespike")


if __name__ == "__main__":
    main()
