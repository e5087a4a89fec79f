"""Counting the operators and memories of a circuit, from its RTLIL.

Nothing here knows what a layer looks like, so an estimate cannot fall behind the components.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hdl.devices.memories import MemoryNeed
from hdl.planning.cost import Census
from hdl.primitives.single_port import SINGLE_PORT
from hdl.toolchain.verilog import run_yosys
from quantize.files import scratch_folder

OPERATORS = {
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
"""Class of operator -> Yosys' cells of it; a family weighs each class."""
FLIP_FLOPS = ("$dff", "$sdff", "$adff", "$aldff")
CONTENTS = re.compile(r"^ *cell \$meminit_v2 .*?^ *end\n", re.DOTALL | re.MULTILINE)
"""What a memory holds at the start, in RTLIL."""
LONG_CONTENTS = 1 << 12
"""Characters of contents that are left out: most of a large network's text, of tables that lie in blocks."""


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
    top = _modules(rtlil, "flatten\n")["top"]
    cells = top["cells"].values()
    return replace(_count(cells, _memories(top)), unpaired=_unpaired(cells))


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

    def below(module: str) -> Iterator[Mapping[str, Any]]:
        yield modules[module]
        for cell in modules[module]["cells"].values():
            if cell["type"] in modules:
                yield from below(cell["type"])

    def counted(path: str) -> Census:
        parts = list(below(f"top.{path}" if path else "top"))
        cells = (cell for part in parts for cell in part["cells"].values() if cell["type"] not in modules)
        return _count(cells, [memory for part in parts for memory in _memories(part)])

    return {path: counted(path) for path in paths}


def census_of_parts(rtlil: str, part_of: Callable[[str], str]) -> dict[str, Census]:
    """Count what the parts of a circuit are made of, every instance for the part that it belongs to.

    Parameters
    ----------
    rtlil : str
        Its top module is called `top`.
    part_of : callable
        The part of an instance by its path, see `census_of_instances`; what lies below it is asked for on its
        own.

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    modules = _modules(rtlil)
    cells: dict[str, list[Mapping[str, Any]]] = {}
    memories: dict[str, list[MemoryNeed]] = {}

    def sort(module: Mapping[str, Any], path: tuple[str, ...]) -> None:
        part = part_of(".".join(path))
        memories.setdefault(part, []).extend(_memories(module))
        own = cells.setdefault(part, [])
        for name, cell in module["cells"].items():
            if cell["type"] in modules:
                sort(modules[cell["type"]], (*path, name))
            else:
                own.append(cell)

    sort(modules["top"], ())
    return {part: _count(cells[part], memories[part]) for part in cells}


def _modules(rtlil: str, flatten: str = "") -> dict[str, Any]:
    """The circuit's modules after some tidying, as Yosys writes them."""
    with scratch_folder() as folder:
        (folder / "design.il").write_text(CONTENTS.sub(_short, rtlil))
        run_yosys(
            # Cleaned first: `opt` stumbles over the initial values of registers with constant bits. Names
            # that nothing reads are no part of a count, and to carry them along takes a third of the time.
            f"read_rtlil design.il\nproc\n{flatten}opt_clean -purge\nopt -purge\nwreduce\nopt_clean -purge\n"
            "write_json design.json\n",
            folder,
        )
        return json.loads((folder / "design.json").read_text())["modules"]


def _short(contents: re.Match[str]) -> str:
    return contents[0] if len(contents[0]) < LONG_CONTENTS else ""


def _memories(module: Mapping[str, Any]) -> list[MemoryNeed]:
    """The memories of a module that are read."""
    clocked: Counter[str] = Counter()
    read: set[str] = set()
    written: set[str] = set()
    contents: dict[str, list[int | str]] = {}
    for cell in module["cells"].values():
        name = cell["parameters"].get("MEMID", "").removeprefix("\\")
        if cell["type"] == "$memrd_v2":
            read.add(name)
            clocked[name] += int(cell["parameters"]["CLK_ENABLE"], 2)
        elif cell["type"] == "$memwr_v2":
            written.add(name)
        elif cell["type"] == "$meminit_v2":
            contents[name] = cell["connections"]["DATA"]
    found = []
    for name, memory in module.get("memories", {}).items():
        if name not in read:
            continue
        style = memory["attributes"].get("rom_style", memory["attributes"].get("ram_style"))
        width = memory["width"]
        found.append(
            MemoryNeed(
                memory["size"],
                width,
                style == "block",
                name in written,
                style == "distributed",
                single_port=SINGLE_PORT in memory["attributes"],
                registers=clocked[name]
                * (width if name in written else _varying_bits(contents.get(name), width)),
            )
        )
    return found


def _varying_bits(contents: list[int | str] | None, width: int) -> int:
    """Bits of a constant table's words that vary from row to row, equal ones once; all of them if left out.

    So many flip-flops synthesis keeps behind a table in logic.
    """
    if contents is None or "x" in contents:
        return width
    columns = {tuple(contents[bit::width]) for bit in range(width)}
    return sum(len(set(column)) > 1 for column in columns)


def _count(cells: Iterable[Mapping[str, Any]], memories: list[MemoryNeed]) -> Census:
    kinds = {name: kind for kind, names in OPERATORS.items() for name in names}
    bits: Counter[str] = Counter()
    own: Counter[str] = Counter()
    flip_flops, multipliers = 0, []
    for cell in cells:
        kind = cell["type"]
        size = {
            name: int(value, 2)
            for name, value in cell["parameters"].items()
            if name.endswith(("WIDTH", "SIZE")) and set(value) <= {"0", "1"}
        }
        if kind == "$mul":
            multipliers.append((size["A_WIDTH"], size["B_WIDTH"]))
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
        elif not kind.startswith("$"):
            own[kind] += 1
    return Census(dict(bits), flip_flops, 0, multipliers, memories, dict(own))


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
