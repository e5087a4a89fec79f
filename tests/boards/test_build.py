import json

import pytest

from boards.boards import SPI, board
from boards.build import build, pll_for
from boards.link import Link
from hdl.toolchain import Expected
from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError


@pytest.mark.synth
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "clock", "suffix"),
    [
        ("icebreaker", 24, ".bin"),
        ("upduino-v3", 24, ".bin"),
        ("tinyfpga-bx", 32, ".bin"),
        ("ulx3s-25f", 50, ".bit"),
        ("ecpix5-45", None, ".bit"),
        ("tang-nano-9k", 54, ".fs"),
    ],
)
def test_build(tiny, tmp_path, name, clock, suffix):
    network = tiny(2)
    link = Link(2, 8, 2, 20)
    built = build(
        network, link, board(name), tmp_path / "out", clock_mhz=clock, seeds=(1,),
        expected=Expected(dsp=0, bram=0, spram=0), no_collisions=True, facts={"cycles_per_step": 2},
    )  # fmt: skip
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert built.bitstream.suffix == suffix
    assert built.bitstream.stat().st_size > 1000
    assert manifest["cycles_per_step"] == 2
    assert manifest["steps_per_second"] == manifest["clock_mhz"] * 1e6 / 2
    sent = Link(**manifest["link"])
    assert (sent.features, sent.width, sent.classes, sent.logit_width) == (2, 8, 2, 20)
    assert manifest["resources"]["spram"] == (board(name).device.sprams > 0)
    assert manifest["clock_mhz"] == (clock or board(name).design_mhz)
    assert min(manifest["fmax_mhz"]) > manifest["clock_mhz"]
    assert "module top(" in (tmp_path / "out" / "design.v").read_text()


@pytest.mark.synth
@pytest.mark.slow
@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-25f"])
def test_two_builds_give_the_same_bitstream(tiny, tmp_path, name):
    """Whatever folder they are made in: no path or time is in it."""
    first, second = (
        build(tiny(2), Link(2, 8, 2, 20), board(name), tmp_path / folder, seeds=(1, 2))
        for folder in ("first", "elsewhere/second")
    )
    assert first.bitstream.read_bytes() == second.bitstream.read_bytes()


@pytest.mark.synth
@pytest.mark.slow
@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-25f"])
def test_a_bitstream_with_spi(tiny, tmp_path, name):
    target = board(name).on(SPI)
    built = build(tiny(2), Link(2, 8, 2, 20), target, tmp_path / "out", seeds=(1,))
    assert built.bitstream.stat().st_size > 1000
    assert built.manifest["sck_mhz"] == target.clock_mhz / 8
    assert min(built.manifest["fmax_mhz"]) > target.clock_mhz
    assert {"sck", "cs_n", "mosi", "miso"} <= set(built.manifest["top"]["ports"])


def test_clock_that_the_board_cannot_make_is_told(tiny, tmp_path):
    network = tiny(1)
    rtlil_text(network)  # Amaranth warns of components that are never elaborated
    with pytest.raises(StatespikeError, match="the PLL cannot make 60 MHz of 25 MHz"):
        build(network, Link(1, 8, 1, 20), board("ulx3s-25f"), tmp_path / "out", clock_mhz=60)


def test_an_impossible_clock_is_refused_before_any_work(tiny, tmp_path):
    network = tiny(1)
    rtlil_text(network)
    with pytest.raises(StatespikeError, match="up5k cannot be clocked at 500 MHz"):
        build(network, Link(1, 8, 1, 20), board("icebreaker"), tmp_path / "out", clock_mhz=500)
    assert not any(tmp_path.iterdir())


@pytest.mark.synth
@pytest.mark.slow
@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-25f"])
def test_a_bitstream_is_the_same_each_time(tiny, tmp_path, name):
    first, second = (
        build(tiny(2), Link(2, 8, 2, 20), board(name), tmp_path / folder, seeds=(1,)).bitstream
        for folder in ("first", "second")
    )
    assert first.read_bytes() == second.read_bytes()


def test_a_board_with_a_fast_oscillator_has_a_slower_usual_clock():
    assert pll_for(board("ecpix5-85"), None).clock_mhz == 50
    assert pll_for(board("ecpix5-85"), 100) is None
    assert pll_for(board("icebreaker"), None) is None
