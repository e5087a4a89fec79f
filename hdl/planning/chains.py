"""Sums in carry chains, as synthesis makes them of a circuit's adders.

Adders of which nothing else reads the sum between are one: a term of one bit is a carry in, and three wide
terms first become two.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hdl.planning.functions import FALSE, TRUE, Functions, Kind

Term = tuple[bool, Sequence[int]]
"""Whether it is subtracted, and its literals."""
NARROWEST = 3
"""Bits of a sum from which on it takes a carry chain."""


@dataclass(frozen=True)
class Chain:
    """A carry chain.

    Parameters
    ----------
    steps : list of (int, int)
        Of each bit, the lowest first: the literals of its sum and of its carry.
    """

    steps: list[tuple[int, int]] = field(default_factory=list)


class Chains:
    """Carry chains among functions.

    Parameters
    ----------
    functions : Functions
    whole : bool
        A chain makes its first sum too, which needs no carry; otherwise that is a gate of its own.
    """

    def __init__(self, functions: Functions, whole: bool):
        self.functions = functions
        self.whole = whole
        self.chains: list[Chain] = []
        self.operands: list[int] = []
        """Literals that chains read."""

    def total(self, terms: Sequence[Term]) -> list[int]:
        """The sum of terms of equal widths, modulo that width."""
        make, width = self.functions, len(terms[0][1])
        carries = sum(negative for negative, _ in terms)
        carry, wide = TRUE if carries else FALSE, []
        for negative, term in terms:
            if not (carry or negative or any(term[1:])):
                carry = term[0]
            else:
                wide.append((negative, [each ^ negative for each in term]))
        if carries > 1:
            wide.append((False, [carries - 1 >> place & 1 for place in range(width)]))
        while len(wide) > 2:
            (_, a), (_, b), (_, c), *wide = wide
            sums = [make.differ(make.differ(x, y), z) for x, y, z in zip(a, b, c, strict=True)]
            passed = [make.majority(x, y, z) for x, y, z in zip(a, b, c, strict=True)]
            wide += [(False, sums), (False, [FALSE, *passed[:-1]])]
        wide += [(False, [FALSE] * width)] * (2 - len(wide))
        wide.sort(key=lambda term: term[0])
        (_, first), (negative, second) = wide
        return self.chain(first, second, carry, subtracts=negative)[0]

    def chain(
        self, a: Sequence[int], b: Sequence[int], carry: int, *, subtracts: bool
    ) -> tuple[list[int], int]:
        """Sum and carry out of two operands and a carry in.

        Parameters
        ----------
        a, b : sequence of int
        carry : int
        subtracts : bool
            `b` is the complement of an operand that is subtracted: a chain that is whole takes it as it is.
        """
        make = self.functions
        sums: list[int] = []
        place = 0
        while place < len(a) and self._passes(a[place], b[place], carry):
            x, y = a[place], b[place]
            sums.append(make.differ(make.differ(x, y), carry))
            carry = make.majority(x, y, carry)
            place += 1
        bits = list(zip(a[place:], b[place:], strict=True))
        if len(bits) < NARROWEST:
            for x, y in bits:
                sums.append(make.differ(make.differ(x, y), carry))
                carry = make.majority(x, y, carry)
            return sums, carry
        chain = Chain()
        self.chains.append(chain)
        for x, y in bits:
            self.operands += (x, y ^ (self.whole and subtracts))
            if not self.whole and not chain.steps and carry <= TRUE:
                total = make.differ(make.differ(x, y), carry)
            else:
                total = make.node(Kind.SUM, (x, y, carry))
            carry = make.node(Kind.CARRY, (x, y, carry))
            chain.steps.append((total, carry))
            sums.append(total)
        return sums, carry

    def _passes(self, x: int, y: int, carry: int) -> bool:
        """Whether a bit needs no chain."""
        if carry > TRUE:
            return False
        if self.whole:
            return carry in (x, y)
        return min(x, y) <= TRUE or x >> 1 == y >> 1
