"""The error that a user can do something about, and the commonest of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

Found = TypeVar("Found")


LONGEST_SENTENCE = 390
"""Characters of an error."""
_TAIL = 130
"""Characters of its end that are kept: what to do about it."""


def bounded(text: str) -> str:
    """One line of bounded length, of printable characters: a sentence may quote a file or its name."""
    # Of a long text only its ends are looked at.
    if len(text) > 2 * LONGEST_SENTENCE:
        text = f"{text[:LONGEST_SENTENCE]}{text[-LONGEST_SENTENCE:]}"
    text = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if len(text) > LONGEST_SENTENCE:
        text = f"{text[: LONGEST_SENTENCE - _TAIL - 5]} ... {text[-_TAIL:]}"
    return text


class StatespikeError(ValueError):
    """Input that cannot be worked with, told in one sentence: what is wrong, where, and what to do.

    The command line prints the sentence and exits with status 2; everything else is a defect of the program.

    Parameters
    ----------
    sentence : str
        Bounded, see `bounded`.
    """

    def __init__(self, sentence: str = "") -> None:
        super().__init__(bounded(sentence))


@contextmanager
def writing_to(name: str) -> Iterator[None]:
    """Let an error of writing tell what is written to, unless it does; that nobody reads any more is none.

    Parameters
    ----------
    name : str
        A path, or what standard output is called.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, name) from error


@contextmanager
def naming(source: str) -> Iterator[None]:
    """Let errors about data tell where the data is from, unless they do.

    Parameters
    ----------
    source : str
        A file, a folder or a task.
    """
    try:
        yield
    except StatespikeError as error:
        if source in str(error):
            raise
        raise StatespikeError(f"{source}: {error}") from error


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
