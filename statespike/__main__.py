"""The program `statespike`."""

import signal
import sys
import warnings

from statespike.application import application


def main() -> None:
    """Run the command line, and leave with its exit status."""
    # A circuit that an error leaves half made is no defect to report.
    warnings.filterwarnings("ignore", message="(?s).*created but never used")
    # What is under way cleans up behind itself, as it does after an interrupt.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    application(prog_name="statespike")


if __name__ == "__main__":
    main()
