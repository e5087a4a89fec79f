"""The program `statespike`."""

import warnings

from amaranth.hdl import UnusedElaboratable

from statespike.application import application


def main() -> None:
    """Run the command line, and leave with its exit status."""
    # A circuit that an error leaves half made is no defect to report.
    warnings.filterwarnings("ignore", category=UnusedElaboratable)
    application(prog_name="statespike")


if __name__ == "__main__":
    main()
