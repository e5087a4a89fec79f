"""Sequences through the virtual board come back as the exact logits."""

import numpy as np
import pytest

from boards.host import Host, SerialPort
from boards.link import ACKNOWLEDGE, BoardTop, Link
from boards.uart import divisor
from boards.virtual import VirtualBoard
from quantize.errors import StatespikeError


@pytest.fixture
def board(tiny):
    """Builds a tiny network's virtual board: (host, network)."""

    def build(features=3, width=8, pause=0, watchdog=20_000, clock_divisor=4):
        network = tiny(features, width=width, total_width=20, pause=pause)
        link = Link(features, width, features, 20)
        return Host(VirtualBoard(BoardTop(network, link, clock_divisor), watchdog), link), network

    return build


def test_exact_logits(board, draw):
    host, network = board()
    x = draw(3, 6, 3, seed=4)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)


@pytest.mark.parametrize("clock_divisor", [5, 13])
def test_divisors(board, draw, clock_divisor):
    host, network = board(clock_divisor=clock_divisor)
    x = draw(1, 3, 3)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)


@pytest.mark.parametrize("width", [1, 7, 9, 12])
def test_widths(board, width):
    host, network = board(features=2, width=width)
    x = np.random.default_rng(width).integers(-(1 << (width - 1)), 1 << (width - 1), (2, 5, 2))
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)


def test_network_slower_than_the_line_loses_nothing(board, draw, monkeypatch):
    monkeypatch.setattr("boards.link._BLOCK", 8)
    host, network = board(features=3, pause=200)
    assert host.link.window == 2
    x = draw(1, 12, 3, seed=5)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)


def test_break_clears_a_half_sent_sequence(board, draw):
    host, network = board()
    x = draw(1, 4, 3, seed=6)
    host.pipe.write(host.link.encode(x[0], first=True, last=False)[:-2])
    assert host.pipe.read(3) == bytes([ACKNOWLEDGE] * 3)
    host = Host(host.pipe, host.link)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)


def test_bytes_where_a_header_is_due_are_skipped(board, draw):
    host, network = board()
    x = draw(1, 2, 3, seed=7)
    host.pipe.write(b"\x00\xffhello"[:4])
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)


def test_silent_board_is_told(board):
    host, _ = board(watchdog=2000)
    with pytest.raises(StatespikeError, match="the virtual board fell silent for 2000 cycles"):
        host.pipe.read(1)


def test_sequence_of_another_width_is_told(board, draw):
    host, _ = board()
    with pytest.raises(StatespikeError, match=r"shape \(6, 2\); expected \(at least one step, 3\)"):
        host.run(list(draw(1, 6, 2)))


def test_foreign_bytes_are_told():
    class Babble:
        def send_break(self): ...
        def write(self, data): ...
        def read(self, count):
            return b"x" * count

    with pytest.raises(StatespikeError, match="sent 0x78 where the protocol has 0x2e"):
        Host(Babble(), Link(1, 8, 2, 16)).run([np.zeros((1, 1), int)])


def test_serial_port_carries_bytes_and_tells_silence():
    port = SerialPort("loop://", 115_200, timeout=0.1)
    port.write(b"abc")
    assert port.read(3) == b"abc"
    with pytest.raises(StatespikeError, match=r"fell silent for 0\.1 s"):
        port.read(1)
    port.close()


def test_serial_port_that_is_not_there_is_told():
    with pytest.raises(StatespikeError, match="cannot open the serial port /dev/nothing"):
        SerialPort("/dev/nothing", 115_200)


def test_divisor():
    assert divisor(12e6, 1e6) == 12
    assert divisor(12e6, 115_200) == 104
    with pytest.raises(StatespikeError, match="921600 baud cannot be made from a clock of 2 MHz"):
        divisor(2e6, 921_600)
