# amaranth: UnusedElaboratable=no
"""Plans for boards leave room for what is not the network's: link, buffer and counters."""

from dataclasses import replace

import pytest

from boards.boards import LINK_CELLS, SPI, UART, board
from boards.build import shell_of
from boards.link import Link
from boards.room import buffer_in_block, kept, kept_in_words, room_for
from hdl.devices.resources import Resources
from hdl.network.counted import CountedNetwork
from hdl.network.top import Network
from hdl.planning.cost import shortfall
from hdl.planning.design_space import foldings
from quantize.errors import StatespikeError
from quantize.shared import with_shared_formats
from statespike.library.bitstreams import board_plan
from tests.boards.test_link_cells import cells_of
from tests.networks import random_network


@pytest.fixture(scope="module")
def network():
    return random_network("gsu_lean", 3, 2, 2, seed=1)


def test_the_links_logic_and_buffer_are_kept(network):
    icebreaker = board("icebreaker")
    found = kept(icebreaker, room_for(network, icebreaker))
    assert found == Resources(lut=LINK_CELLS[UART].lut, ff=LINK_CELLS[UART].ff, bram=0, spram=1, dsp=0)
    over_spi = icebreaker.on(SPI)
    assert kept(over_spi, room_for(network, over_spi)).lut == LINK_CELLS[SPI].lut
    room = room_for(network, icebreaker, buffer_in_block=True)
    assert buffer_in_block(icebreaker, room)
    assert not buffer_in_block(icebreaker, room_for(network, icebreaker))
    assert (kept(icebreaker, room).bram, kept(icebreaker, room).spram) == (1, 0)
    ulx3s = board("ulx3s-25f")
    assert not buffer_in_block(ulx3s, room_for(network, ulx3s))
    assert kept(ulx3s, room_for(network, ulx3s)).bram == 1
    words = kept_in_words(ulx3s, room_for(network, ulx3s), counters=False)
    assert words == "320 look-up tables and 1 block memory are kept for the link"


def test_counters_are_kept_room_for_by_the_cost_model(network):
    icebreaker = board("icebreaker")
    plain, counting = (
        kept(icebreaker, room_for(network, icebreaker, counters=each)) for each in (False, True)
    )
    assert plain.lut + 400 < counting.lut < plain.lut + 600
    assert plain.ff + 250 < counting.ff < plain.ff + 450
    shared = with_shared_formats(network)
    folded = kept(icebreaker, room_for(shared, icebreaker, counters=True, folded=True))
    assert plain.lut < folded.lut < counting.lut


def test_a_network_that_fits_without_its_counters_is_told_so(network):
    whole = board("icebreaker")
    smallest = board_plan(network, whole, rate=1000, folded=False)
    full = replace(
        whole.device, luts=int((smallest.logic_cells + 10) / whole.device.fullest) + LINK_CELLS[UART].lut
    )
    small = replace(whole, device=full)
    assert board_plan(network, small, folded=False).shortfall == []
    with pytest.raises(StatespikeError, match=r"logic cells .* are kept for the link and the counters"):
        board_plan(network, small, folded=False, counters=True)


def test_a_network_for_a_board_leaves_room_for_its_link(network):
    """The shipped GSU: its fastest circuit fits the part alone, but was not placed with a link beside it."""
    whole, estimate = board("icebreaker"), Resources(lut=3708, ff=2961, bram=29, spram=3, dsp=8)
    assert shortfall(estimate, 4778, whole.device) == []
    (short,) = shortfall(estimate, 4778, room_for(network, whole))
    assert "logic cells" in short


@pytest.mark.synth
@pytest.mark.slow
def test_counters_take_the_room_that_is_kept_for_them(network, tmp_path):
    icebreaker = board("icebreaker")
    folding = [one for one in foldings(network, icebreaker.device) if not one.folded][-1]
    designs = (
        (Network(network, folding), Link.of(network)),
        (CountedNetwork(network, folding), Link.of(network, 2)),
    )
    plain, counting = (
        cells_of(shell_of(*design, icebreaker)[0], tmp_path / str(place))
        for place, design in enumerate(designs)
    )
    rooms = [room_for(network, icebreaker, counters=each) for each in (False, True)]
    assert counting[0] - plain[0] == pytest.approx(rooms[0].luts - rooms[1].luts, rel=0.15)
    assert counting[1] - plain[1] == pytest.approx(rooms[0].flip_flops - rooms[1].flip_flops, rel=0.15)


def test_tables_that_are_loaded_move_only_where_blocks_run_out():
    drawn, whole = random_network("gsu_lean", 32, 4, 1, seed=1), board("icebreaker")
    roomy = board_plan(drawn, whole, rate=1000, folded=False, reload=True)
    assert roomy.single_port_bits == ()
    assert not buffer_in_block(whole, roomy.device)
    for missing in (0, 1):
        small = replace(whole, device=replace(whole.device, block_rams=roomy.estimate.bram - missing))
        plan = board_plan(drawn, small, rate=1000, folded=False, reload=True)
        assert plan.shortfall == []
        assert any(plan.single_port_bits) == bool(missing)
        assert plan.estimate.bram + kept(small, plan.device).bram <= small.device.block_rams
        taken = plan.estimate.spram + kept(small, plan.device).spram
        assert taken <= small.device.sprams
