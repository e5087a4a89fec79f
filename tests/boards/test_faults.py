# amaranth: UnusedElaboratable=no
"""Damage on the line, in both directions: the right answer or a sentence, never a wrong answer."""

import numpy as np
import pytest

from boards.host import Host
from boards.link import Link
from boards.pipe import LinkError
from boards.top import BoardTop
from boards.virtual import VirtualBoard
from quantize.errors import StatespikeError
from tests.noise import NoisyLine


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
def test_more_damage_never_ends_in_a_wrong_answer(tiny):
    disturbed, repeated, told = play(tiny, range(1000, 1080))
    assert disturbed > 40
    assert repeated > 10
    assert told > 2


@pytest.mark.exhaustive
def test_much_damage_never_ends_in_a_wrong_answer(tiny):
    disturbed, repeated, told = play(tiny, range(1000, 1400))
    assert disturbed > 200
    assert repeated > 100
    assert told > 10
