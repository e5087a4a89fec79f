"""Arrays of real modes: one or two multipliers walk the grid of channels and modes."""

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.clips import tell_clip
from hdl.primitives.counters import wrapped_next
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.fixed import round_shift, saturate, shifted_with_round_bit
from hdl.primitives.memory import concatenate, ram, rom, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.streams import Beat, marks_of
from hdl.ssm.component import ArrayComponent, ArrayFolding, ArrayKind
from hdl.ssm.datapath import coefficient_of, weight_of
from hdl.ssm.issue import Issue, issue_slots, take_ahead
from hdl.ssm.slotted import SlottedArray
from hdl.ssm.state_update import narrow
from quantize.layers.array import COEFFICIENT_WIDTH, OUTPUT_WEIGHT_WIDTH, SHIFT_CODE_WIDTH, SHIFT_STEP
from quantize.layers.real_modes import RealModesSpec

FOLDINGS = (ArrayFolding(2), ArrayFolding(1))


class RealModesArray(SlottedArray):
    """`quantize.layers.real_modes.RealModesSpec` in gates, its states in memory.

    A channel takes a slot for its skip path and then, of every mode, one slot with two multipliers, in which
    its output and its feedback are multiplied, or one slot for each of them with one multiplier. A slot is
    issued in cycle 0, and its memories answer in cycle 1. With L for a product's latency, a state is written
    in cycle L + 3:

        cycle  1       2          L + 1      L + 2       L + 3
               state   u shifted  feedback   difference  clipped

    Parameters
    ----------
    spec : RealModesSpec
    multipliers : int
        1 or 2.
    target : DeviceFeatures
    held : int
        See `hdl.ssm.issue.places_of`.

    Members
    -------
    i : In(stream of Beat), x in the input format
    o : Out(stream of Beat), y in the output format
    """

    def __init__(
        self, spec: RealModesSpec, multipliers: int, target: DeviceFeatures = MULTIPLIER_BLOCKS, held: int = 0
    ):
        if multipliers not in (1, 2):
            raise ValueError(f"an array of real modes has 1 or 2 multipliers, not {multipliers}")
        self.spec, self.target, self.held = spec, target, held
        self._multipliers = [Multiplier(target=target) for _ in range(multipliers)]
        super().__init__(spec.input, spec.output)

    @property
    def multipliers(self) -> int:
        return len(self._multipliers)

    @property
    def slots_per_mode(self) -> int:
        return 2 // self.multipliers

    @property
    def cycles_per_channel(self) -> int:
        return self.slots_per_mode * self.spec.modes + 1

    @property
    def state_latency(self) -> int:
        """Cycles from the issue of a mode's feedback until its state is written."""
        return self.target.product_latency + 3

    @property
    def written_after(self) -> int:
        return self.slots_per_mode - 1 + self.state_latency + 1

    @property
    def output_latency(self) -> int:
        """Cycles from the issue of a channel's last slot until its y enters the queue.

        The memories' answer, a product, the sum, and the sum rounded.
        """
        return 1 + self.target.product_latency + 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.queue = queue = RegisterFifo(Beat(spec.output.width), self.queue_depth)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        for index, multiplier in enumerate(self._multipliers):
            m.submodules[f"multiplier_{index}"] = multiplier
        ahead = take_ahead(m, self.i, spec.channels, spec.offset, self.clips, self.target.table_block)
        now = issue_slots(m, ahead, self.i, queue, self.cycles_per_channel, spec.channels, self.idle_cycles)
        u = Signal(signed(spec.input.width), reset_less=True)
        # A cycle later than the slot that it belongs to: the slots before still need the last one.
        with m.If(now.started):
            m.d.sync += u.eq(ahead.payload.value)

        # What the slot at work does: its channel's skip path, or a mode's output, its feedback, or both.
        skip, outputs, moves = Signal(), Signal(), Signal()
        m.d.comb += skip.eq(now.slot == 0)
        if self.multipliers == 2:
            m.d.comb += [outputs.eq(now.issue & ~skip), moves.eq(outputs)]
        else:
            m.d.comb += [outputs.eq(now.issue & now.slot[0]), moves.eq(now.issue & ~now.slot[0] & ~skip)]

        # Memories: a row of coefficients for each slot of a mode, and a state, read in the first of them.
        rows = self._rows()
        row = Signal(range(len(rows)))
        with m.If(now.issue & ~skip):
            m.d.sync += row.eq(wrapped_next(row, len(rows)))
        coefficients = rom(m, "coefficients", rows, COEFFICIENT_WIDTH * self.multipliers)
        words = words_of(spec.skip, COEFFICIENT_WIDTH)
        skips = rom(m, "skips", words, COEFFICIENT_WIDTH, block=self.target.table_block)
        write, read = ram(m, "states", spec.channels * spec.modes, spec.state_width)
        m.d.comb += [
            coefficients.addr.eq(row),
            coefficients.en.eq(now.issue & ~skip),
            skips.addr.eq(now.channel),
            read.addr.eq(row // self.slots_per_mode),
            read.en.eq(outputs),
        ]
        state = Signal(signed(spec.state_width))
        m.d.comb += state.eq(Mux(delayed(m, now.first_step, 1), 0, read.data))
        skipping, moving = delayed(m, skip, 1), delayed(m, moves, 1)
        lower, upper = (coefficients.data[:COEFFICIENT_WIDTH], coefficients.data[-COEFFICIENT_WIDTH:])
        weight, decay = weight_of(lower), coefficient_of(upper)
        code: Value = lower[OUTPUT_WEIGHT_WIDTH:][:SHIFT_CODE_WIDTH]
        factor: Value = weight
        if self.multipliers == 1:
            # The shift comes with the output weight, in the slot before.
            held = Signal(SHIFT_CODE_WIDTH, reset_less=True)
            with m.If(delayed(m, outputs, 1)):
                m.d.sync += held.eq(code)
            code, factor = held, Mux(moving, decay, weight)
        m.d.comb += [
            self._multipliers[0].a.eq(Mux(skipping, u, state)),
            self._multipliers[0].b.eq(Mux(skipping, skips.data.as_signed(), factor)),
        ]
        if self.multipliers == 2:
            m.d.comb += [self._multipliers[1].a.eq(state), self._multipliers[1].b.eq(decay)]
        self._move(m, state, u, code, moving, write)
        self._put_out(m, now, skip, outputs, queue)
        return m

    def _rows(self) -> list[int]:
        """Of each mode its output weight, with the input shift above it, and its decay; one word or two."""
        spec, rows = self.spec, []
        for channel in range(spec.channels):
            for mode in range(spec.modes):
                output = concatenate(
                    [
                        (spec.weight[channel, mode], OUTPUT_WEIGHT_WIDTH),
                        (spec.input_shift[channel, mode] // SHIFT_STEP, SHIFT_CODE_WIDTH),
                    ]
                )
                words = [output, int(spec.decay[channel, mode])]
                together = concatenate([(word, COEFFICIENT_WIDTH) for word in words])
                rows += [together] if self.multipliers == 2 else words
        return rows

    def _move(self, m: Module, state: Signal, u: Signal, code: Value, moving: Signal, write) -> None:
        """The state of a mode moves on, and is written; `state`, `u` and `code` are those of cycle 1."""
        spec, latency = self.spec, self.target.product_latency
        whole, round_bit = shifted_with_round_bit(u, Cat(Const(0, SHIFT_STEP - 1), code))
        drive = Signal(signed(len(whole) + 1), reset_less=True)
        m.d.sync += drive.eq(Cat(round_bit, whole))
        driven_bound = (1 << (spec.state_width - 1)) + (1 << (spec.input.width - 1))
        old = delayed(m, state, 1, reset_less=True)
        pushed = narrow(old + drive[1:].as_signed() + drive[0], driven_bound)
        driven = Signal(pushed.shape(), reset_less=True)
        m.d.sync += driven.eq(pushed)
        # From cycle 3 on; the product is there in cycle 1 + latency, never earlier than 3.
        waiting = delayed(m, driven, latency - 2, reset_less=True)
        feedback, amount = self._multipliers[-1].product, spec.decay_shift
        lost_bound = (int(spec.decay.max()) << (spec.state_width - 1) >> amount) + 1
        # waiting - round_shift(feedback) as one adder: see `StateUpdate`.
        moved = narrow(waiting + ~(feedback >> amount) + ~feedback[amount - 1], driven_bound + lost_bound + 1)
        difference = Signal(moved.shape(), reset_less=True)
        value = Signal(signed(spec.state_width), reset_less=True)
        m.d.sync += [difference.eq(moved), value.eq(saturate(difference, spec.state_width))]
        if self.clips is not None:
            leaves = delayed(m, moving, self.state_latency - 2)
            tell_clip(m, self.clips.states, leaves, difference, spec.state_width)
        modes_total = spec.channels * spec.modes
        target = Signal(range(modes_total))
        valid = delayed(m, moving, self.state_latency - 1)
        with m.If(valid):
            m.d.sync += target.eq(wrapped_next(target, modes_total))
        m.d.comb += [write.en.eq(valid), write.addr.eq(target), write.data.eq(value)]

    def _put_out(self, m: Module, now: Issue, skip: Signal, outputs: Signal, queue: RegisterFifo) -> None:
        """A channel's sum, which begins with its skip path; rounded in one cycle, clipped in the next."""
        spec, age = self.spec, 1 + self.target.product_latency
        counts, begins, marks = Signal(), Signal(), Signal(2)
        m.d.comb += [
            begins.eq(now.issue & skip),
            counts.eq(begins | outputs),
            marks.eq(Cat(now.first_step, now.last_step)),
        ]
        total = Signal(signed(spec.accumulator_width), reset_less=True)
        counted, begun = delayed(m, counts, age), delayed(m, begins, age)
        with m.If(counted):
            m.d.sync += total.eq(Mux(begun, 0, total) + self._multipliers[0].product)
        rounded = round_shift(total, spec.output_shift)
        rounded_total = Signal(rounded.shape(), reset_less=True)
        m.d.sync += rounded_total.eq(rounded)
        m.d.comb += [
            queue.i.valid.eq(delayed(m, now.ending, self.output_latency)),
            marks_of(queue.i.payload).eq(delayed(m, marks, self.output_latency)),
            queue.i.payload.value.eq(saturate(rounded_total, spec.output.width)),
        ]
        if self.clips is not None:
            tell_clip(m, self.clips.outputs, queue.i.valid, rounded_total, spec.output.width)


class RealModesArrays(ArrayKind):
    """`RealModesArray` with two multipliers or one; there is none that takes a channel a cycle."""

    specification = RealModesSpec

    def foldings(self, spec: RealModesSpec, target: DeviceFeatures) -> Mapping[ArrayFolding, int]:
        """See `ArrayKind.foldings`."""
        return {
            folding: RealModesArray(spec, folding.multipliers, target).cycles_per_step for folding in FOLDINGS
        }

    def make(
        self, spec: RealModesSpec, folding: ArrayFolding, *, streamed: bool, target: DeviceFeatures,
        held: int = 0,
    ) -> ArrayComponent:  # fmt: skip
        """See `ArrayKind.make`."""
        return RealModesArray(spec, folding.multipliers, target, held)


KIND = RealModesArrays()
