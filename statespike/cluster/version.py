"""Whether two processes run the same program."""

from functools import cache
from typing import NamedTuple

from hdl.emit.manifest import own_version
from quantize.store import program_digest
from statespike.own_packages import NAMES

SHOWN = 8
"""Digits of the digest that are told."""


class Version(NamedTuple):
    """A version of the program: its name, and the SHA-256 of its files."""

    name: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} ({self.sha256[:SHOWN]})"


@cache
def this_version() -> Version:
    """The version that this process runs; between two releases its digest alone tells it from others."""
    return Version(own_version(), program_digest((*NAMES, "statespike"), ()))
