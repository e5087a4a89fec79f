import numpy as np
import pytest

from quantize.errors import StatespikeError
from sim.stimulus import Dice, Stimulus


def test_beats_carry_the_marks_of_their_step():
    beats = Stimulus([np.arange(6).reshape(3, 2), np.array([[7, 8]])]).beats()
    assert beats.values.tolist() == [0, 1, 2, 3, 4, 5, 7, 8]
    assert beats.first.tolist() == [True, True, False, False, False, False, True, True]
    assert beats.last.tolist() == [False, False, False, False, True, True, True, True]
    assert beats.starts.tolist() == [True, False] * 4


@pytest.mark.parametrize("probability", [0.0, 0.25, 0.9])
def test_dice_come_up_as_often_as_asked(probability):
    dice = Dice(probability, seed=3)
    share = np.mean([dice.throw() for _ in range(20_000)])
    assert abs(share - probability) < 0.02


def test_dice_repeat_only_with_their_seed():
    def throws(seed):
        dice = Dice(0.5, seed)
        return [dice.throw() for _ in range(64)]

    assert throws(1) == throws(1)
    assert len({tuple(throws(seed)) for seed in range(50)}) == 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sequences": []}, "at least one sequence"),
        ({"sequences": [np.zeros((0, 2), int)]}, "sequence 0 has shape"),
        ({"sequences": [np.zeros((1, 2), int), np.zeros((1, 3), int)]}, "sequence 1 has shape"),
        ({"sequences": [np.zeros((1, 2), int)], "input_gaps": 1.0}, "input_gaps"),
        ({"sequences": [np.zeros((1, 2), int)], "output_stalls": -0.1}, "output_stalls"),
        ({"sequences": [np.zeros((1, 2), int)], "reset_after": 3}, "reset_after=3"),
        ({"sequences": [np.zeros((1, 2), int)], "reset_wait": -1}, "reset_wait"),
    ],
)
def test_bad_stimulus_is_told(arguments, message):
    with pytest.raises(StatespikeError, match=message):
        Stimulus(**arguments)
