"""Yosys' cells as functions of single bits."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from types import MappingProxyType
from typing import Any

from hdl.planning.chains import Chains, Term
from hdl.planning.functions import FALSE, TRUE, Functions, Kind

Cell = Mapping[str, Any]
Bit = int | str
ADDERS = ("$add", "$sub", "$neg")
COMPARISONS = ("$lt", "$le", "$gt", "$ge")
TABLE = "$memrd_v2"
FLIP_FLOPS = ("$dff", "$sdff", "$adff", "$aldff")
"""With what the types of registers begin."""
SHIFTERS = ("$shl", "$sshl", "$shr", "$sshr", "$shift", "$shiftx")
PAIRS: dict[str, Callable[[Functions, int, int], int]] = {
    "$and": lambda make, a, b: make.every(a, b),
    "$or": lambda make, a, b: make.some(a, b),
    "$xor": lambda make, a, b: make.differ(a, b),
    "$xnor": lambda make, a, b: make.differ(a, b) ^ 1,
}
REDUCTIONS: dict[str, Callable[[Functions, list[int]], int]] = {
    "$reduce_and": lambda make, bits: make.all_of(bits),
    "$reduce_or": lambda make, bits: make.any_of(bits),
    "$reduce_bool": lambda make, bits: make.any_of(bits),
    "$reduce_xor": lambda make, bits: reduce(make.differ, bits, FALSE),
    "$logic_not": lambda make, bits: make.any_of(bits) ^ 1,
}


def flag(cell: Cell, name: str) -> bool:
    """Whether a parameter is set."""
    return "1" in cell["parameters"].get(name, "0")


def table_of(cell: Cell) -> str:
    """The memory that a cell reads or fills."""
    return cell["parameters"]["MEMID"].removeprefix("\\")


class Reader:
    """The functions of a module's cells.

    Parameters
    ----------
    cells : iterable of cell
        As Yosys writes them into JSON.
    tables : mapping of str to (int, sequence of bits)
        Name of a memory -> bits of a word, and the contents, of constant tables in logic.
    whole_chains : bool
        See `hdl.planning.chains.Chains`.
    """

    def __init__(
        self,
        cells: Iterable[Cell],
        tables: Mapping[str, tuple[int, Sequence[Bit]]] = MappingProxyType({}),
        *,
        whole_chains: bool,
    ):
        self.functions = Functions()
        self.chains = Chains(self.functions, whole_chains)
        self._literals: dict[Bit, int] = {"0": FALSE, "1": TRUE, "x": FALSE, "z": FALSE}
        self._kinds = self._readers()
        self._tables = tables
        self._made_by: dict[Bit, Cell] = {}
        self._read: Counter[Bit] = Counter()
        for cell in cells:
            output = self.output(cell)
            for port, bits in cell["connections"].items():
                if port == output:
                    self._made_by.update(dict.fromkeys(bits, cell))
                else:
                    self._read.update(bits)
        inner = self._inner_sums()
        for cell in _in_order(self._made_by, self.output):
            if id(cell) not in inner:
                made = self._kinds[cell["type"]](cell)
                self._literals.update(zip(cell["connections"][self.output(cell)], made, strict=False))

    def output(self, cell: Cell) -> str:
        """The port of a cell that is a function of its others; empty of a cell that is none."""
        if cell["type"] == TABLE:
            return "DATA" if self.has_table(cell) and not flag(cell, "CLK_ENABLE") else ""
        return "Y" if cell["type"] in self._kinds else ""

    def has_table(self, cell: Cell) -> bool:
        """Whether a cell reads a constant table in logic."""
        return cell["type"] == TABLE and table_of(cell) in self._tables

    def literal(self, bit: Bit) -> int:
        """Of a bit; of one that no function makes it is a source."""
        found = self._literals.get(bit)
        if found is None:
            found = self._literals[bit] = self.functions.node(Kind.SOURCE)
        return found

    def port(self, cell: Cell, name: str, width: int | None = None) -> list[int]:
        """Literals of a port, extended or cut to a width."""
        bits = [self.literal(bit) for bit in cell["connections"][name]]
        if width is None:
            return bits
        fill = bits[-1] if bits and flag(cell, f"{name}_SIGNED") else FALSE
        return bits[:width] + [fill] * (width - len(bits))

    def _readers(self) -> dict[str, Callable[[Cell], Iterable[int]]]:
        """Type of cell -> what gives the literals of its output."""
        return {
            **dict.fromkeys(PAIRS, self._pair),
            **dict.fromkeys(REDUCTIONS, self._reduction),
            **dict.fromkeys(ADDERS, self._adder),
            **dict.fromkeys(COMPARISONS, self._comparison),
            **dict.fromkeys(SHIFTERS, self._shifter),
            "$not": lambda cell: [each ^ 1 for each in self.port(cell, "A", _width(cell))],
            "$eq": self._equality,
            "$ne": self._equality,
            "$mux": self._choice,
            "$pmux": self._choices,
            TABLE: self.looked_up,
        }

    def looked_up(self, cell: Cell) -> list[int]:
        """The word that a constant table gives for an address."""
        width, contents = self._tables[table_of(cell)]
        address = self.port(cell, "ADDR")
        columns = ("".join(map(str, contents[place::width])) for place in range(width))
        return [self.functions.looked_up(int(column[::-1], 2), address) for column in columns]

    def _pair(self, cell: Cell) -> list[int]:
        width, make = _width(cell), PAIRS[cell["type"]]
        a, b = self.port(cell, "A", width), self.port(cell, "B", width)
        return [make(self.functions, x, y) for x, y in zip(a, b, strict=True)]

    def _reduction(self, cell: Cell) -> list[int]:
        return _flag_word(cell, REDUCTIONS[cell["type"]](self.functions, self.port(cell, "A")))

    def _choice(self, cell: Cell) -> list[int]:
        (select,) = self.port(cell, "S")
        low, high = self.port(cell, "A"), self.port(cell, "B")
        return [self.functions.choose(select, a, b) for a, b in zip(low, high, strict=True)]

    def _choices(self, cell: Cell) -> Iterator[int]:
        """One of several words, of which at most one is selected, or another one."""
        make, width = self.functions, _width(cell)
        selects, others, words = self.port(cell, "S"), self.port(cell, "A"), self.port(cell, "B")
        for place, other in enumerate(others):
            of_data = defaultdict(list)
            for select, data in zip(selects, words[place::width], strict=True):
                of_data[data].append(select)
            complement = other == TRUE  # the fewer terms
            terms = [
                make.every(make.any_of(chosen), data ^ complement)
                for data, chosen in of_data.items()
                if data ^ complement != FALSE
            ]
            if other > TRUE:
                terms.append(make.every(other, make.any_of(selects) ^ 1))
            yield make.any_of(terms) ^ complement

    def _equality(self, cell: Cell) -> list[int]:
        make, width = self.functions, max(len(cell["connections"][name]) for name in "AB")
        a, b = self.port(cell, "A", width), self.port(cell, "B", width)
        equal = make.all_of([make.differ(x, y) ^ 1 for x, y in zip(a, b, strict=True)])
        return _flag_word(cell, equal ^ (cell["type"] == "$ne"))

    def _shifter(self, cell: Cell) -> list[int]:
        """A stage for each bit of the distance."""
        make, kind, width = self.functions, cell["type"], _width(cell)
        word, distance = self.port(cell, "A"), self.port(cell, "B")
        sign = word[-1] if flag(cell, "A_SIGNED") else FALSE
        beyond = sign if kind == "$sshr" else FALSE
        word += [sign] * (width - len(word))
        for place, select in enumerate(distance):
            step = 1 << place
            backwards = flag(cell, "B_SIGNED") and kind.startswith("$shift") and place == len(distance) - 1
            if kind in ("$shl", "$sshl") or backwards:
                moved = ([FALSE] * step + word)[: len(word)]
            else:
                moved = word[step:] + [beyond] * min(step, len(word))
            word = [make.choose(select, a, b) for a, b in zip(word, moved, strict=True)]
        return word[:width]

    def _comparison(self, cell: Cell) -> list[int]:
        """The carry out of a difference."""
        width = max(len(cell["connections"][name]) for name in "AB")
        a, b = self.port(cell, "A", width), self.port(cell, "B", width)
        if flag(cell, "A_SIGNED"):
            a[-1] ^= 1
            b[-1] ^= 1
        if cell["type"] in ("$gt", "$le"):
            a, b = b, a
        _, not_less = self.chains.chain(a, [each ^ 1 for each in b], TRUE, subtracts=True)
        return _flag_word(cell, not_less ^ (cell["type"] in ("$lt", "$gt")))

    def _adder(self, cell: Cell) -> list[int]:
        return self.chains.total(list(self._terms(cell, _width(cell))))

    def _terms(self, cell: Cell, width: int, negative: bool = False) -> Iterator[Term]:
        """Whether each term of a sum is subtracted, and its literals; of sums between, their terms."""
        for name in "AB" if "B" in cell["connections"] else "A":
            minus = negative ^ (cell["type"] == "$neg" or (cell["type"] == "$sub" and name == "B"))
            inner = self._inner_of(cell, name)
            if inner is None:
                yield minus, self.port(cell, name, width)
            else:
                yield from self._terms(inner, width, minus)

    def _inner_of(self, cell: Cell, name: str) -> Cell | None:
        """The adder of a port, if nothing else reads its sum."""
        bits = cell["connections"][name]
        inner = self._made_by.get(bits[0]) if bits else None
        if inner is None or inner["type"] not in ADDERS or inner is cell:
            return None
        sums = inner["connections"]["Y"]
        width = max(len(inner["connections"][name]) for name in "AB" if name in inner["connections"])
        kept = len(sums) == _width(cell) or len(sums) > width
        alone = list(sums) == list(bits) and all(self._read[bit] == 1 for bit in bits)
        return inner if kept and alone else None

    def _inner_sums(self) -> set[int]:
        adders = {id(cell): cell for cell in self._made_by.values() if cell["type"] in ADDERS}
        found = set()
        for cell in adders.values():
            for name in "AB" if "B" in cell["connections"] else "A":
                inner = self._inner_of(cell, name)
                if inner is not None:
                    found.add(id(inner))
        return found


def _width(cell: Cell) -> int:
    return len(cell["connections"]["Y"])


def _flag_word(cell: Cell, literal: int) -> list[int]:
    return [literal, *[FALSE] * (_width(cell) - 1)]


def _in_order(made_by: Mapping[Bit, Cell], output: Callable[[Cell], str]) -> Iterator[Cell]:
    """Cells behind those that they read, as far as whole cells have such an order."""
    begun: set[int] = set()

    def read(cell: Cell) -> Iterator[Cell]:
        of_functions = output(cell)
        for port, bits in cell["connections"].items():
            if port != of_functions:
                for bit in bits:
                    if bit in made_by:
                        yield made_by[bit]

    for first in made_by.values():
        if id(first) in begun:
            continue
        begun.add(id(first))
        path = [(first, read(first))]
        while path:
            cell, before = path[-1]
            following = next((each for each in before if id(each) not in begun), None)
            if following is None:
                path.pop()
                yield cell
            else:
                begun.add(id(following))
                path.append((following, read(following)))
