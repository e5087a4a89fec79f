"""The running mean in gates: a small build, and one that takes a channel a cycle."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.head.pool import AnswerValue, HeadKind, Pool
from hdl.primitives.counters import CounterWithLast, channel_counter
from hdl.primitives.deep_fifo import CreditFifo
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.fixed import round_shift, shift_left
from hdl.primitives.memory import ram
from hdl.primitives.registers import delayed
from hdl.primitives.single_port import SinglePortMemory
from quantize.layers.head import POOLED_WIDTH
from quantize.layers.repeated import RunningSpec


def _leaked(total: Value, shift: int) -> Value:
    """`total - round_shift(total, shift)`, with the bit that rounds as the carry of one adder."""
    return total + ~(total >> shift) + ~total[shift - 1]


class StepTurn:
    """Which steps an answer of `RunningSpec` follows.

    Parameters
    ----------
    spec : RunningSpec

    Attributes
    ----------
    step : Signal
        Steps since the last stride was complete.
    answered : Signal
        There was an answer in this sequence.
    """

    def __init__(self, spec: RunningSpec):
        self.stride = spec.stride
        self.step = Signal(range(spec.stride), name="step_in_stride")
        self.answered = Signal()

    def due(self, first: Value) -> Value:
        """Whether the step under way completes a stride; `first` marks that of a sequence."""
        if self.stride == 1:
            return Const(1)
        return ~first & (self.step == self.stride - 1)

    def begins(self, first: Value) -> Value:
        """Whether an answer now would be the first of its sequence."""
        return first | ~self.answered

    def advance(self, m: Module, first: Value, answers: Value) -> None:
        """Add the statements that end a step, under the conditions in force."""
        m.d.sync += [
            self.answered.eq(answers | (self.answered & ~first)),
            self.step.eq(Mux(first, 1 % self.stride, Mux(self.due(first), 0, self.step + 1))),
        ]


class RunningPool(Pool[RunningSpec]):
    """`quantize.layers.repeated.RunningSpec` in gates: a beat in five cycles, its sums in one memory.

    Parameters
    ----------
    spec : RunningSpec
    target : DeviceFeatures

    Members
    -------
    i : In(stream of Beat)
    o : Out(stream of AnswerValue), H an answer
    """

    cycles_per_beat = 5

    def __init__(self, spec: RunningSpec, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.target = target
        super().__init__(spec, AnswerValue())

    @property
    def cycles_of_last_step(self) -> int:
        return self.cycles_per_step + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.sums = sums = SinglePortMemory(spec.channels, spec.sum_width, self.target)
        m.submodules.queue = queue = RegisterFifo(AnswerValue(), 1)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        given, turn = CounterWithLast("given", spec.channels), StepTurn(spec)
        work, total = (Signal(signed(spec.sum_width), name=n, reset_less=True) for n in ("work", "total"))
        answers, first, last = Signal(), Signal(), Signal()
        beat = self.i.payload
        m.d.comb += [
            sums.address.eq(given.value),
            sums.w_data.eq(total),
            queue.i.payload.last.eq(given.last),
            queue.i.payload.begins.eq(turn.begins(first)),
            queue.i.payload.ends.eq(last),
            queue.i.payload.value.eq(round_shift(total, spec.time_shift)),
        ]
        with m.FSM():
            with m.State("read"), m.If(self.i.valid):
                m.next = "load"
            with m.State("load"):
                m.d.sync += [
                    work.eq(Mux(beat.first, shift_left(beat.value, spec.time_shift), sums.r_data)),
                    answers.eq(turn.due(beat.first) | beat.last),
                    Cat(first, last).eq(Cat(beat.first, beat.last)),
                ]
                m.next = "leak"
            with m.State("leak"):
                m.d.sync += work.eq(_leaked(work, spec.time_shift))
                m.next = "add"
            with m.State("add"):
                # Taken a cycle early: a register in front of a single place needs that to give the next one.
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += total.eq(work + beat.value)
                m.next = "store"
            with m.State("store"):
                m.d.comb += [sums.write.eq(1), queue.i.valid.eq(answers)]
                with m.If(~answers | queue.i.ready):
                    m.next = "read"
                    given.advance(m)
                    with m.If(given.last):
                        turn.advance(m, first, answers)
        return m


class StreamedRunningPool(Pool[RunningSpec]):
    """A `RunningPool` that takes a channel a cycle.

    Parameters
    ----------
    spec : RunningSpec
        Of `LEAST_CHANNELS` or more: a channel's sum is stored before it is read again.

    Members
    -------
    i : In(stream of Beat)
    o : Out(stream of AnswerValue), H an answer
    """

    cycles_per_beat = 1
    LEAST_CHANNELS = 4
    # Cycles from a beat to its rounded sum.
    LATENCY = 3

    def __init__(self, spec: RunningSpec):
        if spec.channels < self.LEAST_CHANNELS:
            raise ValueError(f"{spec.channels} channels are too few for a sum a cycle")
        super().__init__(spec, AnswerValue())

    @property
    def cycles_of_last_step(self) -> int:
        return self.spec.channels + self.LATENCY + CreditFifo.LATENCY

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec, channels = self.spec, self.spec.channels
        m.submodules.outlet = outlet = CreditFifo(AnswerValue(), self.LATENCY)
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        given, turn = CounterWithLast("given", channels), StepTurn(spec)
        beat = self.i.payload
        take, primed, answers = Signal(), Signal(), Signal()
        m.d.sync += primed.eq(1)  # the first cycle after a reset only reads
        m.d.comb += [
            answers.eq(turn.due(beat.first) | beat.last),
            self.i.ready.eq(primed & (outlet.room | ~answers)),
            take.eq(self.i.valid & self.i.ready),
            outlet.enter.eq(take & answers),
        ]
        with m.If(take):
            given.advance(m)
            with m.If(given.last):
                turn.advance(m, beat.first, answers)

        # The next channel's sum is read as a beat is taken, and stored two cycles after its own.
        write, read = ram(m, "sums", channels, spec.sum_width, quick=True)
        fetch = take | ~primed
        ahead, _ = channel_counter(m, "ahead", channels, fetch)
        leaked, total = (Signal(signed(spec.sum_width), name=n, reset_less=True) for n in ("leaked", "total"))
        value = Signal(signed(spec.input.width), reset_less=True)
        rounded = Signal(signed(POOLED_WIDTH), reset_less=True)
        taken, stored = delayed(m, take, 1), Signal()
        before = Signal(signed(spec.sum_width))
        m.d.comb += before.eq(Mux(beat.first, shift_left(beat.value, spec.time_shift), read.data))
        m.d.sync += [
            leaked.eq(_leaked(before, spec.time_shift)),
            value.eq(beat.value),
            total.eq(leaked + value),
            rounded.eq(round_shift(total, spec.time_shift)),
            stored.eq(taken),
        ]
        marks = Signal(3)
        m.d.comb += marks.eq(Cat(given.last, turn.begins(beat.first), beat.last))
        m.d.comb += [
            read.addr.eq(ahead),
            read.en.eq(fetch),
            write.en.eq(stored),
            write.addr.eq(delayed(m, given.value, 2)),
            write.data.eq(total),
            outlet.arrive.eq(delayed(m, outlet.enter, self.LATENCY)),
            _marks_of(outlet.value).eq(delayed(m, marks, self.LATENCY)),
            outlet.value.value.eq(rounded),
        ]
        return m


def _marks_of(value: data.View) -> Value:
    """All of an `AnswerValue` but its number."""
    return Cat(value.last, value.begins, value.ends)


def make_running(
    spec: RunningSpec, *, streamed: bool, target: DeviceFeatures = MULTIPLIER_BLOCKS
) -> RunningPool | StreamedRunningPool:
    """The component for a specification, in the build that takes a channel a cycle or in the small one."""
    if streamed and spec.channels >= StreamedRunningPool.LEAST_CHANNELS:
        return StreamedRunningPool(spec)
    return RunningPool(spec, target)


KIND = HeadKind(RunningSpec, make_running)
