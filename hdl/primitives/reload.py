"""Tables that can be written while a circuit rests: collected on request as components are elaborated."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from amaranth.hdl import Signal


@dataclass(eq=False)
class LoadedTable:
    """A table of a network that its circuit can be given anew.

    Parameters
    ----------
    name : str
        Of the memory in its component.
    words : sequence of int
        Unsigned, row after row: what it holds when the circuit is configured.
    width : int
        Bits of a row.

    Attributes
    ----------
    address, data, write : Signal
        A row is written in each cycle in which `write` is high. Driven by who loads it; what is read in such
        a cycle, and until the next reset, means nothing.
    """

    name: str
    words: Sequence[int]
    width: int
    address: Signal = field(init=False)
    data: Signal = field(init=False)
    write: Signal = field(init=False)

    def __post_init__(self) -> None:
        self.address = Signal(range(self.depth), name=f"{self.name}_address")
        self.data = Signal(self.width, name=f"{self.name}_data")
        self.write = Signal(name=f"{self.name}_write")

    @property
    def depth(self) -> int:
        """Rows."""
        return max(len(self.words), 2)

    @property
    def row_bytes(self) -> int:
        """Bytes that hold a row."""
        return -(-self.width // 8)

    @property
    def content_bytes(self) -> int:
        """Bytes of all rows."""
        return len(self.words) * self.row_bytes


_COLLECTED: ContextVar[list[LoadedTable] | None] = ContextVar("_COLLECTED", default=None)


@contextmanager
def collected_tables() -> Iterator[list[LoadedTable]]:
    """Tables of the components elaborated here can be loaded, and come into this list in a fixed order."""
    tables: list[LoadedTable] = []
    before = _COLLECTED.set(tables)
    try:
        yield tables
    finally:
        _COLLECTED.reset(before)


def loaded_table(name: str, words: Sequence[int], width: int) -> LoadedTable | None:
    """A table among those that are collected; None where tables are constant."""
    tables = _COLLECTED.get()
    if tables is None:
        return None
    tables.append(LoadedTable(name, words, width))
    return tables[-1]
