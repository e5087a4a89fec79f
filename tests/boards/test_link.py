# amaranth: UnusedElaboratable=no
"""Sequences through the virtual board come back as the exact logits."""

from dataclasses import replace

import numpy as np
import pytest

from boards.framing import Kind, decode_message, encode_frame, encode_message
from boards.host import Host
from boards.link import VERSION, Link
from boards.pipe import LinkError
from boards.top import BoardTop
from boards.uart import divisor
from boards.virtual import VirtualBoard
from quantize.errors import StatespikeError


@pytest.fixture
def board(tiny):
    """Builds a tiny network's virtual board: (host, network)."""

    def build(features=3, width=8, pause=0, watchdog=20_000, clock_divisor=4, buffer_bytes=512):
        network = tiny(features, width=width, total_width=20, pause=pause)
        link = Link(features, width, features, 20, buffer_bytes)
        return Host(VirtualBoard(BoardTop(network, link, clock_divisor), watchdog), link), network

    return build


def test_exact_logits(board, draw):
    host, network = board()
    x = draw(3, 6, 3, seed=4)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)
    assert host.restarts == 1


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


@pytest.mark.parametrize("steps", [3, 4, 5, 12])
def test_network_slower_than_the_line_loses_nothing(board, draw, steps):
    host, network = board(features=3, pause=200, buffer_bytes=16)
    assert host.link.steps_per_frame == 4
    x = draw(2, steps, 3, seed=5)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)
    assert host.restarts == 1


@pytest.mark.slow
def test_frames_are_numbered_beyond_a_byte(board, draw):
    host, network = board(features=1, buffer_bytes=2)
    x = draw(1, 260, 1, seed=3)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)
    assert host.restarts == 1


def test_break_clears_a_half_sent_sequence(board, draw):
    host, network = board()
    x = draw(1, 4, 3, seed=6)
    payload = host.link.encode(x[0], first=True, last=False)
    host.pipe.write(encode_frame(0, payload))
    host.pipe.read(host.link.message_bytes(Kind.ACCEPTED))
    host.pipe.write(encode_frame(1, payload)[:-4])
    host = Host(host.pipe, host.link)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)


def damaged(link: Link, x) -> dict[str, bytes]:
    """Frames that the board must not take, when number 0 is due."""
    payload = link.encode(x, first=True, last=True)
    good = encode_frame(0, payload)
    return {
        "checksum": good[:-1] + bytes([good[-1] ^ 1]),
        "payload": good[:5] + bytes([good[5] ^ 0x80]) + good[6:],
        "number": encode_frame(1, payload),
        "length": encode_frame(0, bytes(link.buffer_bytes + 1)),
    }


@pytest.mark.parametrize("fault", ["checksum", "payload", "number", "length"])
def test_frames_that_are_not_right_are_refused_whole(board, draw, fault):
    host, network = board(buffer_bytes=64)
    x = draw(1, 4, 3, seed=6)
    host.pipe.write(damaged(host.link, x[0])[fault])
    told = decode_message(host.pipe.read(host.link.message_bytes(Kind.REFUSED)))
    assert told == (Kind.REFUSED, 0, b"")
    with pytest.raises(LinkError, match="fell silent"):  # until it is restarted, the board takes nothing
        host.pipe.write(encode_frame(0, host.link.encode(x[0], first=True, last=True)))
        host.pipe.read(1)
    assert np.array_equal(Host(host.pipe, host.link).run(list(x)), network.compute(x).logits)


def test_silent_board_is_told(board):
    host, _ = board(watchdog=2000)
    with pytest.raises(LinkError, match="the virtual board fell silent for 2000 cycles"):
        host.pipe.read(1)


def test_sequences_that_do_not_suit_are_told_before_anything_is_sent(board, draw):
    host, _ = board()
    x = draw(1, 6, 3)[0]
    host.link = replace(host.link, max_steps=5)
    for wrong, sentence in (
        (draw(1, 6, 2)[0], r"shape \(6, 2\); expected \(at least one step, 3\)"),
        (x[:4] / 2, "holds numbers of type float64; the board takes integers"),
        (x[:4] + 1000, "an input of 8 bits holds -128 to 127"),
        (x, "sequence 1 has 6 steps; the network was built for at most 5"),
    ):
        with pytest.raises(StatespikeError, match=sentence):
            host.run([x[:2], wrong])
    assert not host.pipe._talker.busy


def test_another_design_on_the_board_is_told(board):
    host, _ = board()
    with pytest.raises(StatespikeError, match="the board holds another design"):
        Host(host.pipe, replace(host.link, network="another"))


class Recorded:
    """A pipe that says the same after each restart, whatever it is sent."""

    def __init__(self, says: bytes):
        self.says, self.left = says, b""

    def write(self, data): ...
    def send_break(self):
        self.left = self.says

    def read(self, count):
        data, self.left = self.left[:count], self.left[count:]
        if len(data) < count:
            raise LinkError("silence")
        return data


LINK = Link(1, 8, 2, 16)


def test_an_overrun_of_the_network_is_told():
    ready, body = encode_message(Kind.READY, 0, LINK.ready_body), bytes(4)
    says = ready + encode_message(Kind.ACCEPTED, 1) + encode_message(Kind.OVERRUN, 1, body)
    with pytest.raises(StatespikeError, match="longer than its network was built for"):
        Host(Recorded(says), LINK).run([np.zeros((1, 1), int)])


def test_another_version_of_the_protocol_is_told():
    body = bytes([VERSION + 1]) + LINK.identity
    with pytest.raises(StatespikeError, match=rf"speaks version {VERSION + 1} of the protocol"):
        Host(Recorded(encode_message(Kind.READY, 0, body)), LINK)


def test_a_line_that_never_recovers_is_told():
    with pytest.raises(StatespikeError, match="could not be started in 3 attempts; in the last one silence"):
        Host(Recorded(b"x"), LINK, attempts=3)
    with pytest.raises(StatespikeError, match="the board sent no word of being ready"):
        Host(Recorded(b"x" * 1000), LINK)
    ready = encode_message(Kind.READY, 0, LINK.ready_body)
    for says, sentence in (
        (encode_message(Kind.REFUSED, 0), "the board sent REFUSED 0 where ACCEPTED 1 was expected"),
        (b"damaged message", "a message of the board was damaged"),
    ):
        host = Host(Recorded(b"noise" + ready + says), LINK)
        with pytest.raises(StatespikeError, match=f"sequence 0 got no answer in 5 attempts.*{sentence}"):
            host.run([np.zeros((1, 1), int)])
        assert host.restarts == 5


def test_identity_follows_everything_that_both_ends_must_know():
    changed = {"features": 2, "width": 9, "classes": 3, "logit_width": 17, "buffer_bytes": 1024,
               "max_steps": 3, "network": "n"}  # fmt: skip
    identities = {replace(LINK, **{name: value}).identity for name, value in changed.items()}
    assert len(identities | {LINK.identity}) == len(changed) + 1


def test_divisor():
    assert divisor(12e6, 1e6) == 12
    assert divisor(12e6, 115_200) == 104
    with pytest.raises(StatespikeError, match="921600 baud cannot be made from a clock of 2 MHz"):
        divisor(2e6, 921_600)


def test_step_larger_than_the_buffer_is_told():
    with pytest.raises(StatespikeError, match="a step of 10 bytes does not fit the link's buffer of 8"):
        Link(9, 8, 2, 16, buffer_bytes=8)
    with pytest.raises(StatespikeError, match="does not fit a frame of the link, which holds at most 65536"):
        Link(70_000, 8, 2, 16, buffer_bytes=1 << 17)
