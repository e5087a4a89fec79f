"""Synthesis by Yosys, and the checks without which its result is not believed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from hdl.devices.devices import Device
from hdl.devices.family import Family
from hdl.devices.resources import Resources
from hdl.primitives.adder import ADDER_NAME
from hdl.toolchain.tools import tool_failure
from hdl.toolchain.verilog import run_yosys


@dataclass(frozen=True)
class Expected:
    """The most that synthesis may infer from a design; None leaves a number unchecked.

    Fewer are no failure: synthesis leaves out the bits of a table that are constant.

    Parameters
    ----------
    dsp, bram, spram : int or None
        As in `Resources`.
    """

    dsp: int | None = None
    bram: int | None = None
    spram: int | None = None


@dataclass(frozen=True)
class Synthesis:
    """A synthesised design.

    Parameters
    ----------
    device : Device
    resources : Resources
    netlist : Path
        JSON for nextpnr.
    rtlil : Path
        The same netlist for Yosys, to simulate it.
    log : Path
    """

    device: Device
    resources: Resources
    netlist: Path
    rtlil: Path
    log: Path


def synthesise(
    rtlil: str, device: Device, folder: Path, expected: Expected | None = None, no_collisions: bool = False,
    *, wide_tables: bool = True,
) -> Synthesis:  # fmt: skip
    """Map a design to the cells of a part.

    Parameters
    ----------
    rtlil : str
        The design; its top module is called `top`.
    device : Device
    folder : Path
        Receives netlist and log.
    expected : Expected, optional
        Numbers of multipliers and memories that were planned.
    no_collisions : bool
        The design never reads and writes one address of a memory in the same cycle. Yosys then leaves out the
        logic (some 40 flip-flops and 28 look-up tables a memory) that gives the old value in that case. Only
        for designs where that is proven: otherwise the circuit differs from its simulation.
    wide_tables : bool
        Functions of five inputs and more from several look-up tables and a multiplexer, where a family's
        slices have one. They are fast, but where functions of four inputs would do as well, they are more.

    Raises
    ------
    StatespikeError
        If Yosys fails, reports a driver conflict (it then ties signals to constants and carries on), leaves
        cells unmapped, or infers more multipliers or memories than expected.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "design.il").write_text(rtlil)
    # Only a port with a clock has a cycle in which it may collide.
    clocked = "t:$memrd_v2 r:CLK_ENABLE=1 %i"
    relax = f"setparam -set COLLISION_X_MASK 1'1 {clocked}\n" if no_collisions else ""
    log = run_yosys(
        f"read_rtlil design.il\n{relax}{_in_blocks(device.family)}{_map_alone(rtlil)}"
        f"{device.family.synthesis(device, wide_tables=wide_tables)}"
        "tee -q -o cells.json stat -json\nwrite_rtlil netlist.il\n",
        folder,
        "synthesis.log",
    )
    if "Driver-driver conflict" in log.read_text():
        raise tool_failure("Yosys found a driver conflict and would build another circuit", log)
    cells = json.loads((folder / "cells.json").read_text())["design"]["num_cells_by_type"]
    unmapped = [name for name in cells if name.startswith("$") and name != "$scopeinfo"]
    if unmapped:
        raise tool_failure(f"{device.name} has no cell for {', '.join(unmapped)}", log)
    resources = count(cells, device.family)
    for name, wanted in asdict(expected or Expected()).items():
        found = resources.as_dict()[name]
        if wanted is not None and found > wanted:
            raise tool_failure(
                f"synthesis for {device.name} made {found} {name} cells where {wanted} were planned", log
            )
    return Synthesis(device, resources, folder / "netlist.json", folder / "netlist.il", log)


def _in_blocks(family: Family) -> str:
    """Commands that put memories meant for look-up tables into blocks, where a family cannot write those."""
    return "" if family.distributed_memories else 'setattr -set ram_style "block" a:ram_style=distributed\n'


def _map_alone(rtlil: str) -> str:
    """Commands that make each `hdl.primitives.adder.Adder` one carry chain while it is still a module."""
    modules = f"*.{ADDER_NAME}_*"
    passes = ("proc", "opt_expr", "wreduce", "opt_clean", "alumacc")
    return "".join(f"{name} {modules}\n" for name in passes) if f".{ADDER_NAME}_" in rtlil else ""


def count(cells: Mapping[str, int], family: Family) -> Resources:
    """Resources of a netlist, given how many cells it has of each type."""
    weighted = {
        name: sum(cells.get(cell, 0) * weight for cell, weight in weights.items())
        for name, weights in family.cells.items()
    }
    flip_flops = sum(number for cell, number in cells.items() if cell.startswith(family.flip_flop))
    return Resources(ff=flip_flops, **weighted)
