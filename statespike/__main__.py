"""The program `statespike`."""

import warnings

from statespike.application import application
from statespike.interruption import unwound_by_signals


def main() -> None:
    """Run the command line, and leave with its exit status."""
    # A circuit that an error leaves half made is no defect to report.
    warnings.filterwarnings("ignore", message="(?s).*created but never used")
    with unwound_by_signals():
        application(prog_name="statespike")


if __name__ == "__main__":
    main()
