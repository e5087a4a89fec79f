"""The functions of `quantize.layers.functions` in gates: a table of the even part, and the rest in logic."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

from hdl.primitives.fixed import magnitude
from hdl.primitives.memory import rom
from hdl.primitives.registers import delayed
from quantize.layers.functions import TABLE_DEPTH, TABLE_WIDTH, EvenTable, Gelu, Sigmoid


def _even(m: Module, name: str, even: EvenTable, entries: list[int], argument: Value) -> Value:
    """The table's entry for an argument, a cycle later."""
    port = rom(m, name, entries, TABLE_WIDTH, block=True, fixed=True)
    position = magnitude(argument) >> even.index_shift
    m.d.comb += port.addr.eq(Mux(position >= TABLE_DEPTH, TABLE_DEPTH - 1, position))
    return port.data


def gelu_of(m: Module, gelu: Gelu, argument: Value) -> Value:
    """GELU of an argument that stands still for a cycle, its format the argument's."""
    return _less_tail(gelu, argument, _inverted_tail(m, gelu, argument))


# Cycles that `gelu_pipeline` takes.
GELU_LATENCY = 4


def gelu_pipeline(m: Module, gelu: Gelu, argument: Signal) -> Signal:
    """GELU of an argument in every cycle, `GELU_LATENCY` cycles later.

    Two registers follow the table: the first can then lie beside its memory block, which answers late.
    """
    read_tail = Signal(TABLE_WIDTH, reset_less=True)
    out = Signal(signed(gelu.argument.width), reset_less=True)
    tail = delayed(m, read_tail, 1, reset_less=True)
    m.d.sync += [
        read_tail.eq(_inverted_tail(m, gelu, argument)),
        out.eq(_less_tail(gelu, delayed(m, argument, GELU_LATENCY - 1), tail)),
    ]
    return out


def _inverted_tail(m: Module, gelu: Gelu, argument: Value) -> Value:
    """What GELU is less than `max(x, 0)`, a cycle later; inverted, so that one adder subtracts it."""
    inverted = [(1 << TABLE_WIDTH) - 1 - int(entry) for entry in gelu.entries]
    return _even(m, "tails", gelu.table, inverted, argument)


def _less_tail(gelu: Gelu, argument: Value, tail: Value) -> Value:
    """`max(x, 0)` less its inverted tail: x - tail = x + ~tail + 1."""
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


# Cycles that `sigmoid_of` takes.
SIGMOID_LATENCY = 2


def sigmoid_of(m: Module, sigmoid: Sigmoid, argument: Value) -> Value:
    """Sigmoid of an argument in every cycle, `SIGMOID_LATENCY` cycles later: a half, and the rise or less it.

    The table's bits wait in a register, for a memory block answers late in its cycle.
    """
    rise, negative = Signal(TABLE_WIDTH, reset_less=True), Signal(reset_less=True, name="negative_0")
    m.d.sync += rise.eq(_even(m, "rises", sigmoid.table, [int(entry) for entry in sigmoid.entries], argument))
    m.d.comb += negative.eq(argument[-1])
    less = delayed(m, negative, SIGMOID_LATENCY, reset_less=True)
    # A half less the rise is the rise inverted below an empty place for the half, plus one.
    inverted = rise ^ less.replicate(TABLE_WIDTH)
    return (Cat(inverted, ~less, Const(0, 1)) + less)[: sigmoid.fraction + 1].as_signed()
