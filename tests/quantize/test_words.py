"""Numbers of things in words."""

from quantize.words import count


def test_one_thing_has_no_plural_ending():
    assert count(1, "multiplier") == "1 multiplier"
    assert count(1, "class") == "1 class"


def test_none_and_several_have():
    assert count(0, "lane") == "0 lanes"
    assert count(1234, "sequence") == "1,234 sequences"
    assert count(10, "class") == "10 classes"
    assert count(2, "memory") == "2 memories"
