"""What travels between components: beats of a step, marked with the sequence's boundaries.

A step is a burst of beats, one a channel, in channel order. `first` and `last` are constant over a burst:
the step is the first, or the last, of its sequence (a sequence of one step has both).
"""

from functools import cache

from amaranth.hdl import Cat, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import Out


class Beat(data.StructLayout):
    """One value of a step.

    Members
    -------
    first : 1
        The step is the first of its sequence.
    last : 1
        The step is the last of its sequence.
    value : signed(width)
    """

    def __init__(self, width: int):
        self.width = width
        super().__init__({"first": 1, "last": 1, "value": signed(width)})


class Factors(data.StructLayout):
    """Two factors of which a step's value is made.

    Members
    -------
    first : 1
        The step is the first of its sequence.
    last : 1
        The step is the last of its sequence.
    a, b : signed(width)
    """

    def __init__(self, width: int):
        super().__init__({"first": 1, "last": 1, "a": signed(width), "b": signed(width)})


class Vector(data.StructLayout):
    """All values of a step at once.

    Members
    -------
    first : 1
        The step is the first of its sequence.
    last : 1
        The step is the last of its sequence.
    values : array of signed(width)
    """

    def __init__(self, width: int, length: int):
        self.width, self.length = width, length
        super().__init__({"first": 1, "last": 1, "values": data.ArrayLayout(signed(width), length)})


class Logit(data.StructLayout):
    """One class score at the end of a sequence.

    Members
    -------
    last : 1
        The score of the last class.
    value : signed(width)
    overrun : 1
        The sequence was longer than the network is made for; its first `max_steps` steps made the scores.
    """

    def __init__(self, width: int):
        self.width = width
        super().__init__({"last": 1, "value": signed(width), "overrun": 1})


class AnswerLogit(data.StructLayout):
    """One output of a network that answers again and again.

    Members
    -------
    last : 1
        The last output of its answer.
    value : signed(width)
    overrun : 1
        Never set: sequences may have any length.
    begins, ends : 1
        The answer is the first of its sequence; it follows the sequence's last step.
    """

    def __init__(self, width: int):
        self.width = width
        super().__init__({"last": 1, "value": signed(width), "overrun": 1, "begins": 1, "ends": 1})


def answer_layout(width: int, stride: int | None) -> Logit | AnswerLogit:
    """The payload of what a network says, by the steps between two answers (`quantize.answers`)."""
    return Logit(width) if stride is None else AnswerLogit(width)


def marks_of(payload: data.View) -> Value:
    """`first` and `last` of a beat together, as two bits to read or to assign."""
    return Cat(payload.first, payload.last)


@cache
def beats(width: int) -> stream.Signature:
    """Stream of `Beat(width)`."""
    return stream.Signature(Beat(width))


@cache
def vectors(width: int, length: int) -> stream.Signature:
    """Stream of `Vector(width, length)`."""
    return stream.Signature(Vector(width, length))


class Tap(wiring.Signature):
    """A window on a stream inside a design: simulation reads it, nothing depends on it.

    Members
    -------
    valid : Out(1)
        A beat is transferred in this cycle.
    value : Out(signed(width))
    """

    def __init__(self, width: int):
        self.width = width
        super().__init__({"valid": Out(1), "value": Out(signed(width))})
