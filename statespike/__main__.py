"""The program `statespike`."""

from statespike.application import application


def main() -> None:
    """Run the command line, and leave with its exit status."""
    application(prog_name="statespike")


if __name__ == "__main__":
    main()
