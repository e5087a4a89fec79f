"""Pools without a sum: the values of a sequence's last step, or of every step."""

from amaranth.hdl import Module
from amaranth.lib import wiring

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.head.pool import AnswerValue, HeadKind, Pool, PooledValue
from hdl.primitives.counters import CounterWithLast
from hdl.primitives.fifo import RegisterFifo
from quantize.layers.ends import PoolSpec
from quantize.layers.repeated import EveryStepSpec


class LastStepPool(Pool[PoolSpec]):
    """The last step of `quantize.layers.ends.PoolSpec` in gates: it passes on, the others go nowhere.

    Parameters
    ----------
    spec : PoolSpec

    Members
    -------
    i : In(stream of Beat)
    o : Out(stream of PooledValue), H a sequence
    """

    cycles_per_beat = 1

    def __init__(self, spec: PoolSpec):
        super().__init__(spec, PooledValue())

    @property
    def cycles_of_last_step(self) -> int:
        return 2 * self.spec.channels  # a queue of a single place passes a value in every other cycle

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = RegisterFifo(PooledValue(), 1)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        beat = self.i.payload
        given = CounterWithLast("given", self.spec.channels)
        m.d.comb += [
            self.i.ready.eq(~beat.last | queue.i.ready),
            queue.i.valid.eq(self.i.valid & beat.last),
            queue.i.payload.last.eq(given.last),
            queue.i.payload.value.eq(beat.value),
        ]
        with m.If(self.i.valid & self.i.ready):
            given.advance(m)
        return m


class EveryStepPool(Pool[EveryStepSpec]):
    """`quantize.layers.repeated.EveryStepSpec` in gates: wires, and a count of channels.

    Parameters
    ----------
    spec : EveryStepSpec

    Members
    -------
    i : In(stream of Beat)
    o : Out(stream of AnswerValue), H a step
    """

    cycles_per_beat = 1

    def __init__(self, spec: EveryStepSpec):
        super().__init__(spec, AnswerValue())

    @property
    def cycles_of_last_step(self) -> int:
        return self.spec.channels

    def elaborate(self, platform: object) -> Module:
        m = Module()
        channel = CounterWithLast("given", self.spec.channels)
        beat, value = self.i.payload, self.o.payload
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready),
            value.last.eq(channel.last),
            value.begins.eq(beat.first),
            value.ends.eq(beat.last),
            value.value.eq(beat.value),
        ]
        with m.If(self.i.valid & self.i.ready):
            channel.advance(m)
        return m


def make_every_step(
    spec: EveryStepSpec, *, streamed: bool, target: DeviceFeatures = MULTIPLIER_BLOCKS
) -> EveryStepPool:
    """The component for a specification; there is but one build."""
    return EveryStepPool(spec)


KIND = HeadKind(EveryStepSpec, make_every_step)
