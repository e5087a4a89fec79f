"""The mean over a sequence in gates: a small build, and one that takes a channel a cycle."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.head.pool import HeadKind, Pool, PooledValue
from hdl.head.step_pools import LastStepPool
from hdl.primitives.counters import CounterWithLast, channel_counter
from hdl.primitives.deep_fifo import BlockFifo, ShallowFifo
from hdl.primitives.divider import SerialDivider
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.memory import DISTRIBUTED_DEPTH, ram
from hdl.primitives.single_port import SinglePortMemory
from hdl.primitives.streams import Beat
from quantize.layers.ends import PoolSpec


def _offset(value: Value) -> Value:
    """A signed value with an offset of half its range, as an unsigned one; and back."""
    return Cat(value[:-1], ~value[-1])


class StepCount:
    """How many steps of a sequence there are, up to the most that count.

    Parameters
    ----------
    spec : PoolSpec

    Attributes
    ----------
    negated : Signal
        Minus their number.
    full : Signal
        They are the most that count.
    overrun : Signal
        There are more.
    """

    def __init__(self, spec: PoolSpec):
        self.most = spec.max_steps
        self.negated = Signal(spec.count_width + 1)
        self.full, self.overrun = Signal(), Signal()

    def advance(self, m: Module, first: Value) -> None:
        """Add the statements that count a step, under the conditions in force."""
        next_is_most = self.negated == (1 - self.most) % (1 << len(self.negated))
        with m.If(first | ~self.full):
            m.d.sync += [
                self.negated.eq(Mux(first, -1, self.negated - 1)),
                self.full.eq(Mux(first, self.most == 1, next_is_most)),
            ]
        m.d.sync += self.overrun.eq(~first & self.full)


class MeanPool(Pool[PoolSpec]):
    """The mean of `quantize.layers.ends.PoolSpec` in gates: a beat in four cycles.

    In the last step each sum, once it is stored, is read again and divided, a bit of the mean in two cycles,
    in the register that sums pass on their way to the adder.

    Parameters
    ----------
    spec : PoolSpec
    target : DeviceFeatures

    Members
    -------
    i : In(stream of Beat)
    o : Out(stream of PooledValue), H a sequence
    """

    # Cycles of a channel of the last step beside those of its division.
    AROUND_DIVISION = 7
    cycles_per_beat = 4

    def __init__(self, spec: PoolSpec, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.target = target
        super().__init__(spec, PooledValue())

    @property
    def cycles_of_last_step(self) -> int:
        return self.spec.channels * (2 * self.spec.input.width + self.AROUND_DIVISION)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec = self.spec
        quotient, width = spec.input.width, spec.count_width
        m.submodules.sums = sums = SinglePortMemory(spec.channels, spec.sum_width, self.target)
        count = StepCount(spec)
        given = CounterWithLast("given", spec.channels)
        # Registers, for a single-port memory stands far away in a corner of its part. The first holds a sum
        # before the addition, and in the division the remainder above what is left of the dividend.
        work, total = (Signal(spec.sum_width, name=name, reset_less=True) for name in ("work", "total"))
        begins, ends = Signal(init=1), Signal()
        bit = Signal(range(quotient))
        # Restoring division: minus the divisor takes an adder, where a subtractor would take inverters too.
        shifted = work[quotient - 1 :]
        # Its sum has a register, which ends the path through the adder.
        trial = Signal(width + 2, reset_less=True)
        fits = trial[width + 1]
        beat = self.i.payload
        m.d.comb += [
            sums.address.eq(given.value),
            sums.w_data.eq(total),
            self.o.payload.last.eq(given.last),
            self.o.payload.overrun.eq(count.overrun),
            self.o.payload.value.eq(_offset(work[:quotient])),
        ]
        with m.FSM():
            with m.State("read"), m.If(self.i.valid):
                m.next = "load"
                with m.If(begins):
                    count.advance(m, beat.first)
            with m.State("load"):
                m.d.sync += [work.eq(Mux(beat.first, 0, sums.r_data)), ends.eq(beat.last)]
                m.next = "add"
            with m.State("add"):
                m.d.comb += self.i.ready.eq(1)
                # Half the number of steps, rounded down, is one more in every even step.
                m.d.sync += total.eq(work + _offset(beat.value) + ~count.negated[0])
                m.next = "store"
            with m.State("store"):
                # Of a sequence too long, the sums stay as they are.
                m.d.comb += sums.write.eq(~count.overrun)
                with m.If(ends):
                    m.next = "fetch"
                with m.Else():
                    m.d.sync += begins.eq(given.last)
                    given.advance(m)
                    m.next = "read"
            with m.State("fetch"):
                m.next = "take"
            with m.State("take"):
                m.d.sync += work.eq(sums.r_data)
                m.next = "try"
            with m.State("try"):
                m.d.sync += trial.eq(shifted + count.negated)
                m.next = "shift"
            with m.State("shift"):
                m.next = "try"
                remainder = Mux(fits, trial[:width], shifted[:width])
                m.d.sync += [
                    work.eq(Cat(fits, work[: quotient - 1], remainder)),
                    bit.eq(Mux(bit == quotient - 1, 0, bit + 1)),
                ]
                with m.If(bit == quotient - 1):
                    m.next = "leave"
            with m.State("leave"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += begins.eq(given.last)
                    given.advance(m)
                    m.next = "read"
        return m


class StreamedMeanPool(Pool[PoolSpec]):
    """A `MeanPool` that takes a channel a cycle, its sums in look-up tables.

    The last step's sums wait in a queue for the divider, while the next sequence is added up. Its own last
    step waits until they all have left.

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
        self.divider = SerialDivider(spec.input.width, spec.count_width)
        super().__init__(spec, PooledValue())

    @property
    def cycles_of_last_step(self) -> int:
        # The step passes the queue in front, its end a register, and then its sums are divided.
        return 1 + self.spec.channels + 1 + self.spec.channels * self.divider.cycles

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, channels = self.spec, self.spec.channels
        m.submodules.divider = self.divider
        # Between two queues the sums wait for nobody's consent in the same cycle.
        m.submodules.head = head = RegisterFifo(Beat(spec.input.width), 2)
        wiring.connect(m, wiring.flipped(self.i), head.i)
        beat = head.o.payload
        waiting: BlockFifo | ShallowFifo
        if channels > DISTRIBUTED_DEPTH:
            waiting = BlockFifo(spec.sum_width, channels)
        else:
            waiting = ShallowFifo(signed(spec.sum_width), channels)
        m.submodules.waiting = waiting
        take, primed = Signal(), Signal()
        given = CounterWithLast("given", channels)
        begins, ended, dividing = Signal(init=1), Signal(), Signal()
        m.d.sync += primed.eq(1)  # the first cycle after a reset only reads
        m.d.comb += [
            head.o.ready.eq(primed & ~(beat.last & begins & (ended | dividing))),
            take.eq(head.o.valid & head.o.ready),
        ]
        # During a step the count is that of the steps before it.
        count = StepCount(spec)
        m.d.sync += ended.eq(take & given.last & beat.last)
        with m.If(take):
            m.d.sync += begins.eq(given.last)
            given.advance(m)
            with m.If(given.last):
                count.advance(m, beat.first)

        before, total = Signal(spec.sum_width), Signal(spec.sum_width)
        continues, counts = ~beat.first, beat.first | ~count.full
        value = _offset(beat.value) & counts.replicate(spec.input.width)
        # Half the number of steps, rounded down, is one more in every even step.
        half = continues & count.negated[0] & counts
        m.d.comb += [
            total.eq((before & continues.replicate(spec.sum_width)) + value + half),
            waiting.i.valid.eq(take & beat.last),
            waiting.i.payload.eq(total.as_signed()),
        ]
        if channels == 1:  # a memory could not be read in the cycle after it was written
            with m.If(take):
                m.d.sync += before.eq(total)
        else:
            write, read = ram(m, "sums", channels, spec.sum_width, quick=True)
            # The next channel's is read as a beat is taken; its address is a register.
            fetch = take | ~primed
            ahead, _ = channel_counter(m, "ahead", channels, fetch)
            m.d.comb += [
                before.eq(read.data),
                read.addr.eq(ahead),
                read.en.eq(fetch),
                write.en.eq(take),
                write.addr.eq(given.value),
                write.data.eq(total.as_signed()),
            ]

        self._divide(m, waiting, count, ended, dividing)
        return m

    def _divide(
        self, m: Module, waiting: BlockFifo | ShallowFifo, count: StepCount, ended: Signal, dividing: Signal
    ) -> None:
        """The sums of a sequence, from its end until the last one is divided."""
        divider = self.divider
        leaving = CounterWithLast("leaving", self.spec.channels)
        # What the divider needs of the sequence.
        divisor, overrun = Signal.like(count.negated), Signal()
        leaves = self.o.valid & self.o.ready
        with m.If(ended):
            m.d.sync += [divisor.eq(count.negated), overrun.eq(count.overrun), dividing.eq(1)]
        with m.If(leaves):
            leaving.advance(m)
            with m.If(leaving.last):
                m.d.sync += dividing.eq(0)
        m.d.comb += [
            divider.i.valid.eq(waiting.o.valid & dividing),
            divider.i.payload.eq(waiting.o.payload),
            waiting.o.ready.eq(divider.i.ready & dividing),
            divider.negated.eq(divisor),
            divider.o.ready.eq(self.o.ready),
            self.o.valid.eq(divider.o.valid),
            self.o.payload.last.eq(leaving.last),
            self.o.payload.overrun.eq(overrun),
            self.o.payload.value.eq(_offset(divider.o.payload)),
        ]


def make_pool(
    spec: PoolSpec, *, streamed: bool, target: DeviceFeatures = MULTIPLIER_BLOCKS
) -> Pool[PoolSpec]:
    """The component for a specification, in the build that takes a channel a cycle or in the small one."""
    if not spec.mean:
        return LastStepPool(spec)
    return StreamedMeanPool(spec) if streamed else MeanPool(spec, target)


KIND = HeadKind(PoolSpec, make_pool)
