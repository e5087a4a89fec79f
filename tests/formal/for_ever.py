"""Proofs that reach over every run, of any length: ABC, as Yosys brings it along.

Registers that are equal in every reachable state are merged first; then property-directed reachability looks
for an invariant. Nothing has to be said about a component's inner state, unlike for an induction.
"""

from enum import StrEnum
from pathlib import Path

from amaranth.lib.wiring import Component

from hdl.toolchain.verilog import rtlil_text, run_yosys

SECONDS = 60
"""Most time of a search, once equal registers are merged."""
READ = """\
read_rtlil top.il
prep -flatten -top top
"""
# Registers without an initial value, those at memories' read ports, begin at zero; so do all others, inverted
# where they have another value. Then initial values can be forgotten that bits had before they turned out
# constant: the mapping to gates refuses them.
AS_AIGER = """\
memory_map
async2sync
setundef -init -zero
zinit -all
setattr -unset init w:*
setundef -undriven -zero
setundef -init -zero
formalff -clk2ff -ff2anyinit
techmap
simplemap
dffunmap
opt -fast
aigmap
opt_clean
write_aiger -I -B -zinit -no-startoffset claim.aig
"""
# Yosys runs ABC on a netlist of its own, which comes back as it was.
SEARCH = """\
read_verilog any.v
synth
abc -script +backup;read_aiger,claim.aig;fold;strash;scorr;write_aiger,merged.aig;pdr,-T,{seconds};\
write_status,status.txt;restore
"""
ANY = "module any(input a, b, output c); assign c = a & b; endmodule\n"


class Verdict(StrEnum):
    """What a search comes to."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNDECIDED = "undecided"


def search(component: Component, folder: Path, seconds: int = SECONDS) -> Verdict:
    """Whether every assertion of a component holds in every run that its assumptions admit.

    Its ports are free in every cycle, its reset among them.

    Parameters
    ----------
    component : Component
    folder : Path
        Receives the circuit.
    seconds : int
        Until the search is given up.

    Raises
    ------
    StatespikeError
        If Yosys fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "top.il").write_text(rtlil_text(component))
    return decide(READ, folder, seconds)


def decide(read: str, folder: Path, seconds: int = SECONDS) -> Verdict:
    """Whether every assertion of a design holds; see `search`.

    Parameters
    ----------
    read : str
        Yosys commands that end with one flat module.
    folder : Path
        What they read.
    seconds : int
    """
    (folder / "any.v").write_text(ANY)
    run_yosys(read + AS_AIGER, folder)
    run_yosys(SEARCH.format(seconds=seconds), folder, "search.log")
    if _are_constant(folder / "merged.aig"):
        return Verdict.HOLDS
    status = (folder / "status.txt").read_text().split()[0]
    return {"snl_UNSAT": Verdict.HOLDS, "snl_SAT": Verdict.VIOLATED}.get(status, Verdict.UNDECIDED)


def _are_constant(aiger: Path) -> bool:
    """Whether no output of a circuit can ever be high; ABC's search gives no answer then."""
    header, *lines = aiger.read_bytes().split(b"\n")
    _, _, _, latches, outputs, *_ = header.split()
    return all(line == b"0" for line in lines[int(latches) : int(latches) + int(outputs)])
