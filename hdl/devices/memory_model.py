"""What a memory block of 16 kbit, or 18 with parity, does: Verilog that the families' own cells are made of.

Both ports have the design's one clock. An address counts bits, of which a byte has eight whether eight or
nine are stored; its lowest bits are enables of bytes where a word has several. MODE is 0 for ports that keep
their output while they write, 1 for those that read what they write, 2 for those that read what was there
before. Reads are not registered twice.
"""

_CORE = """
module memory_block #(
    parameter UNIT = 8, WIDTH_A = 1, WIDTH_B = 1, MODE_A = 0, MODE_B = 0,
    parameter [2048*UNIT-1:0] INIT = 0
) (
    input CLK, CEA, CEB, WREA, WREB, RESETA, RESETB,
    input [13:0] ADA, ADB,
    input [35:0] DIA, DIB,
    output reg [35:0] DOA, DOB
);
    reg [UNIT-1:0] mem [0:2047];
    integer place, k;
    initial for (place = 0; place < 2048; place = place + 1) mem[place] = INIT[place*UNIT +: UNIT];
WIRES
    always @(posedge CLK) begin
PORTS
    end
endmodule
"""
_PORT_WIRES = """
    localparam BYTES_@ = WIDTH_@ < UNIT ? 1 : WIDTH_@ / UNIT;
    localparam BITS_@ = WIDTH_@ < UNIT ? WIDTH_@ : UNIT;
    wire [10:0] first_@ = AD@[13:3] & ~(BYTES_@ - 1);
    wire [2:0] bit_@ = WIDTH_@ < UNIT ? AD@[2:0] & ~(WIDTH_@ - 1) : 0;
"""
_PORT = """
        for (k = 0; k < BYTES_@; k = k + 1) begin
            if (CE@ && WRE@ && (BYTES_@ == 1 || AD@[k]))
                mem[first_@ + k][bit_@ +: BITS_@] <= DI@[k*UNIT +: BITS_@];
            if (CE@ && (!WRE@ || MODE_@ == 2)) DO@[k*UNIT +: BITS_@] <= mem[first_@ + k][bit_@ +: BITS_@];
            if (CE@ && WRE@ && MODE_@ == 1)
                DO@[k*UNIT +: BITS_@] <= BYTES_@ == 1 || AD@[k] ? DI@[k*UNIT +: BITS_@] : mem[first_@ + k];
        end
        if (RESET@) DO@ <= 0;
"""


def _both_ports(text: str) -> str:
    return text.replace("@", "A") + text.replace("@", "B")


MEMORY_MODEL = _CORE.replace("WIRES", _both_ports(_PORT_WIRES)).replace("PORTS", _both_ports(_PORT))
