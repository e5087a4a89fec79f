"""The residual stream's memory: what enters a layer waits for its residual add."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import ReadPort, WritePort
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component
from hdl.primitives.counters import CounterWithLast, wrapped_next
from hdl.primitives.deep_fifo import BlockFifo
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.memory import ram
from hdl.primitives.streams import Beat, beats


class ResidualFifo(Component):
    """A ring of beats with two readers at one memory port.

    What comes in at `i` leaves once at `o`, with its marks, and once at `o_residual`, values only. A beat's
    place is free when the residual's reader has fetched it, so that reader must not be the faster one: it
    waits for what the layer makes of the same beat.

    Parameters
    ----------
    width : int
        Bits of a value.
    channels : int
    steps : int
        Steps that fit; what a layer holds in its pipeline, to run at full speed.

    Members
    -------
    i : In(stream of Beat)
    o : Out(stream of Beat)
    o_residual : Out(stream of signed(width))
    """

    # Cycles from one beat that leaves to the next, for either reader: asked for, read, taken.
    cycles_per_beat = 3
    # Cycles by which a step's residuals may come later, because the layer's reader goes first: one for each
    # of the two steps that it may read meanwhile.
    contention = 2
    # Cycles from a beat until it can leave: written, known to be there, asked for, read.
    latency = 4

    def __init__(self, width: int, channels: int, steps: int):
        self.width, self.channels, self.steps = width, channels, steps
        super().__init__(
            {
                "i": In(beats(width)),
                "o": Out(beats(width)),
                "o_residual": Out(stream.Signature(signed(width))),
            }
        )

    @property
    def depth(self) -> int:
        """Places of the memory, a power of two; one of them is held back, so there are two at least."""
        return 1 << max(1, (self.channels * self.steps - 1).bit_length())

    def elaborate(self, platform: object) -> Module:
        m = Module()
        write, read = ram(m, "values", self.depth, self.width)
        # Positions count one bit beyond the address, which tells a full ring from an empty one.
        position = range(2 * self.depth)
        written, layer_at, residual_at = Signal(position), Signal(position), Signal(position)
        # A cycle late, to keep the comparison out of what waits for `ready`; so one place is held back.
        full = Signal()
        held = (written - residual_at)[: len(written)]
        m.d.sync += full.eq(held[-1] | held[:-1].all())  # all places but one, without a comparison's carries
        # Marks once a step: `last` is kept, and the step after a last one is a first one.
        m.submodules.lasts = lasts = RegisterFifo(1, self.steps + 1)
        self._write(m, write, written, full, lasts)
        self._fetch(m, read, written, layer_at, residual_at)
        self._mark(m, lasts)
        return m

    def _write(self, m: Module, write: WritePort, written: Signal, full: Signal, lasts: RegisterFifo) -> None:
        """Take beats while there are places for them, and the marks of a step with its first beat."""
        given = Signal(range(self.channels))
        step_starts = Signal(init=1)
        take = Signal()
        # In a register first: the queue's places are far from what gives the beats.
        mark, marked = Signal(reset_less=True), Signal()
        m.d.comb += [
            self.i.ready.eq(~full & (~step_starts | (lasts.i.ready & ~marked))),
            take.eq(self.i.valid & self.i.ready),
            write.en.eq(take),
            write.addr.eq(written),
            write.data.eq(self.i.payload.value),
            lasts.i.valid.eq(marked),
            lasts.i.payload.eq(mark),
        ]
        m.d.sync += [marked.eq(take & step_starts), mark.eq(self.i.payload.last)]
        with m.If(take):
            m.d.sync += [
                written.eq(written + 1),
                given.eq(wrapped_next(given, self.channels)),
                step_starts.eq(given == self.channels - 1),
            ]

    def _fetch(
        self, m: Module, read: ReadPort, written: Signal, layer_at: Signal, residual_at: Signal
    ) -> None:
        """Each reader fetches its next beat when its register is empty; the layer's goes first.

        Whether one is behind is known a cycle late, and every fetch is followed by a cycle without one.
        """
        fetch_layer, fetch_residual = Signal(), Signal()
        layer_behind, residual_behind = Signal(), Signal()
        fetching_layer, fetching_residual = Signal(), Signal()
        layer_valid, residual_valid = Signal(), Signal()
        layer_value = Signal(signed(self.width), reset_less=True)
        residual_value = Signal(signed(self.width), reset_less=True)
        m.d.comb += [
            fetch_layer.eq(layer_behind & ~layer_valid & ~fetching_layer),
            fetch_residual.eq(residual_behind & ~residual_valid & ~fetching_residual & ~fetch_layer),
            read.addr.eq(Mux(fetch_layer, layer_at, residual_at)),
            self.o.valid.eq(layer_valid),
            self.o.payload.value.eq(layer_value),
            self.o_residual.valid.eq(residual_valid),
            self.o_residual.payload.eq(residual_value),
        ]
        m.d.sync += [
            layer_behind.eq(layer_at != written),
            residual_behind.eq(residual_at != written),
            layer_at.eq(layer_at + fetch_layer),
            residual_at.eq(residual_at + fetch_residual),
            fetching_layer.eq(fetch_layer),
            fetching_residual.eq(fetch_residual),
            layer_valid.eq(fetching_layer | (layer_valid & ~self.o.ready)),
            residual_valid.eq(fetching_residual | (residual_valid & ~self.o_residual.ready)),
        ]
        with m.If(fetching_layer):
            m.d.sync += layer_value.eq(read.data)
        with m.If(fetching_residual):
            m.d.sync += residual_value.eq(read.data)

    def _mark(self, m: Module, lasts: RegisterFifo) -> None:
        """Give the layer's beats their marks."""
        left = CounterWithLast("left", self.channels)
        first = Signal(init=1)
        leaves = self.o.valid & self.o.ready
        step_leaves = leaves & left.last
        m.d.comb += [
            self.o.payload.first.eq(first),
            self.o.payload.last.eq(lasts.o.payload),
        ]
        m.d.sync += lasts.o.ready.eq(step_leaves)  # a cycle late: the next beat is still on its way
        with m.If(leaves):
            left.advance(m)
        with m.If(step_leaves):
            m.d.sync += first.eq(lasts.o.payload)


class ResidualFork(Component):
    """A `ResidualFifo` that passes a beat a cycle: what comes in goes to both readers, to one through memory.

    Parameters
    ----------
    width : int
        Bits of a value.
    channels : int
    steps : int
        Steps that a layer holds in its pipeline, to run at full speed.

    Members
    -------
    i : In(stream of Beat)
    o : Out(stream of Beat)
    o_residual : Out(stream of signed(width))
    """

    cycles_per_beat = 1
    contention = 0
    latency = 1

    def __init__(self, width: int, channels: int, steps: int):
        self.width = width
        self.values = BlockFifo(width, channels * steps)
        super().__init__(
            {
                "i": In(beats(width)),
                "o": Out(beats(width)),
                "o_residual": Out(stream.Signature(signed(width))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.values = values = self.values
        m.submodules.queue = queue = RegisterFifo(Beat(self.width), 2)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        wiring.connect(m, values.o, wiring.flipped(self.o_residual))
        m.d.comb += [
            self.i.ready.eq(queue.i.ready & values.i.ready),
            queue.i.valid.eq(self.i.valid & values.i.ready),
            queue.i.payload.eq(self.i.payload),
            values.i.valid.eq(self.i.valid & queue.i.ready),
            values.i.payload.eq(self.i.payload.value),
        ]
        return m
