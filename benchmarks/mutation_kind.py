"""What a kind of files is to the mutations: how a whole one is made, and who reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mutators import Mutate


@dataclass(frozen=True)
class Kind:
    """Files of a kind.

    Parameters
    ----------
    name : str
        Of the file in its folder.
    make : callable
        Writes a whole file of the kind, and what belongs beside it.
    read : callable
        What the commands do with one.
    mutations : tuple of callables
    """

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], object]
    mutations: tuple[Mutate, ...]
