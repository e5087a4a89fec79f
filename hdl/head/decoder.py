"""What all decoders in gates share: pooled values of an answer come in, its logits go out."""

from abc import abstractmethod

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hdl.head.pool import AnswerValue, PooledValue
from hdl.primitives.component import Component
from hdl.primitives.counters import wrapped_next
from hdl.primitives.streams import AnswerLogit, Logit
from quantize.layers.ends import DecoderSpec


class Products:
    """Which of a logit's products is next: one of each pooled value, and then that of the bias.

    The bias has a bit of its own. As a place behind the last channel it would be an address beyond the memory
    of pooled values.

    Attributes
    ----------
    channel : Signal
        Of the pooled value; 0 beside the bias.
    bias : Signal
    """

    def __init__(self, channels: int):
        self.channels = channels
        self.channel = Signal(range(channels), name="channel")
        self.bias = Signal(name="bias")

    def collect(self, m: Module) -> None:
        """Add the statements that count a pooled value which comes, under the conditions in force."""
        m.d.sync += self.channel.eq(wrapped_next(self.channel, self.channels))

    def advance(self, m: Module) -> None:
        """Add the statements that go on to the next product, under the conditions in force."""
        m.d.sync += self.bias.eq(~self.bias & (self.channel == self.channels - 1))
        with m.If(~self.bias):
            m.d.sync += self.channel.eq(wrapped_next(self.channel, self.channels))


class Decoder(Component):
    """`quantize.layers.ends.DecoderSpec` in gates.

    Parameters
    ----------
    spec : DecoderSpec
    values : PooledValue or AnswerValue
        Of a head that answers once a sequence, or again and again.
    logit : Logit or AnswerLogit
        Likewise.

    Attributes
    ----------
    multipliers : int
        Multipliers in use, apart from bit-serial ones.
    taking_cycles : int
        Cycles in which a pooled value that waits is taken.

    Members
    -------
    i : In(stream of values)
    o : Out(stream of logit)
    """

    multipliers: int
    taking_cycles = 1

    def __init__(self, spec: DecoderSpec, values: PooledValue | AnswerValue, logit: Logit | AnswerLogit):
        self.spec = spec
        super().__init__({"i": In(stream.Signature(values)), "o": Out(stream.Signature(logit))})

    @property
    @abstractmethod
    def cycles_per_sequence(self) -> int:
        """Most cycles from a sequence's last pooled value to its last logit."""
