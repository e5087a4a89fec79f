"""The netlist after synthesis, in the vendor's cells, simulated with Yosys' own models of them.

Synthesis is where tools have been caught building another circuit, so what is simulated here is the very
netlist that goes to place and route: look-up tables, block memories, multipliers and all, compiled by CXXRTL.
"""

import tempfile
from pathlib import Path

from amaranth.lib.wiring import Component

from hdl.parts import Part
from quantize.errors import StatespikeError
from sim.backends.base import WATCHDOG
from sim.backends.cxxrtl import compile_model, play
from sim.ports import ports_of
from sim.stimulus import Stimulus
from sim.trace import Run


class Netlist:
    """Backend that simulates the netlist of a design.

    Parameters
    ----------
    netlist : Path
        RTLIL of the synthesised design; its top module is `top`, with the ports of the design itself.
    part : Part
        What it was synthesised for.

    Raises
    ------
    StatespikeError
        If Yosys has no simulation models of the part's memories and multipliers (ECP5).
    """

    name = "netlist"

    def __init__(self, netlist: Path, part: Part):
        if part.family != "ice40":
            raise StatespikeError(
                f"Yosys has no simulation models of all cells of {part.name}, only of iCE40"
            )
        self.netlist = netlist

    def run(
        self, design: Component, stimulus: Stimulus, folder: Path | None = None, watchdog: int = WATCHDOG
    ) -> Run:
        """Compile, unless the folder has it already, and simulate; of `design` only the ports are read."""
        ports = ports_of(design)
        # The netlist brings empty shells of the cells along, which the models replace.
        read = (
            "read_rtlil design.il\ndelete =A:blackbox\n"
            "read_verilog -defer -D NO_ICE40_DEFAULT_ASSIGNMENTS +/ice40/cells_sim.v\n"
            "hierarchy -top top\nproc\nflatten\nopt_clean\n"
        )
        with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
            library = compile_model(self.netlist.read_text(), read, ports, Path(folder or temporary))
            return play(library, ports, stimulus, watchdog, self.name)
