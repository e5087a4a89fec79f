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
    style : str
        Where synthesis puts what lies in no single-port memory, see `hdl.primitives.memory.ram`.
    single_port_bits : int
        Lowest bits of a row that lie in single-port memories, which begin with unknown contents.

    Attributes
    ----------
    address, data, write : Signal
        A row is written in each cycle in which `write` is high. Driven by who loads it; what is read in such
        a cycle, and until the next reset, means nothing.
    """

    name: str
    words: Sequence[int]
    width: int
    style: str = "block"
    single_port_bits: int = 0
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


@dataclass(frozen=True)
class _Collection:
    tables: list[LoadedTable]
    single_port_bits: Sequence[int]


_COLLECTED: ContextVar[_Collection | None] = ContextVar("_COLLECTED", default=None)


@contextmanager
def collected_tables(single_port_bits: Sequence[int] = ()) -> Iterator[list[LoadedTable]]:
    """Tables of the components elaborated here can be loaded, and come into this list in a fixed order.

    Parameters
    ----------
    single_port_bits : sequence of int
        Of each table in that order, or of none.
    """
    collection = _Collection([], single_port_bits)
    before = _COLLECTED.set(collection)
    try:
        yield collection.tables
    finally:
        _COLLECTED.reset(before)


def loaded_table(name: str, words: Sequence[int], width: int, style: str) -> LoadedTable | None:
    """A table among those that are collected; None where tables are constant."""
    collection = _COLLECTED.get()
    if collection is None:
        return None
    bits = collection.single_port_bits
    number = len(collection.tables)
    collection.tables.append(LoadedTable(name, words, width, style, bits[number] if bits else 0))
    return collection.tables[-1]
