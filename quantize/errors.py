"""The error that a user can do something about, and the commonest of them."""

from collections.abc import Mapping
from typing import TypeVar

Found = TypeVar("Found")


class StatespikeError(ValueError):
    """Input that cannot be worked with, told in one sentence: what is wrong, where, and what to do.

    The command line prints the sentence and exits with status 2; everything else is a defect of the program.
    """


def look_up(table: Mapping[str, Found], name: str, what: str, or_else: str = "") -> Found:
    """The entry of a table that a user named.

    Parameters
    ----------
    table : mapping
    name : str
    what : str
        What the names are names of, in words.
    or_else : str
        Something else that the user could do, with a comma before it.

    Raises
    ------
    StatespikeError
        If there is none; the message lists the names.
    """
    if name not in table:
        raise StatespikeError(f"unknown {what} {name!r}; choose one of {', '.join(table)}{or_else}")
    return table[name]
