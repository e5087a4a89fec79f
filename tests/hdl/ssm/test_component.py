"""Foldings of arrays in words."""

import pytest

from hdl.ssm.component import ArrayFolding
from hdl.ssm.leapfrog import LeapfrogFolding


@pytest.mark.parametrize(
    ("folding", "words"),
    [
        (ArrayFolding(1), "1 lane of 1 multiplier"),
        (ArrayFolding(2, 3), "3 lanes of 2 multipliers"),
        (LeapfrogFolding(2, has_helper=True), "1 lane of 2 multipliers and a helper"),
    ],
)
def test_a_folding_is_told_in_words(folding, words):
    assert folding.describe() == words
