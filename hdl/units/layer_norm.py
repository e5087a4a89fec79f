"""LayerNorm over the channels of a step, with GELU behind it if wanted, with one multiplier."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.fixed import requantise, round_shift, saturate
from hdl.primitives.memory import buffer, table, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.streams import beats
from hdl.units.functions import gelu_of
from hdl.units.norm_stream import StreamedStepNorm
from hdl.units.root import ReciprocalRoot
from quantize.formats import Format
from quantize.layers.functions import Gelu
from quantize.layers.norm import GAIN_WIDTH, WORD, LayerNorm, LayerNormSpec

# The four walks over a step's channels, in order.
SQUARE, SCALE, NORMALISE, GAIN = range(4)


class StepNorm(wiring.Component):
    """`quantize.layers.norm.LayerNorm`, then GELU and the residual stream's format, if there is a GELU.

    A step is collected in one of two banks while the other one is worked on. The multiplier first gives the
    mean, then walks the bank four times: squares of the centred values, their scaling by a power of two, the
    product with the reciprocal deviation, the gain. The two in the middle write back what they computed; the
    last one passes each channel on, through GELU, and waits until it is taken.

    Parameters
    ----------
    norm : LayerNorm
    output : Format
        The norm's own without a GELU.
    gelu : Gelu, optional

    Members
    -------
    i : In(stream of Beat), z
    o : Out(stream of Beat), in the output format
    """

    # Cycles from the issue of a channel to its product's write-back, and to its output through GELU.
    WRITE_LATENCY = 5
    GELU_LATENCY = 7

    def __init__(self, norm: LayerNorm, output: Format, gelu: Gelu | None = None):
        self.norm, self.gelu, self.output = norm, gelu, output
        self.root = ReciprocalRoot(norm)
        super().__init__({"i": In(beats(norm.input_width)), "o": Out(beats(output.width))})

    @property
    def output_latency(self) -> int:
        """Cycles from the issue of a channel to its output."""
        return self.WRITE_LATENCY if self.gelu is None else self.GELU_LATENCY

    @property
    def cycles_per_step(self) -> int:
        """Most cycles from the start of one step's work to the next, if its outputs leave at once."""
        channels = self.norm.channels
        mean = 1 if self.norm.mean_is_shifted else 5
        walks = 3 * (channels + self.WRITE_LATENCY + 1)
        return mean + walks + self.root.cycles + 1 + channels * (self.output_latency + 1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        norm, channels = self.norm, self.norm.channels

        # Collecting: z into the bank not worked on, with its sum. Write-backs go first at the one write port.
        write, read = buffer(m, "values", 2 * channels, WORD)
        write_back, working = Signal(), Signal()
        filled = Signal(range(3))
        collected = Signal(range(2 * channels))
        total = Signal(signed(norm.sum_width))
        marks = Signal(2, reset_less=True)
        take, collect_ends, work_ends = Signal(), Signal(), Signal()
        m.d.comb += [
            # A full bank waits until its sum has been taken over: the next step would replace it.
            self.i.ready.eq(((filled == 0) | ((filled == 1) & working)) & ~write_back),
            take.eq(self.i.valid & self.i.ready),
            collect_ends.eq(take & ((collected == channels - 1) | (collected == 2 * channels - 1))),
        ]
        m.d.sync += filled.eq(filled + collect_ends - work_ends)
        with m.If(take):
            m.d.sync += [
                collected.eq(Mux(collected == 2 * channels - 1, 0, collected + 1)),
                total.eq(total + self.i.payload.value),
                marks.eq(Cat(self.i.payload.first, self.i.payload.last)),
            ]

        # Work: control.
        bank, issue = Signal(), Signal()
        walk = Signal(2)
        channel = Signal(range(channels))
        work_marks = Signal(2, reset_less=True)
        sum_word = round_shift(total, norm.mean_shift)
        held_sum = Signal(signed(WORD), reset_less=True)
        # Inverted, so that its subtraction is one adder: z - mean = z + ~mean + 1. All ones where nothing is
        # subtracted.
        inverted_mean = Signal(signed(WORD), reset_less=True)
        wait = Signal(range(8))
        averaging = Signal()
        m.submodules.root = root = self.root
        m.submodules.multiplier = multiplier = Multiplier()
        m.d.comb += read.addr.eq(channel + Mux(bank, channels, 0))
        last_channel = channel == channels - 1
        leaves = Signal()
        with m.FSM():
            with m.State("idle"), m.If(filled != 0):
                m.d.comb += root.clear.eq(1)
                m.d.sync += [working.eq(1), work_marks.eq(marks), total.eq(0), walk.eq(SQUARE)]
                if norm.mean_is_shifted:
                    m.d.sync += inverted_mean.eq(~sum_word)
                    m.next = "walk"
                else:
                    m.d.sync += [held_sum.eq(sum_word), wait.eq(2)]
                    m.next = "mean"
            if not norm.mean_is_shifted:
                with m.State("mean"):
                    m.d.comb += averaging.eq(1)
                    m.d.sync += [
                        wait.eq(wait - 1),
                        inverted_mean.eq(~round_shift(multiplier.product, norm.mean_factor_fraction)),
                    ]
                    with m.If(wait == 0):
                        m.next = "walk"
            with m.State("walk"):
                m.d.comb += issue.eq(1)
                m.d.sync += [channel.eq(Mux(last_channel, 0, channel + 1)), wait.eq(self.WRITE_LATENCY - 1)]
                with m.If(last_channel):
                    m.next = "settle"
            with m.State("settle"):
                m.d.sync += wait.eq(wait - 1)
                with m.If(wait == 0):
                    m.d.sync += walk.eq(walk + 1)
                    m.next = "walk"
                    with m.If(walk == SQUARE):
                        m.d.comb += root.start.eq(1)
                        m.next = "root"
                    with m.Else():
                        m.d.sync += inverted_mean.eq(-1)
                    with m.If(walk == NORMALISE):
                        m.next = "output"
            with m.State("root"), m.If(root.done):
                m.next = "walk"
            with m.State("output"):
                m.d.sync += wait.eq(self.output_latency - 1)
                m.next = "outputting"
            with m.State("outputting"):
                with m.If(wait != 0):
                    m.d.sync += wait.eq(wait - 1)
                with m.Else():
                    m.d.comb += self.o.valid.eq(1)
                with m.If(leaves):
                    m.d.sync += channel.eq(Mux(last_channel, 0, channel + 1))
                    m.next = "output"
                    with m.If(last_channel):
                        m.d.comb += work_ends.eq(1)
                        m.d.sync += [working.eq(0), bank.eq(~bank)]
                        m.next = "idle"
        m.d.comb += leaves.eq(self.o.valid & self.o.ready)

        # Work: data. Cycle 1: a value of the bank; 3: its product; 4: rounded; 5: clipped, to be written back
        # or passed on.
        gains = table(m, "gains", words_of(norm.gain, GAIN_WIDTH), GAIN_WIDTH)
        shifts = table(m, "shifts", words_of(norm.shift, WORD), WORD)
        m.d.comb += [gains.addr.eq(channel), shifts.addr.eq(channel)]
        operand = Signal(signed(WORD))
        m.d.comb += [
            # z and its mean have a bit less than a word, so their difference fits.
            operand.eq(read.data + inverted_mean + 1),
            multiplier.a.eq(Mux(averaging, held_sum, operand)),
        ]
        with m.If(averaging):
            m.d.comb += multiplier.b.eq(norm.mean_factor)
        with m.Else(), m.Switch(walk):
            for step, factor in enumerate((operand, root.scale, root.reciprocal, gains.data.as_signed())):
                with m.Case(step):
                    m.d.comb += multiplier.b.eq(factor)

        issued = [issue]
        for age in range(1, self.WRITE_LATENCY + 1):
            after = Signal(name=f"issued_{age}")
            m.d.sync += after.eq(issued[-1])
            issued.append(after)
        m.d.comb += [
            root.add.eq(issued[3] & (walk == SQUARE)),
            root.square.eq(multiplier.product.as_unsigned()),
        ]

        # One rounding and saturating adder for all walks.
        product = multiplier.product
        amounts = {SCALE: norm.root_excess, NORMALISE: norm.normalise_shift, GAIN: norm.gain_shift}
        window = Signal(signed(len(product) - min(norm.normalise_shift, norm.gain_shift)))
        round_bit = Signal()
        offset = Signal(signed(WORD))
        with m.Switch(walk):
            for amount in sorted(set(amounts.values())):
                with m.Case(*(step for step in amounts if amounts[step] == amount)):
                    m.d.comb += [window.eq(product >> amount), round_bit.eq(product[amount - 1])]
        with m.If(walk == GAIN):
            m.d.comb += offset.eq(shifts.data.as_signed())
        whole = window + offset + round_bit
        unclipped = Signal(whole.shape(), reset_less=True)
        rounded = Signal(signed(WORD), reset_less=True)
        m.d.sync += [unclipped.eq(whole), rounded.eq(saturate(unclipped, WORD))]
        target = Signal(range(channels))
        m.d.comb += [
            write_back.eq(issued[self.WRITE_LATENCY] & (walk != SQUARE)),
            write.en.eq(take | write_back),
            write.addr.eq(Mux(write_back, target + Mux(bank, channels, 0), collected)),
            write.data.eq(Mux(write_back, rounded, self.i.payload.value)),
        ]
        with m.If(write_back):
            m.d.sync += target.eq(Mux(target == channels - 1, 0, target + 1))

        # `rounded` stands still while its channel waits for its turn.
        out = rounded if self.gelu is None else gelu_of(m, self.gelu, rounded)
        dropped = norm.output.fraction - self.output.fraction
        m.d.comb += [
            Cat(self.o.payload.first, self.o.payload.last).eq(work_marks),
            self.o.payload.value.eq(requantise(out, dropped, self.output.width)),
        ]
        return m


class BlockNorm(wiring.Component):
    """`quantize.layers.norm.LayerNormSpec` in gates.

    Parameters
    ----------
    spec : LayerNormSpec

    Members
    -------
    i : In(stream of Beat), in the input format
    o : Out(stream of Beat), in the output format
    """

    NORM: type[StepNorm | StreamedStepNorm] = StepNorm

    def __init__(self, spec: LayerNormSpec):
        self.spec = spec
        self.norm = self.NORM(spec.norm, spec.output)
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.output.width))})

    @property
    def cycles_per_step(self) -> int:
        return self.norm.cycles_per_step

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.norm = norm = self.norm
        width = self.spec.norm.input_width
        m.d.comb += [
            norm.i.valid.eq(self.i.valid),
            self.i.ready.eq(norm.i.ready),
            norm.i.payload.first.eq(self.i.payload.first),
            norm.i.payload.last.eq(self.i.payload.last),
            norm.i.payload.value.eq(requantise(self.i.payload.value, self.spec.input_shift, width)),
        ]
        wiring.connect(m, norm.o, wiring.flipped(self.o))
        return m


class StreamedBlockNorm(BlockNorm):
    """A `BlockNorm` that takes a channel a cycle."""

    NORM = StreamedStepNorm

    @property
    def latency_cycles(self) -> int:
        """Most cycles from a step's last beat to its last output, when nothing else is under way."""
        return self.norm.latency_cycles
