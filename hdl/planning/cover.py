"""Look-up tables by covering a circuit's functions with tables of four inputs.

In the order of the data, a function goes into all that read it, at most three, where each of them still has
four inputs at most. What is left is a table each. Bits that registers, memories, multipliers, carry chains or
ports read stay.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import compress, count
from typing import Any

from hdl.devices.costs import CellCosts
from hdl.planning.cells import FLIP_FLOPS, Cell, Reader, flag
from hdl.planning.functions import TABLE_INPUTS, TRUE, Kind

MOST_READERS = 3
"""A function with more of them stays a table."""


@dataclass(frozen=True)
class Cover:
    """The look-up tables of a module.

    Parameters
    ----------
    tables : int
        Of functions.
    chains : int
        In carry chains.
    unpaired : int
        What takes a place of its own beside them: bits of registers whose data comes from elsewhere than a
        look-up table that they alone read, but for those of multipliers, and carries without a sum.
    """

    tables: int
    chains: int
    unpaired: int


def cover(
    cells: Iterable[Cell], ports: Iterable[int | str], tables: Mapping[str, Any], costs: CellCosts
) -> Cover:
    """Cover the functions of a module.

    Parameters
    ----------
    cells : iterable of cell
        As Yosys writes them into JSON.
    ports : iterable of bits
        Of the module's outputs.
    tables : mapping of str to (int, sequence of bits)
        See `hdl.planning.cells.Reader`.
    costs : CellCosts
    """
    return _Covering(list(cells), ports, tables, costs).found


class _Covering:
    """The tables that are left, while functions go into others; `inputs` has what each reads."""

    def __init__(
        self, cells: list[Cell], ports: Iterable[int | str], tables: Mapping[str, Any], costs: CellCosts
    ):
        self.reader = Reader(cells, tables, whole_chains=costs.whole_chains)
        self.functions, self.chains = self.reader.functions, self.reader.chains.chains
        self.costs = costs
        self.pins: Counter[int] = Counter(self.reader.literal(bit) for bit in ports)
        self.registers: list[int] = []
        """Literals of registers' data."""
        self.summed: set[int] = set()
        """Functions in the tables of sums."""
        multipliers = [cell for cell in cells if cell["type"] == "$mul"]
        multiplied = {bit for cell in multipliers for bits in cell["connections"].values() for bit in bits}
        for cell in cells:
            self._pin(cell, multiplied)
        live = self._live()
        self._cover(live)
        self.found = self._count(live)

    def _pin(self, cell: Cell, multiplied: set[int | str]) -> None:
        """Note what a cell that is no function reads."""
        reader, kind, connections = self.reader, cell["type"], cell["connections"]
        if kind.startswith(FLIP_FLOPS):
            data = reader.port(cell, "D")
            self.pins.update(data)
            self.registers += [
                literal
                for literal, before, after in zip(data, connections["D"], connections["Q"], strict=True)
                if before not in multiplied and after not in multiplied
            ]
            controls = {
                name: reader.port(cell, name)[0] ^ (not flag(cell, f"{name}_POLARITY"))
                for name in ("EN", "SRST", "ARST", "ALOAD")
                if name in connections
            }
            if kind == "$sdffe" and self.costs.reset_needs_enable:
                controls["EN"] = self.functions.some(controls["EN"], controls["SRST"])
            self.pins.update(controls.values())
        elif kind == "$memrd_v2" and reader.output(cell) == "" and reader.has_table(cell):
            self.pins.update(reader.looked_up(cell))
            self.pins.update(reader.port(cell, "EN"))
        elif reader.output(cell) == "":
            inputs = cell.get("port_directions", {})
            for port in connections:
                if inputs.get(port, "input") == "input" and not port.endswith("CLK"):
                    self.pins.update(reader.port(cell, port))

    def _live(self) -> set[int]:
        """Nodes that pins read, directly or not."""
        live: set[int] = set()
        path = [literal >> 1 for literal in self.pins]
        while path:
            node = path.pop()
            if node not in live:
                live.add(node)
                path += self.functions.reads[node]
        return live

    def _cover(self, live: set[int]) -> None:
        kinds = self.functions.kinds
        order = [node for node in sorted(live) if kinds[node] in (Kind.GATE, Kind.CHOICE)]
        self.inputs = {node: set(self.functions.reads[node]) for node in order}
        self.readers: defaultdict[int, set[int]] = defaultdict(set)
        for node in order:
            for each in self.inputs[node]:
                self.readers[each].add(node)
        self.fixed: Counter[int] = Counter()
        """Readers of a node that are no functions."""
        for literal, number in self.pins.items():
            self.fixed[literal >> 1] += number
        for node in live:
            if kinds[node] in (Kind.SUM, Kind.CARRY):
                reads = self.functions.reads[node]
                self.fixed.update(each for each in reads if kinds[each] is not Kind.CARRY)
        for node in order:
            if node not in self.fixed:
                self._dissolve(node)
        if not self.costs.whole_chains:
            self._into_sums()
        self._four_of_three()

    def _dissolve(self, node: int) -> None:
        """Put a function into all that read it, if they have room."""
        readers, inputs = self.readers[node], self.inputs
        if len(readers) > MOST_READERS:
            return
        own = inputs[node]
        merged = {each: inputs[each] - {node} | own for each in readers}
        if all(len(together) <= TABLE_INPUTS for together in merged.values()):
            inputs.update(merged)
            for each in own:
                self.readers[each] |= readers
                self.readers[each].discard(node)
            del inputs[node], self.readers[node]

    def _into_sums(self) -> None:
        """Put functions of a sum that nothing else reads into the sum's own table."""
        kinds, reads = self.functions.kinds, self.functions.reads
        for node in list(self.inputs):
            for each in self.inputs[node]:
                own = kinds[each] is Kind.SUM and self._alone(each)
                if own and len(self.inputs[node] - {each} | set(reads[each])) <= TABLE_INPUTS:
                    del self.inputs[node]
                    self.summed.add(node)
                    break

    def _four_of_three(self) -> None:
        """Leave out one of three tables that choose one bit of four: two do."""
        kinds = self.functions.kinds
        for node in sorted(self.inputs):
            below = [each for each in self.inputs[node] if each in self.inputs and self._alone(each)]
            choices = [each for each in below if kinds[each] is Kind.CHOICE]
            if kinds[node] is Kind.CHOICE and len(self.inputs[node]) == 3 and len(choices) == 2:
                one, other = choices
                if len(self.inputs[one] | self.inputs[other]) <= 5:
                    del self.inputs[one]

    def _count(self, live: set[int]) -> Cover:
        kinds = self.functions.kinds
        # A table gives the complement too; so does that of a sum, unless it is the chain's own.
        stiff = (Kind.SOURCE, Kind.CARRY, *((Kind.SUM,) if self.costs.whole_chains else ()))
        read = {*self.pins, *self.reader.chains.operands} - {TRUE}
        inverted = {literal >> 1 for literal in read if literal & 1} & live
        inverters = sum(kinds[node] in stiff for node in inverted)
        chains, unpaired = 0, sum(not self._paired(literal >> 1) for literal in self.registers)
        for chain in self.chains:
            summed = [kinds[total >> 1] is Kind.SUM and total >> 1 in live for total, _ in chain.steps]
            used = [some or carry >> 1 in live for some, (_, carry) in zip(summed, chain.steps, strict=True)]
            if self.costs.whole_chains:
                chains += self.costs.adder(max(compress(count(1), used), default=0))
            else:
                chains += sum(summed)
                unpaired += sum(used) - sum(summed)
        return Cover(len(self.inputs) + inverters, chains, unpaired)

    def _alone(self, node: int) -> bool:
        """Whether one function reads a node, and nothing else."""
        return node not in self.fixed and len(self.readers[node]) == 1

    def _paired(self, node: int) -> bool:
        """Whether a node is a table that nothing but a register reads."""
        made = node in self.inputs or node in self.summed or self.functions.kinds[node] is Kind.SUM
        return made and self.fixed[node] == 1 and not self.readers[node]
