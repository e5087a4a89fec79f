# amaranth: UnusedElaboratable=no
"""The room that is kept for the link is what it takes."""

import re

import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from boards.boards import LINES, LINK_CELLS, board
from boards.build import shell_of
from boards.link import Link
from hdl.primitives.streams import Logit, beats
from hdl.toolchain.tools import run_tool
from hdl.toolchain.verilog import rtlil_text, run_yosys

LINK = Link(features=1, width=9, classes=10, logit_width=24, network="a network's digest")
"""That of a network of handwritten digits."""


class Stub(Component):
    """A few registers in a network's place: they use all that comes, and give all that goes."""

    def __init__(self):
        super().__init__({"i": In(beats(9)), "o": Out(stream.Signature(Logit(24)))})

    def elaborate(self, platform) -> Module:
        m = Module()
        taken = Signal(len(self.i.payload.as_value()))
        given = Signal(len(self.o.payload.as_value()) + 2)
        with m.If(self.i.valid):
            m.d.sync += taken.eq(self.i.payload)
        m.d.sync += given.eq(Cat(given[1:], taken.xor() ^ self.o.ready ^ given[0]))
        m.d.comb += [
            self.i.ready.eq(given[0]),
            self.o.valid.eq(given[1]),
            self.o.payload.eq(given[2:]),
        ]
        return m


def cells_of(component: Component, folder) -> tuple[int, int]:
    """Logic cells of the UP5K that a design is packed into, and its flip-flops."""
    device = board("icebreaker").device
    folder.mkdir()
    (folder / "design.il").write_text(rtlil_text(component, platform=device.family))
    run_yosys("read_rtlil design.il\nsynth_ice40 -top top -json design.json\n", folder)
    options = ["--json", "design.json", "--pack-only", "--pcf-allow-unconstrained"]
    run_tool(device.family.placer, [*device.flags, *options], folder, "pack.log")
    log = (folder / "pack.log").read_text()
    (cells,) = re.findall(r"ICESTORM_LC: +(\d+)/", log)
    return int(cells), sum(map(int, re.findall(r"(\d+) LCs used as (?:DFF|LUT4 and DFF)", log)))


@pytest.mark.synth
@pytest.mark.slow
@pytest.mark.parametrize("line", LINES)
def test_the_link_takes_the_room_that_is_kept_for_it(line, tmp_path):
    shell, _ = shell_of(Stub(), LINK, board("icebreaker").on(line))
    cells, flip_flops = cells_of(shell, tmp_path / "board")
    own_cells, own_flip_flops = cells_of(Stub(), tmp_path / "stub")
    kept = LINK_CELLS[line]
    assert kept.lut - 20 <= cells - own_cells <= kept.lut
    assert kept.ff - 20 <= flip_flops - own_flip_flops <= kept.ff
