"""A family of FPGAs: everything that differs between one and another, behind one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from amaranth.hdl import Instance, Module, Signal, Value

from hdl.devices.blocks import BlockKind
from hdl.devices.costs import CellCosts
from quantize.errors import StatespikeError

if TYPE_CHECKING:
    from hdl.devices.device import Device


class Pll(ABC):
    """Settings of a family's PLL.

    Parameters
    ----------
    clock_mhz : float
        What it makes.
    """

    clock_mhz: float

    @abstractmethod
    def instance(self, pin: Value, clock: Value, locked: Value) -> Instance:
        """The block: from the oscillator's pin to the clock."""


class Family(ABC):
    """What a family's cells are, how its tools are called, and what things cost in it.

    A component is elaborated with its family as Amaranth's `platform`, or with None for the portable form.
    The methods under "Cells" return None where synthesis finds the cell by itself or there is none; the
    component is then built in its portable form. The classes and methods marked abstract and the class
    variables without a value are what a new family has to fill in; see `docs/architecture.md`.

    Two objects of one class are equal: a family has no state.
    """

    name: ClassVar[str]
    """As users and Yosys spell it."""
    title: ClassVar[str]
    """As its vendor spells it, for messages."""

    # Tools
    package: ClassVar[str]
    """The distribution on PyPI that brings placer and packer."""
    placer: ClassVar[str]
    """The executable of nextpnr for this family."""
    packer: ClassVar[str]
    """The executable that packs a bitstream."""
    layout_suffix: ClassVar[str]
    """Of the file that the placer writes for the packer."""
    constraint_suffix: ClassVar[str]
    """Of files that assign ports to pins."""
    bitstream_suffix: ClassVar[str]
    untimed: ClassVar[str] = ""
    """Cells of which the placer knows no delays, in words: its clocks leave out the paths through them."""
    simulation_models: ClassVar[tuple[str, ...]] = ()
    """Yosys' Verilog models of its cells, below its share folder; none if some cells have no model at all."""
    cell_models: ClassVar[str] = ""
    """Verilog of the cells that those lack."""
    simulation_defines: ClassVar[tuple[str, ...]] = ()
    """Macros that Verilator needs to read those."""
    pll_model: ClassVar[str] = ""
    """Verilog of its PLL for simulation: locked from the start, and its output is its input."""

    # What it holds
    cells: ClassVar[Mapping[str, Mapping[str, int]]]
    """Resource ("lut", "bram", "spram", "dsp") -> type of cell -> how many of the resource one cell takes."""
    flip_flop: ClassVar[str]
    """With what the types of its flip-flops begin."""
    block_kinds: ClassVar[tuple[BlockKind, ...]]
    """The ways in which synthesis uses a memory block, in the order of Yosys' library."""
    block_bits: ClassVar[int]
    """Bits of one memory block, the parity bits included."""
    single_port_shape: ClassVar[tuple[int, int]] = (1, 1)
    """Words of a single-port memory, and bits of each; of families whose devices have some."""
    distributed_cell: ClassVar[str] = ""
    """Type of the cell of writable look-up tables, 16 rows of four bits; empty if there is none."""
    costs: ClassVar[CellCosts]
    """What operators come to in its cells."""
    counts_own_cells: ClassVar[bool]
    """Costs are counted in the circuit with the family's own cells; otherwise in the portable form."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @property
    def distributed_memories(self) -> bool:
        """Whether look-up tables can be written: what streamed builds keep their short memories in."""
        return self.distributed_cell != ""

    # Cells

    def multiplier(self, a: Value, b: Value, product: Signal) -> Instance | None:
        """A multiplier block with registers for operands and product: `product` two cycles after `a` and `b`.

        Parameters
        ----------
        a : signed
        b : signed or unsigned
        product : Signal(signed(len(a) + len(b)))
        """
        return None

    def adding_multiplier(
        self, a: Value, b: Value, adds: Value, addend: Value, total: Signal
    ) -> Instance | None:
        """A multiplier block whose own adder gives `total`, of 32 bits.

        `total` is `addend` plus the product of the operands a cycle earlier than `addend`, or without that
        product where `adds` was 0 in the addend's cycle.
        """
        return None

    def trit_sum(
        self, m: Module, total: Value, value: Value, nonzero: Value, negative: Value
    ) -> Value | None:
        """`total + trit * value` modulo 2**len(total) in cells of its own, added to `m`."""
        return None

    def single_port_memory(
        self, m: Module, address: Value, write: Value, w_data: Value, r_data: Signal, selected: Value
    ) -> None:
        """A memory of one port in the family's single-port memories, added to `m`.

        Only asked of families whose devices have such memories. Where `selected` is low, nothing is written
        and `r_data` stays.

        Raises
        ------
        ValueError
            If the address is wider than that of the memories.
        StatespikeError
            If the family has no such memories.
        """
        raise StatespikeError(
            f"the {self.title} has no single-port memories; plan for a device of the family"
        )

    def pll(self, input_mhz: float, output_mhz: float, *, at_pad: bool = True) -> Pll:
        """The settings of the PLL whose output comes nearest to `output_mhz`.

        Parameters
        ----------
        input_mhz, output_mhz : float
        at_pad : bool
            The input's pin leads straight to a PLL.

        Raises
        ------
        StatespikeError
            If the nearest is more than 1 % away, or the family's PLL is not supported.
        """
        raise StatespikeError(f"the PLL of the {self.title} is not supported: take the board's own clock")

    # Tools

    @abstractmethod
    def synthesis(self, device: Device, *, wide_tables: bool) -> str:
        """Yosys commands that map the design `top` and write `netlist.json`.

        Parameters
        ----------
        device : Device
        wide_tables : bool
            See `hdl.toolchain.synthesise`.
        """

    @abstractmethod
    def placement_arguments(
        self, device: Device, layout: str, constraints: str | None, *, free: bool
    ) -> list[str]:
        """What the placer is told beside netlist, seed, clock and report.

        Parameters
        ----------
        device : Device
        layout : str
            Name of the file to write.
        constraints : str or None
            Name of a constraint file; None where the device has no `free_constraints`.
        free : bool
            Ports that have no constraint may take any pin; otherwise that is an error.
        """

    @abstractmethod
    def packing_arguments(self, device: Device, layout: str, bitstream: str) -> list[str]:
        """What the packer is told."""

    @abstractmethod
    def constraints(
        self,
        pins: Mapping[str, str],
        clock_mhz: float,
        standards: Mapping[str, str] = MappingProxyType({}),
        pulled_up: Collection[str] = (),
    ) -> Sequence[str]:
        """Lines of a constraint file.

        Parameters
        ----------
        pins : mapping of port to pin
        clock_mhz : float
            Of the port `clk`.
        standards : mapping of port to str
            Levels of ports that are not at 3.3 V.
        pulled_up : collection of str
            Ports that are high when nothing drives them.
        """

    # Counts

    @abstractmethod
    def absorbed_registers(self, a_width: int, b_width: int) -> int:
        """Flip-flops around a multiplier of the counted form that are a multiplier block's own."""


def require_near(made_mhz: float, input_mhz: float, output_mhz: float) -> None:
    """Refuse a clock more than 1 % away from the wanted one.

    Raises
    ------
    StatespikeError
    """
    if abs(made_mhz - output_mhz) > 0.01 * output_mhz:
        raise StatespikeError(f"the PLL cannot make {output_mhz:g} MHz of {input_mhz:g} MHz")
