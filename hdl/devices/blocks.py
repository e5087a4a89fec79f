"""How synthesis lays memories out in memory blocks: the choice that Yosys' `memory_libmap` makes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

# Yosys' weights of a two-way multiplexer for a bit that is read, of a gate for a block that is written, and
# of a read port that shares none with a write port.
_MULTIPLEXER, _GATE, _PORT = 0.5, 0.5, 2.0


@dataclass(frozen=True)
class BlockKind:
    """One way to use a memory block.

    Parameters
    ----------
    address_bits : int
        Of the narrowest shape; each next shape has half the words.
    widths : tuple of int
        Word widths, the narrowest first.
    written : range
        Which of the widths, by index, the write port can have.
    byte : int
        Bits with a write enable of their own; 0 if only whole words have one.
    cost : int
        In Yosys' library; it weighs blocks against multiplexers.
    shares_ports : bool
        A read and a write at one address use one port.
    one_port : bool
        There is no other: not for what is read and written at different addresses.
    """

    address_bits: int
    widths: tuple[int, ...]
    written: range
    byte: int
    cost: int
    shares_ports: bool = False
    one_port: bool = False


def count_blocks(
    kinds: Sequence[BlockKind], depth: int, width: int, *, written: bool, single_port: bool = False
) -> int:
    """Blocks that Yosys takes for a memory of one read port and, if it is written, one write port.

    A word need not start at a block's word: where a memory is deeper than a block, its parts stand side by
    side, and the bits of all parts fill the blocks. Yosys takes the cheapest way, in which blocks weigh most
    and the multiplexers that choose between parts weigh something.

    Parameters
    ----------
    kinds : sequence of BlockKind
        In the order of Yosys' library, for the first of equals is taken.
    depth, width : int
    written : bool
    single_port : bool
        It is read and written at the same address.
    """
    choices = (
        (cost + (0 if single_port and kind.shares_ports else _PORT), blocks)
        for kind in kinds
        if not (kind.one_port and written and not single_port)
        for cost, blocks in [_best_shape(kind, depth, width, written)]
    )
    return min(choices, key=lambda choice: choice[0])[1]


@cache
def _best_shape(kind: BlockKind, depth: int, width: int, written: bool) -> tuple[float, int]:
    """Cost and blocks of a kind's best shape."""
    best: tuple[float, int] | None = None
    limit = 0
    for cost, blocks in _shapes(kind, depth, width, written):
        if best is None or cost < limit:
            best, limit = (cost, blocks), int(cost)  # Yosys compares with the truncated cost
    assert best is not None, "every kind has a shape that can be written"
    return best


def _shapes(kind: BlockKind, depth: int, width: int, written: bool) -> Iterator[tuple[float, int]]:
    """Cost and blocks of each shape, the narrowest first."""
    # Narrower words than the write port's are written by enables of bytes, but none narrower than a byte.
    byte_bits = kind.byte or kind.widths[-1]
    first_byte = max((index for index, bits in enumerate(kind.widths) if bits <= byte_bits), default=0)
    for index, unit in enumerate(kind.widths):
        if written and index not in kind.written:
            if index > kind.written[-1]:
                return
            if index < first_byte:
                continue
        byte = min(kind.byte or unit, unit) if written else 1
        parts = -(-depth // (1 << kind.address_bits - index))
        stored = parts * (-(-width // byte) * byte)
        blocks = -(-stored // unit)
        cost = kind.cost * blocks + _MULTIPLEXER * (parts - 1) * width
        if written and parts > 1:
            cost += _GATE * parts
        yield cost, blocks
