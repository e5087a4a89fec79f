"""The functions of `quantize.layers.functions` in gates: a table of the even part, and the rest in logic."""

from amaranth.hdl import Cat, Const, Module, Mux, Value, signed

from hdl.fixed import magnitude
from hdl.primitives.memory import table
from quantize.layers.functions import TABLE_DEPTH, TABLE_WIDTH, EvenTable, Gelu, Sigmoid


def _even(m: Module, name: str, even: EvenTable, entries: list[int], argument: Value) -> Value:
    """The table's entry for an argument, a cycle later."""
    port = table(m, name, entries, TABLE_WIDTH, block=True)
    position = magnitude(argument) >> even.index_shift
    m.d.comb += port.addr.eq(Mux(position >= TABLE_DEPTH, TABLE_DEPTH - 1, position))
    return port.data


def gelu_of(m: Module, gelu: Gelu, argument: Value) -> Value:
    """GELU of an argument that stands still for a cycle, its format the argument's."""
    # The tails are stored inverted, so that their subtraction is one adder: x - tail = x + ~tail + 1.
    inverted = [(1 << TABLE_WIDTH) - 1 - int(entry) for entry in gelu.entries]
    tail = _even(m, "tails", gelu.table, inverted, argument)
    width = gelu.argument.width
    ones = Const(-1, signed(width))
    spread = Cat(ones[: gelu.tail_shift], tail, ones[: width - TABLE_WIDTH - gelu.tail_shift])
    rectified = Mux(argument[-1], 0, argument)
    return (rectified + spread.as_signed() + 1)[:width].as_signed()


def rise_of(m: Module, sigmoid: Sigmoid, argument: Value) -> Value:
    """Sigmoid of an argument that stands still for a cycle, less one half: a sign and the table's bits."""
    rise = _even(m, "rises", sigmoid.table, [int(entry) for entry in sigmoid.entries], argument)
    negative = argument[-1]
    inverted = Cat(rise, Const(0, 1)) ^ negative.replicate(TABLE_WIDTH + 1)
    return (inverted + negative)[: TABLE_WIDTH + 1].as_signed()
