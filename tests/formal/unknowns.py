"""Proofs that something has no influence: it is an unknown value, and must not be seen where it could tell.

Yosys gives every bit of a circuit a second one that tells whether its value is unknown (`xprop`). What comes
out of an operation with an unknown operand is unknown, unless the other operands decide it alone: a choice
with a known condition is unknown only where the chosen value is. So a bit that is known does not depend on
what was unknown. The converse does not hold: 0 times an unknown value is unknown here.
"""

from pathlib import Path

from amaranth.hdl import Cat, Instance, Module, Signal, Value, ValueLike
from amaranth.lib.wiring import Component

from hdl.toolchain.verilog import reads_from_zero, rtlil_text, run_yosys
from tests.formal.for_ever import Verdict, decide
from tests.formal.prover import decide as decide_bounded

MODULES = """\
module unknown(output [WIDTH-1:0] y);
  parameter WIDTH = 1;
  assign y = {WIDTH{1'bx}};
endmodule
module known(input [WIDTH-1:0] y, output k);
  parameter WIDTH = 1;
  assign k = (^y) !== 1'bx;
endmodule
"""
# Registers at memories' read ports have no initial value; they begin at zero, as in the Verilog of a circuit.
ENCODE = """\
read_verilog unknowns.v
read_rtlil circuit.il
{initial}hierarchy -top top
proc
flatten
memory_collect
memory_map
async2sync
dffunmap
chformal -lower
xprop -formal -required -assume-def-inputs
hierarchy -top top
"""


def unknown(m: Module, width: int) -> Signal:
    """A value of which nothing is known."""
    value = Signal(width)
    m.submodules += Instance("unknown", p_WIDTH=width, o_y=value)
    return value


def known(m: Module, *values: ValueLike) -> Signal:
    """Whether every bit of some values is known."""
    together, answer = Cat(*(Value.cast(value) for value in values)), Signal()
    m.submodules += Instance("known", p_WIDTH=len(together), i_y=together, o_k=answer)
    return answer


def _encoded(component: Component, folder: Path) -> str:
    """Write a circuit with unknown values into a folder, and return what reads it there."""
    folder.mkdir(parents=True, exist_ok=True)
    text = rtlil_text(component)
    (folder / "unknowns.v").write_text(MODULES)
    (folder / "circuit.il").write_text(text)
    return ENCODE.format(initial=reads_from_zero(text))


def search(component: Component, folder: Path, seconds: int = 60) -> Verdict:
    """See `tests.formal.for_ever.search`; the component may have unknown values, its ports have none."""
    return decide(_encoded(component, folder), folder, seconds)


def holds(component: Component, folder: Path, depth: int) -> bool:
    """See `tests.formal.prover.holds`; the component may have unknown values, its ports have none."""
    run_yosys(_encoded(component, folder) + "write_rtlil top.il\n", folder)
    return decide_bounded(folder, depth)
