"""The products of a decoder's logits by a bit-serial multiplier, one after the other."""

from collections.abc import Callable

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import stream

from hdl.head.decoder import Products
from hdl.primitives.memory import rom, words_of
from hdl.primitives.serial_multiplier import SerialMultiplier
from quantize.layers.ends import DecoderSpec
from quantize.layers.head import POOLED_WIDTH


class SerialProducts:
    """Products and their sum.

    A product takes the states `read`, `multiply` and `add` of a state machine, of which its user writes the
    first; behind the last product of a logit follows its state `leave`.

    Parameters
    ----------
    m : Module
        Receives the weights and the multiplier.
    spec : DecoderSpec

    Attributes
    ----------
    products : Products
    total : Signal
        The sum. Its user sets it to 0 before a logit's first product.
    done, last_class : Signal
        A logit is there; it is the last one. Registers, because much logic depends on them.
    """

    def __init__(self, m: Module, spec: DecoderSpec):
        width = spec.weight_width
        self.spec = spec
        self.weights = rom(m, "weights", words_of(spec.rows.reshape(-1), width), width)
        m.submodules.multiplier = self.multiplier = SerialMultiplier(POOLED_WIDTH, width)
        self.products = Products(spec.channels)
        self.total = Signal(signed(spec.logit_width), name="total", reset_less=True)
        done, last_class = Signal(), Signal()
        self.done, self.last_class = done, last_class

    @staticmethod
    def cycles_per_logit(spec: DecoderSpec) -> int:
        """Of all products, with a cycle each to read the operands and to add, and of leaving."""
        product = 1 + SerialMultiplier(POOLED_WIDTH, spec.weight_width).cycles + 1
        return (spec.channels + 1) * product + 1

    def connect(self, m: Module, row: Value, pooled: Value, o: stream.Interface) -> None:
        """Add the statements that are always in force.

        Parameters
        ----------
        row : Value
            Address of the weight.
        pooled : Value
            The value it multiplies.
        o : stream of Logit or AnswerLogit
            Receives the sum, and whether it is the last class's.
        """
        multiplier = self.multiplier
        m.d.comb += [
            self.weights.addr.eq(row),
            multiplier.i.payload.a.eq(Mux(self.products.bias, 1 << self.spec.bias_shift, pooled)),
            multiplier.i.payload.b.eq(self.weights.data.as_signed()),
            multiplier.o.ready.eq(1),
            o.valid.eq(self.done),
            o.payload.value.eq(self.total),
            o.payload.last.eq(self.last_class),
        ]

    def states(self, m: Module, last_row: Value, advance_row: Callable[[], None]) -> None:
        """Add the states `multiply` and `add`.

        Parameters
        ----------
        last_row : Value
            The weight is the last one.
        advance_row : callable
            Adds the statements that go on to the next weight.
        """
        with m.State("multiply"):
            m.d.comb += self.multiplier.i.valid.eq(1)
            with m.If(self.multiplier.i.ready):
                m.next = "add"
        with m.State("add"), m.If(self.multiplier.o.valid):
            m.d.sync += self.total.eq(self.total + self.multiplier.o.payload)
            advance_row()
            self.products.advance(m)
            m.next = "read"
            with m.If(self.products.bias):
                m.d.sync += [self.done.eq(1), self.last_class.eq(last_row)]
                m.next = "leave"
