# amaranth: UnusedElaboratable=no
"""A network at SPI pins: exact logits whatever the times of the edges, and nothing of what was cut short."""

import sys
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.framing import Kind, decode_message, encode_frame
from boards.host import Host
from boards.link import Link
from boards.pipe import LinkError
from boards.spi import most_sck_mhz
from boards.spi_bytes import ESCAPE, IDLE, RESTART, SPECIAL, TURNED, Unescaper, escaped
from boards.spi_port import SpiBus, SpiDevice, SpiPort
from boards.top import SpiTop
from quantize.errors import StatespikeError
from tests.boards.simulated_spi import SimulatedBus
from tests.noise import NoisyLine


@pytest.fixture
def board(tiny):
    """Builds a tiny network's simulated board: (bus, link, network)."""

    def build(seed=0, features=3, width=8, pause=0, buffer_bytes=16, **times):
        network = tiny(features, width=width, total_width=20, pause=pause)
        link = Link(features, width, features, 20, buffer_bytes)
        return SimulatedBus(SpiTop(network, link), seed, **times), link, network

    return build


def port_of(bus: SimulatedBus) -> SpiPort:
    """That waits five thousand cycles."""
    return SpiPort(bus, 0.005, lambda: bus.now)


@given(st.lists(st.binary()))
def test_any_bytes_travel(pieces):
    travelled = b"".join(bytes([IDLE]) * len(piece) + escaped(piece) for piece in pieces)
    assert RESTART not in travelled
    unescaper = Unescaper()
    assert b"".join(unescaper([byte]) for byte in travelled) == b"".join(pieces)


def test_no_wrong_bit_makes_one_special_byte_of_another():
    turned = [byte ^ TURNED for byte in SPECIAL]
    assert len({*SPECIAL, *turned}) == 6
    assert min((one ^ other).bit_count() for one in SPECIAL for other in SPECIAL if one != other) >= 4


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("longest", [4.0, 5.0, 20.0])
def test_exact_logits_at_any_times(board, seed, longest):
    bus, link, network = board(seed, longest=longest)
    host = Host(SpiPort(bus), link)
    x = np.random.default_rng(seed).integers(-128, 128, (2, 6, 3))
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)
    assert host.restarts == 1


def test_special_bytes_are_values_like_others(board):
    bus, link, network = board(features=2, width=16)
    low = [value - 256 if value > 127 else value for value in SPECIAL]
    x = np.array([[[one * 256 + other % 256, other] for one in low for other in low]])
    assert np.array_equal(Host(SpiPort(bus), link).run(list(x)), network.compute(x).logits)


def test_a_network_slower_than_the_line_loses_nothing(board, draw):
    bus, link, network = board(pause=300)
    x = draw(2, 7, 3)
    host = Host(SpiPort(bus), link)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)
    assert host.restarts == 1


class CutBus:
    """A bus on which bytes are begun and cut short, of which the host knows nothing."""

    name = "a cut bus"

    def __init__(self, bus: SimulatedBus, seed: int):
        self.bus, self.random, self.cuts = bus, Random(seed), 0

    def exchange(self, data: bytes) -> bytes:
        came = b""
        while data:
            if self.random.random() < 0.7:
                self.cuts += 1
                self.bus.exchange_bits([self.random.randrange(2) for _ in range(self.random.randrange(8))])
            count = self.random.randint(1, len(data))
            came += self.bus.exchange(data[:count])
            data = data[count:]
        return came

    def close(self) -> None: ...


@pytest.mark.parametrize("seed", range(4))
def test_bytes_that_chip_select_cuts_short_were_never_said(board, draw, seed):
    bus, link, network = board(seed)
    cut = CutBus(bus, seed)
    x = draw(2, 6, 3, seed=seed)
    host = Host(SpiPort(cut), link)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)
    assert (host.restarts, cut.cuts > 5) == (1, True)


def test_a_restart_clears_a_half_sent_sequence(board, draw):
    bus, link, network = board()
    host = Host(SpiPort(bus), link)
    x = draw(1, 4, 3, seed=6)
    frame = encode_frame(0, link.encode(x[0], first=True, last=False))
    host.pipe.write(frame[:-3])
    bus.exchange(bytes([ESCAPE]))
    assert np.array_equal(Host(host.pipe, link).run(list(x)), network.compute(x).logits)


def test_a_restart_in_mid_transfer_is_obeyed_and_nothing_behind_it_heard(board, draw):
    bus, link, network = board()
    port = port_of(bus)
    Host(port, link)
    x = draw(1, 3, 3)
    frame = escaped(encode_frame(0, link.encode(x[0], first=True, last=True)))
    bus.exchange(frame[:5] + bytes([RESTART]) + frame)
    ready = decode_message(port.read(link.message_bytes(Kind.READY)))
    assert ready == (Kind.READY, 0, link.ready_body)
    with pytest.raises(LinkError, match=r"a simulated bus fell silent for 0\.005 s"):
        port.read(1)
    assert np.array_equal(Host(port, link).run(list(x)), network.compute(x).logits)


class NoisyBus:
    """A bus that flips bits and loses bytes in either direction."""

    name = "a noisy bus"

    def __init__(self, bus: SpiBus, rate: float, seed: int):
        self.bus, self.rate, self.random, self.faults = bus, rate, Random(seed), 0

    def _through(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self.random.random() < self.rate:
                self.faults += 1
                out += self.random.choice([b"", bytes([byte ^ 1 << self.random.randrange(8)])])
            else:
                out.append(byte)
        return bytes(out)

    def exchange(self, data: bytes) -> bytes:
        return self._through(self.bus.exchange(self._through(data)))

    def close(self) -> None: ...


def play(board, seeds: range) -> tuple[int, int]:
    """Play sequences over noisy buses; how many were sent again, or ended in a sentence."""
    bus, link, network = board(features=2, width=12, longest=4.0)
    repeated = told = 0
    for seed in seeds:
        generator = np.random.default_rng(seed)
        x = generator.integers(-2048, 2048, (1, generator.integers(1, 8), 2))
        noisy = NoisyBus(bus, float(generator.choice([0.001, 0.003, 0.01])), seed)
        try:
            host = Host(SpiPort(noisy, 0.005, lambda: bus.now), link)
            logits = host.run(list(x))
        except LinkError:
            raise
        except StatespikeError as error:
            assert noisy.faults, f"seed {seed}: {error}"
            told += 1
        else:
            assert np.array_equal(logits, network.compute(x).logits), f"a wrong answer with seed {seed}"
            repeated += host.restarts > 1
    return repeated, told


def test_damage_on_the_bus_never_ends_in_a_wrong_answer(board):
    repeated, _ = play(board, range(6))
    assert repeated > 1


@pytest.mark.slow
def test_more_damage_on_the_bus_never_ends_in_a_wrong_answer(board):
    repeated, _ = play(board, range(1000, 1030))
    assert repeated > 10


def test_damage_of_the_bytes_of_messages_is_repeated_too(board, draw):
    bus, link, network = board()
    x = draw(1, 6, 3)
    host = Host(NoisyLine(port_of(bus), 0.02, 3), link)
    assert np.array_equal(host.run(list(x)), network.compute(x).logits)
    assert host.restarts > 1


@pytest.mark.parametrize(("level", "word"), [(0x00, "low"), (0xFF, "high")])
def test_a_line_without_a_board_is_told(level, word):
    bus = SimpleNamespace(name="a bus", exchange=lambda data: bytes([level]) * len(data))
    with pytest.raises(
        StatespikeError, match=f"could not be started in 5 attempts.*MISO of a bus stays {word}"
    ):
        Host(SpiPort(bus), Link(1, 8, 2, 16))


@pytest.mark.parametrize(("clock", "sck"), [(12, 1.5), (25, 3.125), (40, 5), (100, 5)])
def test_sck_follows_the_clock_up_to_what_wires_bear(clock, sck):
    assert most_sck_mhz(clock) == sck


class FakeSpiDev:
    """What `spidev.SpiDev` is for a board."""

    board: SimulatedBus

    def open_path(self, path):
        if path != "/dev/spidev0.0":
            raise FileNotFoundError(2, "No such file or directory")

    def xfer2(self, values):
        assert (self.mode, self.max_speed_hz, len(values) <= 4096) == (0, 1_500_000, True)
        return list(self.board.exchange(bytes(values)))

    def close(self):
        self.board = None


@pytest.fixture
def spidev(monkeypatch):
    monkeypatch.setitem(sys.modules, "spidev", SimpleNamespace(SpiDev=FakeSpiDev))


def test_the_package_of_linux_exchanges_bytes(board, draw, spidev, monkeypatch):
    bus, link, network = board()
    monkeypatch.setattr(FakeSpiDev, "board", bus, raising=False)
    port = SpiPort(SpiDevice("/dev/spidev0.0", 1.5))
    x = draw(1, 4, 3)
    assert np.array_equal(Host(port, link).run(list(x)), network.compute(x).logits)
    assert port.name == "/dev/spidev0.0"
    monkeypatch.setattr(
        FakeSpiDev, "xfer2", lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error"))
    )
    with pytest.raises(StatespikeError, match=r"the SPI device /dev/spidev0\.0 failed: Input/output error"):
        port.write(b"a")
    port.close()


def test_a_device_that_is_not_there_is_told(spidev):
    with pytest.raises(StatespikeError, match="cannot open the SPI device /dev/nothing: No such file"):
        SpiDevice("/dev/nothing", 1.5)


def test_a_package_that_is_missing_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "spidev", None)
    with pytest.raises(
        StatespikeError, match=r"needs the package spidev, of Linux; run `pip install -e .*\[spi\]"
    ):
        SpiDevice("/dev/spidev0.0", 1.5)
