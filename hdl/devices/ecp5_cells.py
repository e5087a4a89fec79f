"""Verilog of those of the ECP5's cells that Yosys has no model of: multiplier and memory block.

It is what the sysDSP and sysMEM usage guides (Lattice FPGA-TN-02205, FPGA-TN-02204) say of them, as far as
synthesis uses them; other pins are refused.
"""

import re

from hdl.devices.memory_model import MEMORY_MODEL

# SIGNEDA and SIGNEDB extend the operands. Each of them and the product has a register where a clock is named.
_MULTIPLIER_MODEL = """
module MULT18X18D #(
    parameter REG_INPUTA_CLK = "NONE", REG_INPUTA_CE = "CE0", REG_INPUTA_RST = "RST0",
    parameter REG_INPUTB_CLK = "NONE", REG_INPUTB_CE = "CE0", REG_INPUTB_RST = "RST0",
    parameter REG_INPUTC_CLK = "NONE", REG_PIPELINE_CLK = "NONE",
    parameter REG_OUTPUT_CLK = "NONE", REG_OUTPUT_CE = "CE0", REG_OUTPUT_RST = "RST0",
    parameter GSR = "ENABLED", RESETMODE = "SYNC"
) (
    input A_PINS, B_PINS, C_PINS, CE_PINS, RST_PINS, SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0,
    output P_PINS
);
    wire [17:0] a_in = {A_PINS}, b_in = {B_PINS};
    reg [17:0] a_reg, b_reg;
    reg [35:0] p_reg;
    wire [17:0] a = REG_INPUTA_CLK == "CLK0" ? a_reg : a_in;
    wire [17:0] b = REG_INPUTB_CLK == "CLK0" ? b_reg : b_in;
    wire signed [18:0] a_wide = {SIGNEDA & a[17], a}, b_wide = {SIGNEDB & b[17], b};
    wire signed [35:0] product = a_wide * b_wide;
    always @(posedge CLK0)
        if (RST0) begin a_reg <= 0; b_reg <= 0; p_reg <= 0; end
        else if (CE0) begin a_reg <= a_in; b_reg <= b_in; p_reg <= product; end
    assign {P_PINS} = REG_OUTPUT_CLK == "CLK0" ? p_reg : product;
endmodule
"""
# A port of 36 bits has the upper half of its data at the pins of port B, the only one that then reads. One of
# the clocks may be unused.
_MEMORY_CELL = """
module DP16KD #(
    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18, REGMODE_A = "NOREG", REGMODE_B = "NOREG",
    parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL", CSDECODE_A = "0b000", CSDECODE_B = "0b000",
    parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB", RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC",
    parameter GSR = "ENABLED", PARAMETERS
) (
    input CLKA, CEA, OCEA, WEA, RSTA, CSA_PINS, ADA_PINS, DIA_PINS,
    input CLKB, CEB, OCEB, WEB, RSTB, CSB_PINS, ADB_PINS, DIB_PINS,
    output DOA_PINS, DOB_PINS
);
    wire [35:0] do_a, do_b;
    memory_block #(
        .UNIT(9), .WIDTH_A(DATA_WIDTH_A), .WIDTH_B(DATA_WIDTH_B), .MODE_A(MODE_A), .MODE_B(MODE_B),
        .INIT({CONTENTS})
    ) memory (
        .CLK(CLKA | CLKB),
        .CEA(CEA), .WREA(WEA), .RESETA(RSTA), .ADA({ADA_PINS}), .DIA({DIB_PINS, DIA_PINS}), .DOA(do_a),
        .CEB(CEB), .WREB(WEB), .RESETB(RSTB), .ADB({ADB_PINS}), .DIB({18'b0, DIB_PINS}), .DOB(do_b)
    );
    assign {DOA_PINS} = DATA_WIDTH_B == 36 ? do_b[17:0] : do_a[17:0];
    assign {DOB_PINS} = DATA_WIDTH_B == 36 ? do_b[35:18] : do_b[17:0];
endmodule
"""
_PINS = {
    "A": 18, "B": 18, "C": 18, "P": 36, "CE": 4, "RST": 4, "CSA": 3, "CSB": 3, "ADA": 14, "ADB": 14,
    "DIA": 18, "DIB": 18, "DOA": 18, "DOB": 18,
}  # fmt: skip
"""Pins that are numbered, and how many."""


def _cell_models() -> str:
    """Verilog of the multiplier and the memory block."""
    rows = [f"INITVAL_{row:02X}" for row in range(64)]
    # A row has 16 words of 18 bits, each in 20.
    words = [f"{row}[{20 * word} +: 18]" for row in rows for word in range(16)]
    modes = {
        f"MODE_{port}": f'WRITEMODE_{port} == "NORMAL" ? 0 : WRITEMODE_{port} == "WRITETHROUGH" ? 1 : 2'
        for port in "AB"
    }
    memory = _MEMORY_CELL.replace("CONTENTS", ", ".join(reversed(words)))
    for name, value in modes.items():
        memory = memory.replace(f"({name})", f"({value})")
    memory = memory.replace("PARAMETERS", ", ".join(f"parameter [319:0] {row} = 0" for row in rows))

    def pins(found: re.Match[str]) -> str:
        return ", ".join(f"{found[1]}{place}" for place in reversed(range(_PINS[found[1]])))

    return re.sub(r"\b([A-Z]+)_PINS", pins, _MULTIPLIER_MODEL + memory) + MEMORY_MODEL


CELL_MODELS = _cell_models()
