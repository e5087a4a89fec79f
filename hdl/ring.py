"""The residual stream's memory: written once, read twice, by the layer now and by its residual add later."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.primitives.memory import buffer
from hdl.primitives.queue import Queue
from hdl.streams import beats


class ResidualRing(wiring.Component):
    """A ring of beats with two readers at one memory port.

    What comes in at `i` leaves once at `o`, with its marks, and once at `o_residual`, values only. The space of
    a beat is free when `o_residual` has given it away, so that reader must not be the faster one.

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
        """Beats that fit, a power of two."""
        return 1 << (self.channels * self.steps - 1).bit_length()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth, channels = self.depth, self.channels
        write, read = buffer(m, "values", depth, self.width)
        written = Signal(range(depth))
        held = Signal(range(depth + 1))

        # Marks once a step: `last` is kept, and the step after a last one is a first one.
        m.submodules.lasts = lasts = Queue(1, self.steps + 1)
        given = Signal(range(channels))
        take = Signal()
        m.d.comb += [
            self.i.ready.eq((held != depth) & ((given != 0) | lasts.i.ready)),
            take.eq(self.i.valid & self.i.ready),
            write.en.eq(take),
            write.addr.eq(written),
            write.data.eq(self.i.payload.value),
            lasts.i.valid.eq(take & (given == 0)),
            lasts.i.payload.eq(self.i.payload.last),
        ]
        with m.If(take):
            m.d.sync += [written.eq(written + 1), given.eq(Mux(given == channels - 1, 0, given + 1))]

        # Readers: each fetches its next beat when its register is empty; the layer goes first.
        gives, freed = [], Signal()
        ready = []
        for name, port in (("layer", self.o), ("residual", self.o_residual)):
            position = Signal(range(depth), name=f"{name}_position")
            waiting = Signal(range(depth + 1), name=f"{name}_waiting")
            fetching = Signal(name=f"{name}_fetching")
            valid = Signal(name=f"{name}_valid")
            value = Signal(signed(self.width), name=f"{name}_value", reset_less=True)
            fetch = Signal(name=f"{name}_fetch")
            m.d.comb += fetch.eq((waiting != 0) & ~valid & ~fetching & ~(ready[0] if ready else 0))
            m.d.sync += [
                waiting.eq(waiting + take - fetch),
                fetching.eq(fetch),
                valid.eq(fetching | (valid & ~port.ready)),
            ]
            with m.If(fetch):
                m.d.sync += position.eq(position + 1)
                m.d.comb += read.addr.eq(position)
            with m.If(fetching):
                m.d.sync += value.eq(read.data)
            m.d.comb += port.valid.eq(valid)
            ready.append(fetch)
            gives.append(value)
        m.d.comb += [
            self.o.payload.value.eq(gives[0]),
            self.o_residual.payload.eq(gives[1]),
            freed.eq(self.o_residual.valid & self.o_residual.ready),
        ]
        m.d.sync += held.eq(held + take - freed)

        left = Signal(range(channels))
        first = Signal(init=1)
        leaves = self.o.valid & self.o.ready
        step_leaves = leaves & (left == channels - 1)
        m.d.comb += [
            self.o.payload.first.eq(first),
            self.o.payload.last.eq(lasts.o.payload),
            lasts.o.ready.eq(step_leaves),
        ]
        with m.If(leaves):
            m.d.sync += left.eq(Mux(left == channels - 1, 0, left + 1))
        with m.If(step_leaves):
            m.d.sync += first.eq(lasts.o.payload)
        return m
