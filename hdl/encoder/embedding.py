"""The beginning of a network that reads tokens, in gates: a table's row for each."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component
from hdl.primitives.counters import channel_counter, fill_level
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.memory import rom, words_of
from hdl.primitives.registers import delayed
from hdl.primitives.streams import Beat, beats, marks_of
from quantize.layers.embedding import EmbeddingSpec


class Embedding(Component):
    """`quantize.layers.embedding.EmbeddingSpec` in gates: a channel in every cycle, and no multiplier.

    The table's rows begin at powers of two, so that token and channel make an address as they are. What a
    number beyond the table gives is not defined.

    Parameters
    ----------
    spec : EmbeddingSpec

    Members
    -------
    i : In(stream of Beat), a token a step
    o : Out(stream of Beat), H channels a step
    """

    multipliers = 0
    # Cycles from a channel's address until its word enters the queue, and from there until its place is free.
    LATENCY, RETURN = 1, 2

    def __init__(self, spec: EmbeddingSpec):
        self.spec = spec
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.output.width))})

    @property
    def cycles_per_step(self) -> int:
        return self.spec.channels

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a step's token to its last channel, when nothing else is under way."""
        return self.cycles_per_step + 1 + self.LATENCY + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, channels, width = self.spec, self.spec.channels, self.spec.output.width
        depth = self.LATENCY + self.RETURN
        m.submodules.queue = queue = RegisterFifo(Beat(width), depth)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        taken = Signal(Beat(spec.input.width), reset_less=True)
        marks = Signal(2)
        busy, issue, ending = Signal(), Signal(), Signal()
        channel, _ = channel_counter(m, "channel", channels, issue)
        _, place, _ = fill_level(m, depth, queue.o.valid & queue.o.ready, issue, full=True)
        m.d.comb += [
            issue.eq(busy & place),
            ending.eq(issue & (channel == channels - 1)),
            self.i.ready.eq(~busy | ending),
            marks.eq(marks_of(taken)),
        ]
        m.d.sync += busy.eq(Mux(self.i.ready, self.i.valid, busy))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += taken.eq(self.i.payload)

        rows = [word for row in spec.table for word in words_of(row, width) + self._unused]
        read = rom(m, "table", rows, width)
        m.d.comb += [
            read.addr.eq(Cat(channel, taken.value.as_unsigned()[:-1])),  # a token has no sign
            queue.i.valid.eq(delayed(m, issue, self.LATENCY)),
            marks_of(queue.i.payload).eq(delayed(m, marks, self.LATENCY)),
            queue.i.payload.value.eq(read.data),
        ]
        return m

    @property
    def _unused(self) -> list[int]:
        """What fills a row up to a power of two."""
        channels = self.spec.channels
        return [0] * ((1 << (channels - 1).bit_length()) - channels)
