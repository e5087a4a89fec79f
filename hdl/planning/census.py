"""Counting what a circuit is made of, from its RTLIL.

Nothing here knows what a layer looks like, so an estimate cannot fall behind the components.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from hdl.devices.family import Family
from hdl.devices.memories import MemoryNeed
from hdl.planning.cells import FLIP_FLOPS, TABLE, flag, table_of
from hdl.planning.cost import Census, sum_of
from hdl.planning.cover import cover
from hdl.primitives.single_port import SINGLE_PORT
from hdl.toolchain.verilog import run_yosys
from quantize.files import scratch_folder

CONTENTS = re.compile(r"^ *cell \$meminit_v2 .*?^ *end\n", re.DOTALL | re.MULTILINE)
"""What a memory holds at the start, in RTLIL."""
LONG_CONTENTS = 1 << 12
"""Characters of contents that are left out: most of a large network's text, of tables that lie in blocks."""


def census(rtlil: str, family: Family) -> Census:
    """Count what a circuit is made of.

    Parameters
    ----------
    rtlil : str
        Its top module is called `top`; see `counted_form`.
    family : Family

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    return _count(_modules(rtlil, "flatten\n")["top"], family)


def census_of_instances(rtlil: str, paths: Iterable[str], family: Family) -> dict[str, Census]:
    """Count what some instances in a circuit are made of, all below them included, each module for itself.

    Parameters
    ----------
    rtlil : str
        Its top module is called `top`.
    paths : iterable of str
        Names of instances with dots between them, such as "layer_0.array"; "" is the whole circuit.
    family : Family

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    instances = dict(_instances(rtlil, family))

    def below(path: str) -> Iterator[Census]:
        return (
            found for name, found in instances.items() if f"{name}.".startswith(f"{path}." if path else "")
        )

    return {path: sum_of(below(path)) for path in paths}


def census_of_parts(rtlil: str, part_of: Callable[[str], str], family: Family) -> dict[str, Census]:
    """Count what the parts of a circuit are made of, every instance for the part that it belongs to.

    Parameters
    ----------
    rtlil : str
        Its top module is called `top`.
    part_of : callable
        The part of an instance by its path, see `census_of_instances`; what lies below it is asked for on its
        own.
    family : Family

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    of_part: dict[str, list[Census]] = {}
    for path, found in _instances(rtlil, family):
        of_part.setdefault(part_of(path), []).append(found)
    return {part: sum_of(found) for part, found in of_part.items()}


def _instances(rtlil: str, family: Family) -> Iterator[tuple[str, Census]]:
    """The path of every instance, and what it is made of without those below it; the top's path is empty."""
    modules = _modules(rtlil)
    counted = cache(lambda name: _count(modules[name], family, others=modules))

    def below(name: str, path: tuple[str, ...]) -> Iterator[tuple[str, Census]]:
        yield ".".join(path), counted(name)
        for instance, cell in modules[name]["cells"].items():
            if cell["type"] in modules:
                yield from below(cell["type"], (*path, instance))

    return below("top", ())


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


def _memories(module: Mapping[str, Any], tables: Collection[str]) -> list[MemoryNeed]:
    """The memories of a module that are read; `tables` are covered."""
    clocked: Counter[str] = Counter()
    read: set[str] = set()
    written: set[str] = set()
    contents = _contents(module)
    for cell in module["cells"].values():
        if cell["type"] == TABLE:
            read.add(table_of(cell))
            clocked[table_of(cell)] += flag(cell, "CLK_ENABLE")
        elif cell["type"] == "$memwr_v2":
            written.add(table_of(cell))
    found = []
    for name, memory in module.get("memories", {}).items():
        if name not in read:
            continue
        style, width = _style(memory), memory["width"]
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
                covered=name in tables,
            )
        )
    return found


def _style(memory: Mapping[str, Any]) -> str | None:
    attributes = memory["attributes"]
    return attributes.get("rom_style", attributes.get("ram_style"))


def _contents(module: Mapping[str, Any]) -> dict[str, list[int | str]]:
    """Name of a memory -> what its bits are at the start, as far as that is in the circuit."""
    return {
        table_of(cell): cell["connections"]["DATA"]
        for cell in module["cells"].values()
        if cell["type"] in ("$meminit", "$meminit_v2")
    }


def _tables_in_logic(module: Mapping[str, Any]) -> dict[str, tuple[int, list[int | str]]]:
    """Name of a constant table in logic -> bits of a word, and its contents."""
    written = {table_of(cell) for cell in module["cells"].values() if cell["type"] == "$memwr_v2"}
    memories = module.get("memories", {})
    return {
        name: (memories[name]["width"], bits)
        for name, bits in _contents(module).items()
        if name not in written and _style(memories[name]) in ("logic", None) and set(bits) <= {"0", "1"}
    }


def _varying_bits(contents: list[int | str] | None, width: int) -> int:
    """Bits of a constant table's words that vary from row to row, equal ones once; all of them if left out.

    So many flip-flops synthesis keeps behind a table in logic.
    """
    if contents is None or "x" in contents:
        return width
    columns = {tuple(contents[bit::width]) for bit in range(width)}
    return sum(len(set(column)) > 1 for column in columns)


def _count(module: Mapping[str, Any], family: Family, others: Collection[str] = ()) -> Census:
    """Count a module, without the `others` that it has instances of."""
    cells = module["cells"].values()
    own: Counter[str] = Counter()
    flip_flops, multipliers = 0, []
    for cell in cells:
        kind, connections = cell["type"], cell["connections"]
        if kind == "$mul":
            multipliers.append((len(connections["A"]), len(connections["B"])))
        elif kind.startswith(FLIP_FLOPS):
            flip_flops += len(connections["Q"])
        elif not kind.startswith("$") and kind not in others:
            own[kind] += 1
    outputs = [
        bit for port in module["ports"].values() if port["direction"] == "output" for bit in port["bits"]
    ]
    tables = _tables_in_logic(module)
    found = cover(cells, outputs, tables, family.costs)
    return Census(
        tables=found.tables,
        chains=found.chains,
        flip_flops=flip_flops,
        unpaired=found.unpaired,
        multipliers=multipliers,
        memories=_memories(module, tables),
        own_cells=dict(own),
    )
