"""LayerNorm over the channels of a step, with GELU behind it if wanted, with one multiplier."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.norm.rsqrt import ReciprocalSquareRoot
from hdl.primitives.counters import StepGate, channel_counter
from hdl.primitives.deep_fifo import RegisterCreditFifo
from hdl.primitives.fixed import requantise, saturate_either, shift_left, shifted_with_round_bit
from hdl.primitives.functions import gelu_of
from hdl.primitives.memory import ram, rom, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.streams import Beat, Factors, beats
from quantize.formats import Format
from quantize.layers.functions import Gelu
from quantize.layers.norm import GAIN_WIDTH, WORD, LayerNorm

# The four walks over a step's channels, in order.
SQUARE, SCALE, NORMALISE, GAIN = range(4)


class StepNorm(wiring.Component):
    """`quantize.layers.norm.LayerNorm` of products, then GELU and the residual format, if there is a GELU.

    One multiplier does it all. What comes are the factors of each z: their product is rounded and clipped to
    z and collected in one of two banks, while the other one is worked on. The work is four walks over a bank:
    squares of the centred values, their scaling by a power of two while the root is taken, the product with
    the reciprocal deviation, the gain. All but the first write back what they computed. Factors that come
    take a cycle each from the walk under way. In the end the channels leave one by one, through GELU.

    Parameters
    ----------
    norm : LayerNorm
    output : Format
        The norm's own without a GELU.
    gelu : Gelu, optional
    factor_width : int
        Bits of the factor a.
    product_shift : int
        Right shift of the factors' product that gives z.
    target : DeviceFeatures
    sequential : bool
        A channel leaves when the one before has left: a shorter queue. Otherwise one in every other cycle.

    Members
    -------
    i : In(stream of Factors)
    o : Out(stream of Beat), in the output format
    """

    multipliers = 1
    # Cycles from a pair of factors' arrival until the next one can come.
    FACTOR_CYCLES = 4
    # Cycles for which a channel's address stands, and so its word, while GELU's table is read.
    CHANNEL_CYCLES = 2

    def __init__(
        self, norm: LayerNorm, output: Format, gelu: Gelu | None = None, *,
        factor_width: int, product_shift: int, target: DeviceFeatures = MULTIPLIER_BLOCKS,
        sequential: bool = False,
    ):  # fmt: skip
        self.norm, self.gelu, self.output = norm, gelu, output
        self.multiplier = Multiplier(target=target)
        # A factor goes up as far as that makes its product's shift that of the other ones.
        self.factor_left = self._spare(product_shift, factor_width)
        self.gain_left = self._spare(norm.gain_shift, GAIN_WIDTH)
        self.product_shift = product_shift + self.factor_left
        self.gain_shift = norm.gain_shift + self.gain_left
        self.root = ReciprocalSquareRoot(norm)
        # Bits that GELU's result has too many.
        self.dropped = norm.output.fraction - output.fraction
        # A channel's address, its word, its table entry, its rounding.
        latency = 1 + (gelu is not None) + (self.dropped > 0)
        period = latency + RegisterCreditFifo.RETURN if sequential else self.CHANNEL_CYCLES
        self.outlet = RegisterCreditFifo(Beat(output.width), latency, period)
        super().__init__({"i": In(stream.Signature(Factors(WORD))), "o": Out(beats(output.width))})

    def _spare(self, shift: int, width: int) -> int:
        """How far a factor of so many bits can go up while its product's shift stays within the norm's."""
        return min(max(self.norm.normalise_shift - shift, 0), WORD - width)

    @property
    def product_cycle(self) -> int:
        """The cycle after an operation's issue in which its product is there."""
        return 2 + self.multiplier.latency

    @property
    def latency(self) -> int:
        """Cycles from an operation's issue to its write-back."""
        return self.product_cycle + 3

    @property
    def settling(self) -> tuple[int, int, int, int]:
        """Cycles from each walk's last issue until what follows begins.

        The root takes squares as products; the shift of a product is the last thing that its walk decides. A
        channel is read after its writing, and all are in the same order: the first may be before the last's.
        """
        shifted, written = self.product_cycle, 1 + max(self.latency - self.norm.channels, 0)
        return shifted + 1, shifted, max(shifted, written), written

    @property
    def cycles_per_step(self) -> int:
        """Most cycles from the start of one step's work to the next, if its outputs leave at once.

        So many if the sum of squares takes all doublings, and factors a cycle of a walk for each channel.
        """
        channels, root, settling = self.norm.channels, self.root, self.settling
        square, scale, normalise, gain = (channels + cycles for cycles in settling)
        mean = 0 if self.norm.mean_is_shifted else 1 + settling[SQUARE]
        rooting = 1 + root.scale_cycles + max(root.root_cycles, scale + 2) + root.division_cycles
        leaving = (channels - 1) * self.outlet.period + self.CHANNEL_CYCLES
        return mean + square + rooting + normalise + gain + leaving + channels

    def elaborate(self, platform: object) -> Module:
        m = Module()
        norm, channels, last = self.norm, self.norm.channels, self.latency
        write, read = ram(m, "values", 2 * channels, WORD)
        m.submodules.root = root = self.root
        m.submodules.multiplier = multiplier = self.multiplier
        m.submodules.gate = gate = StepGate(channels, 2)
        m.submodules.outlet = outlet = self.outlet

        # Factors are asked for a cycle ahead, and taken two cycles after their issue.
        pair = Signal()
        pair_at = [pair, *(delayed(m, pair, age) for age in range(1, last + 1))]
        into = Signal()
        marks = Array([Signal(2, name=f"marks_{bank}", reset_less=True) for bank in range(2)])
        m.d.sync += pair.eq(self.i.valid & gate.ready & ~(pair | pair_at[1] | pair_at[2]))
        m.d.comb += [gate.take.eq(pair), self.i.ready.eq(pair_at[2])]
        with m.If(gate.begins):
            m.d.sync += marks[into].eq(Cat(self.i.payload.first, self.i.payload.last))
        m.d.sync += into.eq(into ^ gate.ends)

        # Work: control, a register a state.
        walk = Signal(2)
        working, walking, settling, rooting, leaving = (
            Signal(name=name) for name in ("working", "walking", "settling", "rooting", "leaving")
        )
        averaging, full, bank = Signal(), Signal(), Signal()
        channel = Signal(range(channels))
        # Registers, for much waits for them.
        last_channel, ripe = Signal(init=channels == 1), Signal()
        begins, issue, walk_ends, settled = Signal(), Signal(), Signal(), Signal()
        leaves, step_leaves = outlet.enter, Signal()
        left = delayed(m, leaves, self.CHANNEL_CYCLES - 1)
        found = Mux(walk == SCALE, root.scaled, root.done)  # what the walk to come has waited for
        m.d.comb += [
            begins.eq(full & (~working | step_leaves)),
            issue.eq(walking & ~pair),
            walk_ends.eq(issue & (last_channel | averaging)),
            settled.eq(settling & ripe),
            leaves.eq(leaving & outlet.room & ~left),
            step_leaves.eq(left & last_channel),
            gate.step_leaves.eq(step_leaves),
        ]
        m.d.sync += [
            working.eq(begins | (working & ~step_leaves)),
            walking.eq(
                begins
                | (walking & ~walk_ends)
                | (settled & (averaging | (walk == NORMALISE)))
                | (rooting & found)
            ),
            settling.eq(walk_ends | (settling & ~ripe)),
            root.start.eq(settled & ~averaging & (walk == SQUARE)),
            root.divide.eq(walk == NORMALISE),
            rooting.eq((settled & ~averaging & ((walk == SQUARE) | (walk == SCALE))) | (rooting & ~found)),
            leaving.eq((settled & (walk == GAIN)) | (leaving & ~step_leaves)),
            averaging.eq(0 if norm.mean_is_shifted else begins | (averaging & ~settled)),
            bank.eq(bank ^ step_leaves),
        ]
        # The last walk is under way until its channels leave.
        with m.If(begins):
            m.d.sync += walk.eq(SQUARE)
        with m.Elif(settled & ~averaging & (walk != GAIN)):
            m.d.sync += walk.eq(walk + 1)
        with m.If((issue & ~averaging) | left):
            m.d.sync += [
                channel.eq(Mux(last_channel, 0, channel + 1)),
                last_channel.eq(channel == channels - 2 if channels > 1 else 1),
            ]
        # A walk has settled when its last issue is so many cycles old.
        issued_at = [issue, *(delayed(m, issue, age) for age in range(1, last + 1))]
        recent = Cat(walking, *issued_at[1:])
        with m.Switch(walk):
            for step, cycles in enumerate(self.settling):
                with m.Case(step):
                    m.d.sync += ripe.eq(recent[: cycles - 1] == 0)

        # The sum begins with the half that rounds the mean.
        total = Signal(signed(norm.sum_width), init=1 << norm.mean_shift >> 1)
        # Inverted, so that its subtraction is one adder: z - mean = z + ~mean + 1. All ones where nothing is
        # subtracted.
        inverted_mean = Signal(signed(WORD), reset_less=True)
        rounded = Signal(signed(WORD), reset_less=True)
        m.d.comb += read.addr.eq(channel + Mux(bank, channels, 0))
        with m.If(begins):
            m.d.sync += [full.eq(0), total.eq(total.init), inverted_mean.eq(~(total >> norm.mean_shift))]
        with m.If(rooting & root.done & (walk == NORMALISE)):
            m.d.sync += inverted_mean.eq(-1)

        # Operands. Cycle 1: a value of the bank; 2: centred, beside what multiplies it.
        gains = rom(m, "gains", words_of(norm.gain, GAIN_WIDTH), GAIN_WIDTH)
        centred, factor = Signal(signed(WORD), reset_less=True), Signal(signed(WORD), reset_less=True)
        m.d.comb += gains.addr.eq(channel)
        # z and its mean have a bit less than a word, so their difference fits.
        m.d.sync += centred.eq(read.data + inverted_mean + 1)
        with m.If(pair_at[1]):
            m.d.sync += factor.eq(self.i.payload.b)
        with m.Else(), m.Switch(walk):
            with m.Case(SQUARE):  # the mean's, for its own square has no use for it
                m.d.sync += factor.eq(norm.mean_factor)
            with m.Case(SCALE, NORMALISE):
                m.d.sync += factor.eq(root.factor)
            with m.Case(GAIN):
                m.d.sync += factor.eq(shift_left(gains.data.as_signed(), self.gain_left))
        m.d.comb += [multiplier.a.eq(centred), multiplier.b.eq(factor)]
        with m.If(pair_at[2]):
            m.d.comb += multiplier.a.eq(shift_left(self.i.payload.a, self.factor_left))
        with m.Elif(averaging):
            m.d.comb += multiplier.a.eq(~inverted_mean)
        with m.Elif(walk == SQUARE):
            m.d.comb += multiplier.b.eq(centred)

        # Products: in the next cycle shifted, then rounded, then clipped, to be written back.
        # Of what is scaled the highest bits are known to be signs.
        kept = 2 * WORD - min(norm.normalise_shift, self.product_shift, self.gain_shift)
        window, round_bit = Signal(signed(kept), reset_less=True), Signal(reset_less=True)
        product, multiplied = multiplier.product, self.product_cycle
        m.d.comb += [
            root.add.eq(issued_at[multiplied] & (walk == SQUARE) & ~averaging),
            root.square_low.eq(product[: norm.normalise_shift]),
            root.square_high.eq(window.as_unsigned()),
        ]
        amounts = {SCALE: norm.root_excess, GAIN: self.gain_shift}

        def shift_by(amount: int) -> None:
            whole, below = shifted_with_round_bit(product, amount)
            m.d.sync += [window.eq(whole), round_bit.eq(below)]

        shift_by(norm.normalise_shift)
        with m.If(pair_at[multiplied]):
            shift_by(self.product_shift)
        with m.Else(), m.Switch(walk):
            for step, shift in amounts.items():
                with m.Case(step):
                    shift_by(shift)
        shifts = rom(m, "shifts", words_of(norm.shift, WORD), WORD)
        offset = Signal(signed(WORD), reset_less=True)
        shifted, _ = channel_counter(m, "shifted", channels, issued_at[multiplied - 1] & (walk == GAIN))
        m.d.comb += shifts.addr.eq(shifted)
        m.d.sync += offset.eq(Mux(issued_at[multiplied] & (walk == GAIN), shifts.data.as_signed(), 0))
        whole = window + offset + round_bit
        unclipped = Signal(whole.shape(), reset_less=True)
        # z is a bit narrower than the word.
        m.d.sync += [unclipped.eq(whole), rounded.eq(saturate_either(unclipped, WORD, pair_at[last - 1]))]

        # Write-backs: z into the bank that is not worked on, with its sum. No square, though some come late.
        collects, worked = pair_at[last], Signal()
        collected, _ = channel_counter(m, "collected", 2 * channels, collects)
        target, _ = channel_counter(m, "target", channels, worked)
        m.d.comb += [
            worked.eq(issued_at[last] & (walk != SQUARE) & ~(rooting & (walk == SCALE))),
            write.en.eq(collects | worked),
            write.addr.eq(Mux(collects, collected, target + Mux(bank, channels, 0))),
            write.data.eq(rounded),
        ]
        with m.If(collects):
            m.d.sync += total.eq(total + rounded)
        with m.If(collects & ((collected == channels - 1) | (collected == 2 * channels - 1))):
            m.d.sync += full.eq(1)
        # The mean needs no clipping, and the first square needs the mean.
        with m.If(issued_at[last - 1] & delayed(m, averaging, 1)):
            m.d.sync += inverted_mean.eq(~unclipped)

        # Channels leave, their marks in a register: the bank is taken again before the last one is out.
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        out_marks = Signal(2, reset_less=True)
        with m.If(leaves):
            m.d.sync += out_marks.eq(marks[bank])
        m.d.comb += [
            outlet.arrive.eq(delayed(m, leaves, outlet.latency)),
            Cat(outlet.value.first, outlet.value.last).eq(out_marks),
            outlet.value.value.eq(self._output_of(m, read.data)),
        ]
        return m

    def _output_of(self, m: Module, value: Value) -> Value:
        """What leaves, the outlet's latency after the value's address, if that stands `CHANNEL_CYCLES`."""
        if self.gelu is None:
            return value
        out = gelu_of(m, self.gelu, value)
        if self.dropped > 0:
            held = Signal.like(out, reset_less=True)
            m.d.sync += held.eq(out)
            out = held
        return requantise(out, self.dropped, self.output.width)
