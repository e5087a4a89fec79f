import pytest
from amaranth.sim import Simulator

from boards.boards import BOARDS, SPI, UART, board
from boards.build import pll_for
from boards.clocking import BoardShell
from boards.framing import Kind, encode_frame, encode_message
from boards.link import Link
from boards.programmers import SOURCES
from boards.top import BoardTop
from boards.uart import divisor
from boards.virtual import _Listener, _Talker
from hdl.devices.ecp5 import ECP5
from hdl.devices.gowin import GOWIN
from hdl.devices.ice40 import ICE40
from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError


def test_icebreaker():
    icebreaker = board("icebreaker")
    assert icebreaker.device.name == "up5k"
    assert icebreaker.clock_mhz == 12
    assert icebreaker.pins == {"clk": "35", "rx": "6", "tx": "9", "led": "11"}
    assert icebreaker.led_inverted


def test_ulx3s():
    ulx3s = board("ulx3s-25f")
    assert ulx3s.device.name == "ecp5-25k"
    assert ulx3s.clock_mhz == 25
    assert ulx3s.pins["clk"] == "G2"
    assert not ulx3s.led_inverted


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_is_whole(name, tmp_path):
    """Its pins are different ones, its clock gives the baud rate exactly, and its programmer can be had."""
    one = board(name)
    assert set(one.pins) - {"led"} == {"clk", "rx", "tx"}
    assert len(set(one.pins.values())) == len(one.pins)
    assert divisor(one.clock_mhz * 1e6, one.baud) * one.baud == one.clock_mhz * 1e6
    assert one.programmer.name in SOURCES
    assert set(one.standards) <= set(one.pins)
    one.device.require_clock(one.clock_mhz)
    text = one.write_constraints(tmp_path).read_text()
    assert all(pin in text for pin in one.pins.values())


@pytest.mark.parametrize("name", [name for name in BOARDS if BOARDS[name].spi])
def test_every_board_with_spi_is_whole(name, tmp_path):
    """The pins of SPI are free ones, and its constraints hold them."""
    one = board(name).on(SPI)
    assert (one.line, one.lines) == (SPI, [UART, SPI])
    assert set(one.pins) - {"led"} == {"clk", "sck", "cs_n", "mosi", "miso"}
    assert len(set(one.pins.values()) | set(board(name).pins.values())) == len(one.pins) + 2
    text = one.write_constraints(tmp_path).read_text()
    assert all(pin in text for pin in one.pins.values())
    assert one.on(SPI) is one


def test_pins_of_spi(tmp_path):
    icebreaker = board("icebreaker").on(SPI)
    assert icebreaker.link == "pins 1 (CS), 2 (MOSI), 3 (MISO) and 4 (SCK) of PMOD 1A"
    assert "set_io -pullup yes cs_n 4" in icebreaker.write_constraints(tmp_path).read_text().splitlines()
    pins = board("ulx3s-85f").on(SPI).pins
    assert [pins[name] for name in ("cs_n", "mosi", "miso", "sck")] == ["B11", "A10", "A9", "B9"]


def test_a_board_without_pins_for_spi_is_told():
    with pytest.raises(
        StatespikeError, match="no pins for SPI are known of colorlight-i5; boards with some are"
    ):
        board("colorlight-i5").on(SPI)
    assert board("colorlight-i5").lines == [UART]


def test_pins_of_header_and_of_coloured_leds():
    assert board("upduino-v3").pins == {"clk": "20", "rx": "28", "tx": "38", "led": "39"}
    assert board("tinyfpga-bx").pins == {"clk": "B2", "rx": "A2", "tx": "A1", "led": "B3"}
    assert board("orangecrab-25f").pins == {"clk": "A9", "rx": "N17", "tx": "M18", "led": "M3"}
    assert board("colorlight-5a75b").pins == {"clk": "P6", "rx": "M13", "tx": "P11"}
    assert board("colorlight-i5").pins == {"clk": "P3", "rx": "H18", "tx": "J17", "led": "U16"}
    assert board("upduino-v3").led_inverted
    assert board("tang-nano-9k").pins == {"clk": "52", "rx": "18", "tx": "17", "led": "10"}
    assert board("tang-nano-20k").pins == {"clk": "4", "rx": "70", "tx": "69", "led": "15"}
    assert board("tang-nano-9k").led_inverted and board("tang-nano-20k").led_inverted


def test_levels_that_are_not_those_of_the_others(tmp_path):
    lines = board("ecp5-5g-evn").write_constraints(tmp_path).read_text().splitlines()
    assert 'IOBUF PORT "led" IO_TYPE=LVCMOS25;' in lines
    assert 'IOBUF PORT "tx" IO_TYPE=LVCMOS33;' in lines
    assert 'IOBUF PORT "rx" IO_TYPE=LVCMOS33 PULLMODE=UP;' in lines
    lines = board("tang-nano-9k").write_constraints(tmp_path).read_text().splitlines()
    assert {'IO_LOC "led" 10;', 'IO_PORT "led" IO_TYPE=LVCMOS18 PULL_MODE=NONE;'} <= set(lines)
    assert 'IO_PORT "rx" IO_TYPE=LVCMOS33 PULL_MODE=UP;' in lines


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("icebreaker", "SB_PLL40_PAD"),
        ("upduino-v3", "SB_PLL40_CORE"),
        ("ulx3s-25f", "EHXPLLL"),
        ("tang-nano-9k", "rPLL"),
    ],
)
def test_the_pll_suits_the_pin_of_the_clock(tiny, name, cell):
    one = board(name)
    shell = BoardShell(BoardTop(tiny(1), Link(1, 8, 1, 20), 4), one, pll_for(one, 2 * one.clock_mhz))
    assert f"cell \\{cell} " in rtlil_text(shell)


def test_unknown_board_is_told():
    with pytest.raises(StatespikeError, match="unknown board 'arty'; choose one of icebreaker, icesugar"):
        board("arty")


def test_constraints(tmp_path):
    lines = board("icebreaker").write_constraints(tmp_path).read_text().splitlines()
    assert lines[0] == "set_io clk 35"
    assert len(lines) == 4
    text = board("ulx3s-25f").write_constraints(tmp_path).read_text()
    assert 'LOCATE COMP "rx" SITE "M1";' in text
    assert 'FREQUENCY PORT "clk" 25 MHZ;' in text


@pytest.mark.parametrize(("wanted", "made"), [(24, 24), (30, 30), (36, 36), (48, 48), (33, 33)])
def test_pll_makes_the_clock(wanted, made):
    pll = ICE40.pll(12, wanted)
    assert pll.clock_mhz == pytest.approx(made)
    assert 12 * (pll.divf + 1) / (pll.divr + 1) / 2**pll.divq == pll.clock_mhz
    assert pll.filter_range == 1


@pytest.mark.parametrize(("wanted", "made"), [(50, 50), (62.5, 62.5), (100, 100), (112, 112.5)])
def test_ecp5_pll_makes_the_clock(wanted, made):
    pll = ECP5.pll(25, wanted)
    assert pll.clock_mhz == made
    assert 25 / pll.divide * pll.feedback == pll.clock_mhz
    assert 25 / pll.divide >= 10, "the phase detector's least frequency"
    assert 400 <= pll.clock_mhz * pll.output <= 800, "the oscillator's range"


@pytest.mark.parametrize(("wanted", "made"), [(27, 27), (54, 54), (33, 33), (50, 50 + 1 / 7)])
def test_gowin_pll_makes_the_clock(wanted, made):
    pll = GOWIN.pll(27, wanted)
    assert pll.clock_mhz == pytest.approx(made)
    assert 27 / pll.divide * pll.feedback == pll.clock_mhz
    assert 27 / pll.divide >= 3, "the phase detector's least frequency"
    assert 500 <= pll.clock_mhz * pll.output <= 1200, "the oscillator's range"
    assert pll.divide <= 64 and pll.feedback <= 64


@pytest.mark.parametrize("family", [ICE40, ECP5, GOWIN])
@pytest.mark.parametrize("wanted", [2, 700])
def test_pll_out_of_range_is_told(family, wanted):
    with pytest.raises(StatespikeError, match="the PLL cannot make"):
        family.pll(12, wanted)


def test_shell_holds_the_reset_after_power_up_and_then_answers(tiny):
    link = Link(1, 8, 1, 20)
    shell = BoardShell(BoardTop(tiny(1), link, 4), board("icebreaker"))
    talker, listener = _Talker(4), _Listener(4)
    leds = []

    async def bench(ctx):
        for cycle in range(2500):
            if cycle == 1000:
                talker.queue.extend(encode_frame(0, link.encode([[5]], first=True, last=True)))
            ctx.set(shell.rx, talker.level())
            await ctx.delay(1e-7)
            listener.hear(ctx.get(shell.tx))
            leds.append(ctx.get(shell.led))
            ctx.set(shell.clk, 1)
            await ctx.delay(1e-7)
            ctx.set(shell.clk, 0)

    simulator = Simulator(shell)
    simulator.add_testbench(bench)
    simulator.run()
    said = [
        encode_message(Kind.READY, 0, link.ready_body),
        encode_message(Kind.ACCEPTED, 1),
        encode_message(Kind.ANSWER, 1, b"\x05\x00\x00"),
    ]
    assert bytes(listener.bytes) == b"".join(said)
    assert leds[0] == leds[-1] == 1, "dark, of an inverted LED"
    assert 0 in leds
