"""Whether two processes run the same program."""

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import statespike
from hdl.emit.manifest import own_version
from statespike.own_packages import NAMES

SOURCES = (".py", ".cpp", ".h", ".v", ".in")
"""Suffixes of files that the program is made of; trained networks are sent as they are needed."""
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
    home = Path(statespike.__file__).parents[1]
    digest = hashlib.sha256()
    for package in (*NAMES, "statespike"):
        for path in sorted((home / package).rglob("*")):
            if path.suffix in SOURCES:
                content = path.read_bytes()
                digest.update(f"{path.relative_to(home).as_posix()}\0{len(content)}\0".encode() + content)
    return Version(own_version(), digest.hexdigest())
