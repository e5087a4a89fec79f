"""What a circuit costs on a part, estimated from the circuit itself: its operators and memories, counted.

Nothing here knows what a layer looks like, so an estimate cannot fall behind the components. Multipliers and
memory blocks are exact; look-up tables are weighted operators, within about a tenth of synthesis.
"""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

from hdl.devices.devices import Device, Family
from hdl.devices.resources import Resources, too_many
from hdl.primitives.single_port import SINGLE_PORT, SPRAM_WIDTH, SPRAM_WORDS
from hdl.toolchain.verilog import run_yosys

# Width and depth of the shapes one memory block can take.
BLOCK_SHAPES: dict[Family, list[tuple[int, int]]] = {
    "ice40": [(16, 256), (8, 512), (4, 1024), (2, 2048)],
    "ecp5": [(36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)],
}

# Look-up tables a bit of result, fitted to the synthesised components of this project (docs/performance.md).
OPERATOR_WEIGHTS: dict[Family, dict[str, float]] = {
    "ice40": {"add": 0.86, "subtract": 1.7, "multiplex": 0.2, "compare": 0.8, "gate": 0.1, "shift": 1.08},
    "ecp5": {
        "add": 1.36,
        "subtract": 1.8,
        "multiplex": 0.25,
        "compare": 0.73,
        "gate": 0.1,
        "shift": 1.2,
        "carry": 2,  # a cell, which is as many bits
    },
}
OPERATORS = {
    "carry": ("CCU2C",),
    "add": ("$add", "$alu", "$macc", "$macc_v2"),
    "subtract": ("$sub", "$neg"),
    "multiplex": ("$mux", "$pmux", "$bmux"),
    "compare": ("$eq", "$ne", "$lt", "$le", "$gt", "$ge"),
    "gate": (
        "$and",
        "$or",
        "$xor",
        "$xnor",
        "$not",
        "$reduce_or",
        "$reduce_and",
        "$reduce_bool",
        "$logic_not",
    ),
    "shift": ("$shr", "$shl", "$sshr", "$sshl", "$shiftx", "$shift"),
}
FLIP_FLOPS = ("$dff", "$sdff", "$adff", "$aldff")
# Two look-up tables of the iCE40 choose from four bits.
CHOOSER_WEIGHT = 2 / 3
# Flip-flops of a product that are the multiplier block's own on the iCE40, beside those of its operands.
PRODUCT_REGISTER = 32
# A multiplier without a block, for each product of operand bits.
PRODUCT_WEIGHT = 1.56

CONTENTS = re.compile(r"^ *cell \$meminit_v2 .*?^ *end\n", re.DOTALL | re.MULTILINE)
"""What memories hold at the start, in RTLIL: most of a large network's text, and no matter of its size."""


# Cells that nextpnr packed over those counted here, for carries without a sum: 1.04 to 1.08 for four circuits
# of the shipped GSU of sequential MNIST, which fill the UP5K; of small networks it packs up to 1.16 as many.
PACKING = 1.07


def shortfall(estimate: Resources, logic_cells: int, device: Device) -> list[str]:
    """What a part lacks for a circuit of about so many cells, in words; placement needs some to spare.

    Parameters
    ----------
    estimate : Resources
    logic_cells : int
        See `Census.logic_cells`.
    device : Device
    """
    if device.family == "ice40":
        logic = [("logic cells", logic_cells, int(device.luts * device.fullest))]
    else:
        logic = [
            ("look-up tables", estimate.lut, int(device.luts * device.fullest)),
            ("flip-flops", estimate.ff, device.flip_flops),
        ]
    return [*too_many(logic), *estimate.block_shortfall(device)]


@dataclass(frozen=True)
class MemoryNeed:
    """One memory of a circuit.

    Parameters
    ----------
    depth, width : int
    block : bool
        In memory blocks, not in logic.
    written : bool
        Not a constant table.
    distributed : bool
        In look-up tables that are written, which the ECP5 has.
    single_port : bool
        In single-port memories, where the part has them.
    """

    depth: int
    width: int
    block: bool
    written: bool
    distributed: bool = False
    single_port: bool = False

    @property
    def flip_flops(self) -> int:
        """Of a memory that is not in blocks: a word that was read, and all words if they are written."""
        return self.width * (1 + self.depth * self.in_flip_flops)

    @property
    def in_flip_flops(self) -> bool:
        """Whether each of its bits is a flip-flop."""
        return self.written and not (self.block or self.distributed)

    @property
    def look_up_tables(self) -> float:
        """Of a memory that is not in blocks: for 16 constant or distributed rows of a bit, and to choose."""
        constant = self.distributed or not self.written
        rows = ceil(self.depth / 16) if constant else self.depth
        return self.width * (rows * constant + CHOOSER_WEIGHT * (rows - 1))

    @property
    def single_port_blocks(self) -> int:
        """Single-port memories it takes, if it is in such."""
        return ceil(self.width / SPRAM_WIDTH) * ceil(self.depth / SPRAM_WORDS)

    def blocks(self, family: Family) -> int:
        """Memory blocks it takes, in their best shape, if it is not in single-port ones."""
        if not self.block:
            return 0
        return min(
            ceil(self.width / width) * ceil(self.depth / depth) for width, depth in BLOCK_SHAPES[family]
        )


@dataclass(frozen=True)
class Census:
    """Operators and memories of a circuit.

    Parameters
    ----------
    bits : dict
        Class of operator -> bits of result; carry cells that the circuit asks for by name, by their number.
    flip_flops : int
    unpaired : int
        Flip-flops whose data no operator makes for them alone, but for those of multipliers; counted of whole
        circuits only, 0 of an instance.
    multipliers : list of (bits, bits)
        Operand widths of each.
    memories : list of MemoryNeed
    """

    bits: Mapping[str, int]
    flip_flops: int
    unpaired: int
    multipliers: list[tuple[int, int]]
    memories: list[MemoryNeed]

    def resources(self, device: Device) -> Resources:
        """The estimate for a part."""
        weights = OPERATOR_WEIGHTS[device.family]
        luts = sum(weights[kind] * bits for kind, bits in self.bits.items())
        flip_flops = self.flip_flops
        single = [memory for memory in self.memories if memory.single_port and device.sprams]
        others = [memory for memory in self.memories if not (memory.single_port and device.sprams)]
        for memory in others:
            if not memory.block:
                luts += memory.look_up_tables
                flip_flops += memory.flip_flops
        if device.family == "ice40" and device.dsps:
            flip_flops -= sum(PRODUCT_REGISTER + a + b for a, b in self.multipliers)
        if device.family == "ecp5":  # its own are those of the operands and of the product
            flip_flops -= sum(2 * (a + b) for a, b in self.multipliers)
        if not device.dsps:
            luts += PRODUCT_WEIGHT * sum(a * b for a, b in self.multipliers)
        return Resources(
            lut=round(luts),
            ff=flip_flops,
            bram=sum(memory.blocks(device.family) for memory in others),
            spram=sum(memory.single_port_blocks for memory in single),
            dsp=len(self.multipliers) if device.dsps else 0,
        )

    def logic_cells(self, device: Device) -> int:
        """Logic cells of the iCE40: look-up tables, and flip-flops that have none of their own before them.

        A cell holds both, but it has one output: a look-up table that others read too takes a cell more.
        """
        cells = self.resources(device).lut + self.unpaired
        cells += sum(memory.depth * memory.width for memory in self.memories if memory.in_flip_flops)
        if not device.dsps:  # the form counted has a register that a multiplier in logic does without
            cells -= sum(a + b for a, b in self.multipliers)
        return round(PACKING * cells)


def counted_form(device: Device) -> Family | None:
    """The platform for which a circuit is elaborated to be counted.

    Cells of the ECP5 that it asks for by name are counted as they are; of the iCE40 it is the portable form,
    to which the weights were fitted.
    """
    return "ecp5" if device.family == "ecp5" else None


def census(rtlil: str) -> Census:
    """Count what a circuit is made of.

    Parameters
    ----------
    rtlil : str
        Its top module is called `top`; see `counted_form`.

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    cells = _modules(rtlil, "flatten\n")["top"]["cells"].values()
    return replace(_count(cells), unpaired=_unpaired(cells))


def census_of_instances(rtlil: str, paths: Iterable[str]) -> dict[str, Census]:
    """Count what some instances in a circuit are made of, all below them included.

    Parameters
    ----------
    rtlil : str
        Its top module is called `top`.
    paths : iterable of str
        Names of instances with dots between them, such as "layer_0.array"; "" is the whole circuit.

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    modules = _modules(rtlil)

    def cells(module: str) -> Iterator[Mapping[str, Any]]:
        for cell in modules[module]["cells"].values():
            if cell["type"] in modules:
                yield from cells(cell["type"])
            else:
                yield cell

    return {path: _count(cells(f"top.{path}" if path else "top")) for path in paths}


def _modules(rtlil: str, flatten: str = "") -> dict[str, Any]:
    """The circuit's modules after some tidying, as Yosys writes them."""
    with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        folder = Path(temporary)
        (folder / "design.il").write_text(CONTENTS.sub("", rtlil))
        run_yosys(
            # Cleaned first: `opt` stumbles over the initial values of registers with constant bits.
            f"read_rtlil design.il\nproc\n{flatten}opt_clean\nopt\nwreduce\nopt_clean\nmemory_collect\n"
            "write_json design.json\n",
            folder,
        )
        return json.loads((folder / "design.json").read_text())["modules"]


def _count(cells: Iterable[Mapping[str, Any]]) -> Census:
    kinds = {name: kind for kind, names in OPERATORS.items() for name in names}
    bits: Counter[str] = Counter()
    flip_flops, multipliers, memories = 0, [], []
    for cell in cells:
        kind = cell["type"]
        size = {
            name: int(value, 2)
            for name, value in cell["parameters"].items()
            if name.endswith(("WIDTH", "SIZE")) and set(value) <= {"0", "1"}
        }
        if kind == "$mem_v2":
            style = cell["attributes"].get("rom_style", cell["attributes"].get("ram_style"))
            written = int(cell["parameters"]["WR_PORTS"], 2) > 0
            memories.append(
                MemoryNeed(
                    size["SIZE"],
                    size["WIDTH"],
                    style == "block",
                    written,
                    style == "distributed",
                    single_port=SINGLE_PORT in cell["attributes"],
                )
            )
        elif kind == "$mul":
            multipliers.append((size["A_WIDTH"], size["B_WIDTH"]))
        elif kind == "MULT18X18D":  # has its registers inside
            multipliers.append((0, 0))
        elif kind.startswith(FLIP_FLOPS):
            flip_flops += size["WIDTH"]
        elif kind in kinds:
            width = size.get("Y_WIDTH", size.get("WIDTH", 1))
            if kinds[kind] == "compare":
                width = max(size["A_WIDTH"], size["B_WIDTH"])
            elif kinds[kind] == "shift":
                width *= min(size["B_WIDTH"], 5)
            elif kind == "$pmux":
                width *= size["S_WIDTH"]
            elif kind.startswith("$reduce"):
                width = size["A_WIDTH"] // 2
            bits[kinds[kind]] += width
    return Census(bits, flip_flops, 0, multipliers, memories)


def _unpaired(cells: Collection[Mapping[str, Any]]) -> int:
    """Flip-flops whose data comes from elsewhere than an operator that they alone read, of a flat circuit.

    The registers of multipliers, in front of them and behind, are not among them: they are a block's own, or
    paired with its rows.
    """
    operators = {name for names in OPERATORS.values() for name in names}
    made: set[int | str] = set()
    multiplied: set[int | str] = set()
    readers: Counter[int | str] = Counter()
    registers: list[tuple[int | str, int | str]] = []
    for cell in cells:
        if cell["type"].startswith(FLIP_FLOPS):
            registers += zip(cell["connections"]["D"], cell["connections"]["Q"], strict=True)
        for port, bits in cell["connections"].items():
            if cell["type"] == "$mul":
                multiplied.update(bits)
            if cell.get("port_directions", {}).get(port) == "input":  # a part's own cell has none here
                readers.update(bits)
            elif cell["type"] in operators:
                made.update(bits)
    return sum(
        (before not in made or readers[before] > 1) and before not in multiplied and after not in multiplied
        for before, after in registers
    )
