"""Cells as Yosys writes them, where a component would not give them so plainly."""

from hdl.planning.cells import Reader
from hdl.planning.functions import FALSE


def adder(a: list[int | str], b: list[int | str], y: list[int]) -> dict:
    signs = {"A_SIGNED": "0", "B_SIGNED": "0"}
    return {"type": "$add", "parameters": signs, "connections": {"A": a, "B": b, "Y": y}}


def test_an_operand_without_bits_is_zero():
    reader = Reader([adder([], [1, 2], [3, 4])], whole_chains=False)
    assert [reader.literal(bit) for bit in (3, 4)] == [reader.literal(bit) for bit in (1, 2)]


def test_bits_beyond_an_unsigned_operand_are_zero():
    reader = Reader([adder([1], ["0"], [3, 4])], whole_chains=True)
    assert reader.literal(3) == reader.literal(1)
    assert reader.literal(4) == FALSE


def test_words_that_read_each_other_are_read_in_some_order():
    """Each reads a bit of the other, and no bit itself."""
    first, second = adder([1], ["0", 12], [11, 13]), adder([11], ["0"], [12])
    reader = Reader([first, second], whole_chains=False)
    assert reader.literal(11) == reader.literal(1)
