"""A tree of adders over terms that a table gives their signs."""

from collections.abc import Mapping, Sequence

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value, signed

from quantize.formats import Integers


class SignedTree:
    """A tree of adders over terms with signs, where no adder sees a sign that it cannot take at no cost.

    What matters to an adder is whether its operands' signs differ. Then the second one comes inverted and a
    carry is added, which gives the difference; the first one's sign goes on to the next level. An adder's
    inverted sum costs nothing on iCE40 (its look-up table has an input to spare), so only leaves cost look-up
    tables to invert, and only every other one. A term that is zero takes whatever sign fits.

    Parameters
    ----------
    leaves : int
    """

    def __init__(self, leaves: int):
        self.leaves = leaves
        # Of an odd number of operands the first goes on as it is: only second operands are inverted.
        self.levels: list[list[tuple[int, ...]]] = []
        while leaves > 1:
            odd = leaves % 2
            alone: list[tuple[int, ...]] = [(0,)] * odd
            self.levels.append(alone + [(first, first + 1) for first in range(odd, leaves, 2)])
            leaves = len(self.levels[-1])

    @property
    def depth(self) -> int:
        return len(self.levels)

    def adder_widths(self, leaf_width: int) -> list[list[int]]:
        """Bits of each adder, level by level."""
        widths, found = [leaf_width] * self.leaves, []
        for level in self.levels:
            widths = [max(widths[operand] for operand in pair) + len(pair) - 1 for pair in level]
            found.append([width for pair, width in zip(level, widths, strict=True) if len(pair) == 2])
        return found

    def signs(self, trits: Integers) -> Integers:
        """Bits (rows, leaves) for terms' trits (rows, leaves): of each adder, level by level, whether its
        operands differ in sign; the last one is the sign of the sum."""
        zero, negative = trits == 0, trits < 0
        bits = []
        for level in self.levels:
            zeros, negatives = [], []
            for operands in level:
                first, last = operands[0], operands[-1]
                if len(operands) == 2:
                    fixed = ~zero[:, first] & ~zero[:, last]
                    bits.append(fixed & (negative[:, first] != negative[:, last]))
                negatives.append(np.where(zero[:, first], negative[:, last], negative[:, first]))
                zeros.append(zero[:, first] & zero[:, last])
            zero, negative = np.stack(zeros, axis=1), np.stack(negatives, axis=1)
        return np.stack([*bits, negative[:, 0] & ~zero[:, 0]], axis=1).astype(np.int64)

    def signs_in_gates(
        self, m: Module, advance: Value, zero: Sequence[Value], negative: Sequence[Value]
    ) -> list[dict[int, Value]]:
        """The rows that `build` reads, of terms' trits that arrive with the first of them.

        Only the bits that are read at their age are there. An adder of the tree takes three look-up tables.
        """
        rows: list[dict[int, Value]] = [{} for _ in range(self.depth + 2)]
        rows[0].update(enumerate(zero))
        bit = self.leaves
        for age, level in enumerate(self.levels):
            zeros: list[Value] = []
            negatives: list[Value] = []
            for k, operands in enumerate(level):
                first, last = operands[0], operands[-1]
                if len(operands) == 2:
                    differ = Signal(name=f"differ_{age}_{k}")
                    m.d.comb += differ.eq(~zero[first] & ~zero[last] & (negative[first] ^ negative[last]))
                    rows[age][bit] = differ
                    rows[age + 1][bit] = aged(m, advance, differ, 1, f"differ_{age}_{k}")[1]
                    bit += 1
                either = Mux(zero[first], negative[last], negative[first])
                zeros.append(aged(m, advance, zero[first] & zero[last], 1, f"zero_{age}_{k}")[1])
                negatives.append(aged(m, advance, either, 1, f"negative_{age}_{k}")[1])
            zero, negative = zeros, negatives
        sign = aged(m, advance, negative[0] & ~zero[0], 1, "sign")
        rows[self.depth][bit], rows[self.depth + 1][bit] = sign
        return rows

    def build(
        self,
        m: Module,
        advance: Value,
        values: Sequence[Value],
        rows: Sequence[Value] | Sequence[Mapping[int, Value]],
    ) -> Value:
        """The tree in gates, a level a stage behind the stage of its terms.

        Parameters
        ----------
        m : Module
        advance : Value
            The pipeline moves.
        values : signed, one a leaf
        rows : of 2 x leaves bits
            Which leaves are zero, then `signs`; entry k is the row as it was k moves ago. A bit by its place.

        Returns
        -------
        The signed sum `depth + 1` moves later.
        """
        bits = iter(range(self.leaves, 2 * self.leaves))
        carries = [{k: next(bits) for k, pair in enumerate(level) if len(pair) == 2} for level in self.levels]
        # The bit that inverts an operand of each level; the root is inverted where the sum is negative.
        inversions = [
            {pair[1]: carry[k] for k, pair in enumerate(level) if len(pair) == 2}
            for level, carry in zip(self.levels, carries, strict=True)
        ]
        sign = next(bits)
        inversions.append({0: sign})

        terms: list[Value] = []
        for leaf, value in enumerate(values):
            term = Signal(signed(len(value)), name=f"term_{leaf}", reset_less=True)
            if leaf in inversions[0]:
                value = value ^ rows[0][inversions[0][leaf]].replicate(len(value))
            with m.If(advance):
                with m.If(rows[0][leaf]):
                    m.d.sync += term.eq(0)
                with m.Else():
                    m.d.sync += term.eq(value)
            terms.append(term)
        for age, level in enumerate(self.levels, start=1):
            sums: list[Value] = []
            for k, pair in enumerate(level):
                total = terms[pair[0]]
                if len(pair) == 2:
                    # Signed sums of so many leaves, the first of them not negated, have a bit more a level.
                    width = max(len(total), len(terms[pair[1]])) + 1
                    total = (total + terms[pair[1]] + rows[age][carries[age - 1][k]])[:width]
                if k in inversions[age]:
                    total = total ^ rows[age][inversions[age][k]].replicate(len(total))
                result = Signal(signed(len(total)), name=f"sum_{age}_{k}", reset_less=True)
                with m.If(advance):
                    m.d.sync += result.eq(total)
                sums.append(result)
            terms = sums
        return terms[0] + rows[self.depth + 1][sign]


def aged(m: Module, advance: Value, value: Value, ages: int, name: str) -> list[Value]:
    """`value` and what it was 1..ages moves of the pipeline ago; synthesis drops the bits nobody reads."""
    ages_so_far = [value]
    for age in range(1, ages + 1):
        register = Signal(len(value), name=f"{name}_{age}", reset_less=True)
        with m.If(advance):
            m.d.sync += register.eq(ages_so_far[-1])
        ages_so_far.append(register)
    return ages_so_far
