"""Many neuron arrays as one: channels are dealt to lanes by turns, so that one leaves in every cycle."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import wiring

from hdl.devices.features import BLOCK_LATENCY
from hdl.primitives.clips import LayerClips, tell_clip
from hdl.primitives.counters import channel_counter, lane_turn
from hdl.primitives.deep_fifo import CreditFifo, UncheckedFifo
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.fixed import round_shift, saturate
from hdl.primitives.memory import rom, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.selection import one_of
from hdl.primitives.streams import Beat, marks_of
from hdl.ssm.array import NeuronArray
from hdl.ssm.component import ArrayComponent
from hdl.ssm.issue import START_LATENCY, offsets_in_turn
from quantize.layers.array import COEFFICIENT_WIDTH
from quantize.layers.leapfrog import LeapfrogSpec


@dataclass(frozen=True)
class CollectedSum:
    """The sum of a channel's outputs, out of its lane.

    Parameters
    ----------
    enter, entered : Signal
        It leaves its lane in this cycle, or it left in the one before.
    marks, value : Signal
        In the cycle in which `entered` is high.
    """

    enter: Signal
    entered: Signal
    marks: Signal
    value: Signal


class LanedArray(ArrayComponent):
    """`quantize.layers.leapfrog.LeapfrogSpec` in gates: several `NeuronArray`s and a multiplier behind them.

    Lane l has the channels l, l + lanes, l + 2 lanes, ...: their states, their coefficients and their turn.
    What every channel needs once stands once behind all lanes: a multiplier for the skip path, which a
    channel's u awaits in a queue, and the rounding.

    Parameters
    ----------
    spec : LeapfrogSpec
    multipliers : int
        Of each lane, 2 or 4.
    lanes : int
        1 to H.

    Members
    -------
    i : In(stream of Beat), x in the input format
    o : Out(stream of Beat), y in the output format
    """

    # Cycles from a sum's departure from its lane to its y: chosen, the skip path's product, its sum, rounded.
    TAIL_LATENCY = 1 + BLOCK_LATENCY + 2

    def __init__(self, spec: LeapfrogSpec, multipliers: int, lanes: int):
        if not 1 <= lanes <= spec.channels:
            raise ValueError(
                f"an array of {spec.channels} channels has 1 to {spec.channels} lanes, not {lanes}"
            )
        self.spec = spec
        self.lanes = [NeuronArray(spec.lane(index, lanes), multipliers, lane=True) for index in range(lanes)]
        super().__init__(spec.input, spec.output)

    @staticmethod
    def lane_choices(spec: LeapfrogSpec) -> list[int]:
        """Numbers of lanes worth choosing from: those that no smaller number equals in channels a lane."""
        return sorted({-(-spec.channels // each) for each in range(1, spec.channels + 1)})

    def watch(self, clips: LayerClips) -> None:
        super().watch(clips)
        for lane in self.lanes:
            lane.watch(clips)

    @property
    def multipliers(self) -> int:
        return sum(lane.multipliers for lane in self.lanes) + 1

    @staticmethod
    def pace_of(spec: LeapfrogSpec, lanes: int, first: NeuronArray) -> int:
        """Cycles of a step in so many lanes, the first of which, with the most channels, is given.

        A lane that has a step's last channel and the next one's first leaves a cycle between them.
        """
        again = lanes > 1 and spec.channels % lanes == 1
        return max(spec.channels + again, first.cycles_per_step)

    @property
    def cycles_per_step(self) -> int:
        return self.pace_of(self.spec, len(self.lanes), self.lanes[0])

    @property
    def cycles_per_channel(self) -> int:
        return 1

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a step's last beat to its last y, when nothing else is under way."""
        # The queue in front, the lane's start; its queue, its turn, and the queues at the end.
        around = 1 + START_LATENCY + 1 + 1 + CreditFifo.LATENCY
        return self.cycles_per_step + self.lanes[0].output_latency + self.TAIL_LATENCY + around

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.head = head = RegisterFifo(Beat(self.spec.input.width), 2)
        total_in = self._offset(m, head)
        kept = self._deal(m, head)
        m.submodules.outlet = outlet = CreditFifo(Beat(self.spec.output.width), self.TAIL_LATENCY)
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        collected = self._collect(m, kept, outlet)
        rounded_total = self._finish(m, kept, collected, outlet)
        if self.clips is not None:
            given = self.i.valid & self.i.ready
            tell_clip(m, self.clips.inputs, given, total_in, self.spec.input.width)
            tell_clip(m, self.clips.outputs, outlet.arrive, rounded_total, self.spec.output.width)
        return m

    def _offset(self, m: Module, head: RegisterFifo) -> Value:
        """u = saturate(x + offset) into a queue; the exact sum."""
        spec = self.spec
        primed = Signal()  # not in the first cycle after a reset, see `offsets_in_turn`
        m.d.sync += primed.eq(1)
        total_in = self.i.payload.value + offsets_in_turn(m, spec.offset, self.i.valid & self.i.ready)
        m.d.comb += [
            head.i.valid.eq(primed & self.i.valid),
            self.i.ready.eq(primed & head.i.ready),
            marks_of(head.i.payload).eq(marks_of(self.i.payload)),
            head.i.payload.value.eq(saturate(total_in, spec.input.width)),
        ]
        return total_in

    def _deal(self, m: Module, head: RegisterFifo) -> UncheckedFifo:
        """Deal channels to the lanes; their u, which are kept for the skip path.

        A lane holds a channel ahead, one at work, and those on the way to its queue's end. There is a place
        for the u of each, so there is always one for a channel that a lane takes.
        """
        spec, count = self.spec, len(self.lanes)
        held = 2 + self.lanes[0].queue_depth
        m.submodules.kept = kept = UncheckedFifo(signed(spec.input.width), held * count)
        dealt = lane_turn(m, "dealt", count, spec.channels, head.o.valid & head.o.ready)
        for index, lane in enumerate(self.lanes):
            m.submodules[f"lane_{index}"] = lane
            m.d.comb += [
                lane.i.payload.eq(head.o.payload),
                lane.i.valid.eq(head.o.valid & dealt[index]),
            ]
        lane_ready = Signal()
        m.d.comb += [
            lane_ready.eq((Cat(*(lane.i.ready for lane in self.lanes)) & dealt).any()),
            head.o.ready.eq(lane_ready),
            kept.push.eq(head.o.valid & lane_ready),
            kept.value.eq(head.o.payload.value),
        ]
        return kept

    def _collect(self, m: Module, kept: UncheckedFifo, outlet: CreditFifo) -> CollectedSum:
        """Take the lanes' sums in the order of the dealing.

        Whose sum goes is known late in the cycle, so what follows from it waits for the next one. There the
        sum leaves its lane's queue too, for which all of that queue waits; an only lane's leaves at once.
        """
        spec, count = self.spec, len(self.lanes)
        enter, entered = Signal(), Signal()
        collected = lane_turn(m, "collected", count, spec.channels, enter)
        gone = Signal(count)
        offered = Cat(*(lane.o.valid for lane in self.lanes)) & collected & ~gone
        m.d.comb += [
            enter.eq(offered.any() & outlet.room),
            kept.pop.eq(entered),  # the u of every sum has come before it
        ]
        m.d.sync += entered.eq(enter)
        if count > 1:
            m.d.sync += gone.eq(collected & enter.replicate(count))
        marked: list[Value] = []
        for index, lane in enumerate(self.lanes):
            sum_of_lane = Signal(signed(spec.accumulator_width), name=f"sum_{index}")
            marked.append(Cat(marks_of(lane.o.payload), sum_of_lane))
            m.d.comb += [
                sum_of_lane.eq(lane.o.payload.value),
                lane.o.ready.eq(gone[index] if count > 1 else outlet.room),
            ]
        marks = Signal(2, reset_less=True)
        chosen = Signal(signed(spec.accumulator_width), reset_less=True)
        m.d.sync += Cat(marks, chosen).eq(one_of(marked, collected))
        return CollectedSum(enter, entered, marks, chosen)

    def _finish(self, m: Module, kept: UncheckedFifo, collected: CollectedSum, outlet: CreditFifo) -> Value:
        """Add the skip path's product and round, in the cycles that `TAIL_LATENCY` counts; the rounded sum.

        Cycle 1: the sum of the outputs; 3: the product; 4: added; 5: rounded, and clipped as it goes.
        """
        spec = self.spec
        m.submodules.multiplier = multiplier = Multiplier()
        skips = rom(m, "skips", words_of(spec.skip, COEFFICIENT_WIDTH), COEFFICIENT_WIDTH)
        _, skips_at = channel_counter(m, "left", spec.channels, collected.entered)
        total = Signal(signed(spec.accumulator_width), reset_less=True)
        outputs = delayed(m, collected.value, multiplier.latency, reset_less=True)
        rounded = round_shift(total, spec.output_shift)
        rounded_total = Signal(rounded.shape(), reset_less=True)
        m.d.comb += [
            skips.addr.eq(skips_at),
            multiplier.a.eq(kept.oldest),
            multiplier.b.eq(skips.data.as_signed()),
        ]
        m.d.sync += [
            total.eq(outputs + multiplier.product),
            rounded_total.eq(rounded),
        ]
        m.d.comb += [
            outlet.enter.eq(collected.enter),
            outlet.arrive.eq(delayed(m, collected.enter, self.TAIL_LATENCY)),
            marks_of(outlet.value).eq(delayed(m, collected.marks, self.TAIL_LATENCY - 1)),
            outlet.value.value.eq(saturate(rounded_total, spec.output.width)),
        ]
        return rounded_total
