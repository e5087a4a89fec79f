"""A ternary matrix as a graph of additions and subtractions of two, with shared subexpressions."""

from bisect import insort
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np

from quantize.formats import Integers
from quantize.mixing.polarity import BOTH, INVERTED, polarities
from quantize.mixing.product import TernaryProduct, interval, interval_width
from quantize.mixing.sharing import Sharing, share

ZERO = -1
"""In the place of a node: the constant 0."""


@dataclass(frozen=True, eq=False)
class AdderGraph:
    """Nodes 0..inputs-1 are the inputs; every further one adds or subtracts two earlier ones. No shifts.

    Parameters
    ----------
    product : TernaryProduct
        What the graph computes.
    operands : (adders, 2)
        Node `inputs + k` is `left + right` or `left - right`; the left one may be `ZERO`.
    subtract : (adders,) of 0 and 1
    outputs : (outputs,)
        Node of each output, or `ZERO`.
    inverted : (inputs + adders,) of 0 and 1
        Nodes whose signal carries the complement, where an adder inverts its sum at no cost
        (`quantize.mixing.polarity`). Outputs that are adders of their own are not inverted.
    complemented : (adders, 2) of 0 and 1
        Whether an adder reads the complement of an operand. Where that is not the operand's own polarity, an
        inverter a bit is needed.
    """

    product: TernaryProduct
    operands: Integers
    subtract: Integers
    outputs: Integers
    inverted: Integers
    complemented: Integers

    @property
    def inputs(self) -> int:
        return self.product.inputs

    @property
    def adders(self) -> int:
        return len(self.subtract)

    def compute(self, x: Integers) -> Integers:
        """y (..., outputs) of x (..., inputs), adder by adder."""
        values = [x[..., node] for node in range(self.inputs)]
        zero = np.zeros(x.shape[:-1], dtype=np.int64)
        for (left, right), subtract in zip(self.operands, self.subtract, strict=True):
            first = zero if left == ZERO else values[left]
            values.append(first - values[right] if subtract else first + values[right])
        return np.stack([zero if node == ZERO else values[node] for node in self.outputs], axis=-1)

    @cached_property
    def counts(self) -> tuple[Integers, Integers]:
        """How many inputs every node adds, and how many it subtracts: (inputs + adders,) each."""
        plus = np.zeros(self.inputs + self.adders, dtype=np.int64)
        minus = np.zeros_like(plus)
        plus[: self.inputs] = 1
        for adder, ((left, right), subtract) in enumerate(zip(self.operands, self.subtract, strict=True)):
            node = self.inputs + adder
            plus[node], minus[node] = (minus[right], plus[right]) if subtract else (plus[right], minus[right])
            if left != ZERO:
                plus[node] += plus[left]
                minus[node] += minus[left]
        return plus, minus

    @cached_property
    def widths(self) -> Integers:
        """Bits of every node: no node can overflow them, and none needs fewer."""
        return interval_width(*interval(*self.counts, self.product.input_width))

    @cached_property
    def levels(self) -> Integers:
        """Adders on the longest way to every node; 0 for the inputs."""
        levels = np.zeros(self.inputs + self.adders, dtype=np.int64)
        for adder, (left, right) in enumerate(self.operands):
            levels[self.inputs + adder] = 1 + max(0 if left == ZERO else levels[left], levels[right])
        return levels

    @property
    def depth(self) -> int:
        """Adders on the longest way."""
        return int(self.levels.max())

    @property
    def adder_bits(self) -> int:
        """Bits of all adders together."""
        return int(self.widths[self.inputs :].sum())

    @cached_property
    def inverter_bits(self) -> int:
        """Bits of inverters where an adder inverts its sum at no cost, but no operand."""
        both = np.zeros(self.inputs + self.adders, dtype=bool)
        for adder in range(self.adders):
            for node, complement in zip(self.operands[adder], self.complemented[adder], strict=True):
                if node != ZERO:
                    both[node] |= complement != self.inverted[node]
        for node in self.outputs:
            if node != ZERO:
                both[node] |= bool(self.inverted[node])
        return int(self.widths[both].sum())


def adder_graph(product: TernaryProduct, rounds: int | None = None, seed: int = 0) -> AdderGraph:
    """The adder graph of a product, its subexpressions shared by search (`quantize.mixing.sharing`).

    Parameters
    ----------
    rounds : int, optional
        Of the search: more find fewer adders. Chosen by size if not given: a few seconds.
    """
    rounds = default_rounds(product) if rounds is None else rounds
    return graph_of(product, share(product.table, product.input_width, rounds, seed), seed)


def default_rounds(product: TernaryProduct) -> int:
    """Rounds of search that take a few seconds."""
    nonzeros = max(int(np.count_nonzero(product.table)), 1)
    return int(1_000 * min(1.0, (2_000 / nonzeros) ** 2.5))


def graph_of(product: TernaryProduct, sharing: Sharing, seed: int = 0) -> AdderGraph:
    """The graph of shared pairs, and of trees over what remains of each output."""
    builder = _Builder(product, sharing, seed)
    for left, right, subtract in sharing.pairs:
        builder.add(int(left), int(right), bool(subtract))
    outputs = [builder.tree(terms) for terms in sharing.terms.T]
    return AdderGraph(
        product,
        np.array(builder.operands, dtype=np.int64).reshape(-1, 2),
        np.array(builder.subtract, dtype=np.int64),
        np.array(outputs, dtype=np.int64),
        np.array(builder.inverted, dtype=np.int64),
        np.array(builder.complemented, dtype=np.int64).reshape(-1, 2),
    )


class _Builder:
    """Collects adders, and gives every signal its polarity."""

    def __init__(self, product: TernaryProduct, sharing: Sharing, seed: int):
        self.inputs = product.inputs
        self.operands: list[tuple[int, int]] = []
        self.subtract: list[bool] = []
        self.complemented: list[tuple[bool, bool]] = []
        self.sizes = [1] * self.inputs
        available = self._solve(product, sharing, seed)
        self.both = [bool(polarity == BOTH) for polarity in available]
        # A node in both polarities is plain, and its complement comes from inverters.
        self.inverted = [bool(polarity == INVERTED) for polarity in available]
        self.shared = len(available)
        for node in range(self.inputs):
            if self.inverted[node]:
                self.inverted[node], self.both[node] = False, True

    def _solve(self, product: TernaryProduct, sharing: Sharing, seed: int) -> Integers:
        """Polarities of inputs and shared nodes, tied by the pairs and by outputs of two terms."""
        sizes = [1] * self.inputs
        for left, right, _ in sharing.pairs:
            sizes.append(sizes[left] + sizes[right])
        ties = [tuple(pair) for pair in sharing.pairs]
        for terms in sharing.terms.T:
            found = np.flatnonzero(terms)
            if len(found) == 2:
                ties.append((found[0], found[1], int(terms[found].sum() == 0)))
        zeros = np.zeros(len(sizes), dtype=np.int64)
        price = interval_width(*interval(np.array(sizes, dtype=np.int64), zeros, product.input_width))
        return polarities(np.array(ties, dtype=np.int64).reshape(-1, 3), price, self.inputs, seed)

    def add(self, left: int, right: int, subtract: bool) -> int:
        """An adder of two nodes; returns its node."""
        first, second = left != ZERO and self.inverted[left], self.inverted[right]
        if (first ^ second) != subtract:
            # A tree's adder has no other reader and is turned round; else one comes in both polarities.
            if left == ZERO or self._free(left):
                first = self._turn(left)
            elif self._free(right):
                second = self._turn(right)
            elif self.both[left]:
                first = not first
            else:
                second = not second
        node = self.inputs + len(self.operands)
        self.operands.append((left, right))
        self.subtract.append(subtract)
        self.complemented.append((first, second))
        self.sizes.append(self.sizes[right] + (0 if left == ZERO else self.sizes[left]))
        if node >= self.shared:
            self.inverted.append(False)
        return node

    def _free(self, node: int) -> bool:
        return node >= self.shared

    def _turn(self, node: int) -> bool:
        if node == ZERO:
            return True
        self.inverted[node] = not self.inverted[node]
        return self.inverted[node]

    def tree(self, coefficients: Integers) -> int:
        """Adds terms of coefficients -1, 0, 1, smallest first; returns the sum's node."""
        terms = sorted(
            _Term(self.sizes[node], int(node), int(coefficients[node]))
            for node in np.flatnonzero(coefficients)
        )
        if not terms:
            return ZERO
        while len(terms) > 1:
            first, second = self._smallest_pair(terms)
            terms.remove(first)
            terms.remove(second)
            if first.sign < second.sign:  # the negative one is the one to subtract
                first, second = second, first
            node = self.add(first.node, second.node, first.sign != second.sign)
            insort(terms, _Term(self.sizes[node], node, first.sign))
        total = terms[0]
        return total.node if total.sign > 0 else self.add(ZERO, total.node, True)

    def _smallest_pair(self, terms: list["_Term"]) -> tuple["_Term", "_Term"]:
        """The two smallest terms whose polarities fit; of three terms, two always do."""
        fitting = (pair for pair in combinations(terms, 2) if self._fit(*pair))
        return next(fitting, (terms[0], terms[1]))

    def _fit(self, first: "_Term", second: "_Term") -> bool:
        differ = self.inverted[first.node] != self.inverted[second.node]
        return differ == (first.sign != second.sign) or any(
            self._free(term.node) or self.both[term.node] for term in (first, second)
        )


class _Term(NamedTuple):
    """A node in a sum, with its coefficient -1 or 1; terms sort by the number of inputs they add."""

    size: int
    node: int
    sign: int
