# amaranth: UnusedElaboratable=no
"""Damage on the line, in both directions: the right answer or a sentence, never a wrong answer."""

import random

import numpy as np
import pytest

from boards.host import Host
from boards.link import Link
from boards.pipe import BytePipe, LinkError
from boards.top import BoardTop
from boards.virtual import VirtualBoard
from quantize.errors import StatespikeError


class NoisyLine:
    """A pipe that flips, drops, repeats and adds bytes on the way, and loses breaks.

    Parameters
    ----------
    pipe : BytePipe
    rate : float
        Faults a byte.
    seed : int
    """

    def __init__(self, pipe: BytePipe, rate: float, seed: int):
        self.pipe, self.rate, self.random = pipe, rate, random.Random(seed)
        self.faults = 0
        self.came = bytearray()

    def _through(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self.random.random() >= self.rate:
                out.append(byte)
                continue
            self.faults += 1
            out += self.random.choice(
                [
                    bytes([byte ^ 1 << self.random.randrange(8)]),
                    bytes([byte ^ self.random.randrange(1, 256)]),
                    b"",
                    bytes([byte, byte]),
                    bytes([self.random.randrange(256), byte]),
                ]
            )
        return bytes(out)

    def write(self, data: bytes) -> None:
        self.pipe.write(self._through(data))

    def read(self, count: int) -> bytes:
        while len(self.came) < count:
            self.came += self._through(self.pipe.read(1))
        data = bytes(self.came[:count])
        del self.came[:count]
        return data

    def send_break(self) -> None:
        if self.random.random() < self.rate:
            self.faults += 1
        else:
            self.pipe.send_break()


def play(tiny, seeds: range) -> tuple[int, int, int]:
    """Play sequences over noisy lines; how many met a fault, were sent again, or ended in a sentence."""
    network = tiny(2, width=12, total_width=20)
    link = Link(2, 12, 2, 20, buffer_bytes=16)
    board = VirtualBoard(BoardTop(network, link, 4), watchdog=800)
    disturbed = repeated = told = 0
    for seed in seeds:
        generator = np.random.default_rng(seed)
        x = generator.integers(-2048, 2048, (1, generator.integers(1, 8), 2))
        line = NoisyLine(board, float(generator.choice([0.005, 0.02, 0.1])), seed)
        try:
            host = Host(line, link)
            logits = host.run(list(x))
        except LinkError:
            raise
        except StatespikeError as error:
            assert line.faults, f"seed {seed}: {error}"
            told += 1
        else:
            assert np.array_equal(logits, network.compute(x).logits), f"a wrong answer with seed {seed}"
            repeated += host.restarts > 1
        disturbed += line.faults > 0
    return disturbed, repeated, told


def test_damage_never_ends_in_a_wrong_answer(tiny):
    disturbed, repeated, _ = play(tiny, range(20))
    assert disturbed > 10
    assert repeated > 5


@pytest.mark.slow
def test_much_damage_never_ends_in_a_wrong_answer(tiny):
    disturbed, repeated, told = play(tiny, range(1000, 1400))
    assert disturbed > 200
    assert repeated > 100
    assert told > 10
