"""Functions of single bits, the subject of a cover by look-up tables.

A literal is a node's number, doubled, and 1 more for its complement: a complement inside a table is free.
Functions that are equal by construction are one node.
"""

from collections.abc import Iterable, Sequence
from enum import Enum, auto

FALSE, TRUE = 0, 1
TABLE_INPUTS = 4
"""Inputs of a look-up table."""
Key = tuple[object, ...]


class Kind(Enum):
    """What a node is."""

    SOURCE = auto()
    """A register's bit, or another one that comes from outside of the functions."""
    GATE = auto()
    CHOICE = auto()
    """One of two bits, by a third."""
    SUM = auto()
    """A bit of a carry chain's sum."""
    CARRY = auto()
    """What a bit of a carry chain gives the next one."""


class Functions:
    """A graph of functions; a node comes after those that it reads."""

    def __init__(self) -> None:
        self.kinds: list[Kind] = [Kind.SOURCE]  # of the constant
        self.reads: list[tuple[int, ...]] = [()]
        """The nodes that each node reads."""
        self._known: dict[Key, int] = {}
        self._packed: set[int] = set()

    def node(self, kind: Kind, literals: Iterable[int] = ()) -> int:
        """A new node that reads literals; its own literal."""
        self.kinds.append(kind)
        self.reads.append(tuple(dict.fromkeys(each >> 1 for each in literals if each > TRUE)))
        return len(self.kinds) - 1 << 1

    def _once(self, kind: Kind, key: Key, literals: Sequence[int]) -> int:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self.node(kind, literals)
        return found

    def every(self, *literals: int) -> int:
        """The conjunction, as one node."""
        terms = set(literals)
        terms.discard(TRUE)
        if FALSE in terms or any(each ^ 1 in terms for each in terms):
            return FALSE
        if len(terms) < 2:
            return terms.pop() if terms else TRUE
        ordered = sorted(terms)
        return self._once(Kind.GATE, ("every", *ordered), ordered)

    def some(self, *literals: int) -> int:
        """The disjunction, as one node."""
        return self.every(*(each ^ 1 for each in literals)) ^ 1

    def differ(self, a: int, b: int) -> int:
        """Exclusive or."""
        complement = (a ^ b) & 1
        a, b = sorted((a & ~1, b & ~1))
        if a == b:
            return complement
        if a == FALSE:
            return b ^ complement
        return self._once(Kind.GATE, ("differ", a, b), (a, b)) ^ complement

    def choose(self, select: int, low: int, high: int) -> int:
        """`high` where `select`, else `low`."""
        if select & 1:
            select, low, high = select ^ 1, high, low
        if select == FALSE or low == high:
            return low
        if low >> 1 == select >> 1:
            low &= 1
        if high >> 1 == select >> 1:
            high = high & 1 ^ 1
        if low == high ^ 1:
            return self.differ(select, low)
        if low <= TRUE:
            return self.some(select ^ 1, high) if low else self.every(select, high)
        if high <= TRUE:
            return self.some(select, low) if high else self.every(select ^ 1, low)
        complement = low & 1
        low, high = low ^ complement, high ^ complement
        return self._once(Kind.CHOICE, ("choose", select, low, high), (select, low, high)) ^ complement

    def majority(self, a: int, b: int, c: int) -> int:
        """What at least two of three literals are."""
        a, b, c = sorted((a, b, c))
        if a >> 1 == b >> 1:
            return a if a == b else c
        if b >> 1 == c >> 1:
            return b if b == c else a
        if a <= TRUE:
            return self.some(b, c) if a else self.every(b, c)
        return self._once(Kind.GATE, ("majority", a, b, c), (a, b, c))

    def all_of(self, literals: Iterable[int]) -> int:
        """The conjunction of many, packed into a tree of tables."""
        terms = [each for each in dict.fromkeys(literals) if each != TRUE]
        while True:
            terms.sort(key=lambda each: -len(self._spread(each)))
            group, rest, inputs = [], [], set[int]()
            for each in terms:
                together = inputs.union(self._spread(each))
                if len(together) <= TABLE_INPUTS:
                    group.append(each)
                    inputs = together
                else:
                    rest.append(each)
            found = self.every(*group)
            if not rest or found == FALSE:
                return found
            self._packed.add(found >> 1)
            terms = [*rest, found]

    def any_of(self, literals: Iterable[int]) -> int:
        """The disjunction of many, packed into a tree of tables."""
        return self.all_of(each ^ 1 for each in literals) ^ 1

    def _spread(self, literal: int) -> tuple[int, ...]:
        """What a table reads in place of a small gate that it takes in."""
        node = literal >> 1
        small = self.kinds[node] is Kind.GATE and len(self.reads[node]) == 2 and node not in self._packed
        return self.reads[node] if small else (node,)

    def looked_up(self, rows: int, address: Sequence[int]) -> int:
        """A bit of a constant table.

        Parameters
        ----------
        rows : int
            The bit in each row, row 0 the lowest.
        address : sequence of int
            Literals, the lowest bit first.
        """
        if not address:
            return rows & 1
        half = 1 << len(address) - 1
        low, high = rows & (1 << half) - 1, rows >> half
        if low == high:
            return self.looked_up(low, address[:-1])
        if len(address) <= TABLE_INPUTS and min(address) > TRUE:
            free = [place for place in range(len(address)) if _depends(rows, place, len(address))]
            if len(free) > 1:
                complement = rows & 1
                rows ^= complement * ((1 << 2 * half) - 1)
                read = [address[place] for place in free]
                return self._once(Kind.GATE, ("rows", rows, *address), read) ^ complement
        below = address[:-1]
        return self.choose(address[-1], self.looked_up(low, below), self.looked_up(high, below))


def _depends(rows: int, place: int, width: int) -> bool:
    """Whether a table's value follows a bit of its address."""
    step = 1 << place
    return any((rows >> row ^ rows >> row + step) & 1 for row in range(1 << width) if not row & step)
