"""The datapath of a `StepNorm`: one multiplier, and all that stands in front of it and behind."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib.data import View
from amaranth.lib.memory import ReadPort, WritePort

from hdl.norm.rsqrt import ReciprocalSquareRoot
from hdl.norm.sources import Source, spare_places
from hdl.norm.walks import GAIN, NORMALISE, SCALE, SQUARE, Walks
from hdl.primitives.counters import channel_counter
from hdl.primitives.fixed import saturate_either, shift_left, shifted_with_round_bit
from hdl.primitives.memory import rom, words_of
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from quantize.layers.norm import GAIN_WIDTH, WORD, LayerNorm


@dataclass(frozen=True)
class Results:
    """What comes out of the datapath, `latency` cycles after its issue, and a cycle before that.

    Parameters
    ----------
    rounded : Signal
        Clipped.
    unclipped : Signal
        A cycle earlier.
    """

    rounded: Signal
    unclipped: Signal


@dataclass(frozen=True)
class Mean:
    """Of the step worked on.

    Parameters
    ----------
    total : Signal
        The sum of the step that is collected. It begins with the half that rounds the mean.
    inverted : Signal
        So that its subtraction is one adder: z - mean = z + ~mean + 1. All ones where nothing is subtracted.
    """

    total: Signal
    inverted: Signal


def gain_width(norms: Sequence[LayerNorm]) -> int:
    """Bits of the gains of layers at the finest scale of all."""
    fractions = [norm.gain_fraction for norm in norms]
    return GAIN_WIDTH + max(fractions) - min(fractions)


class StepDatapath:
    """A value of a bank, centred, multiplied, shifted, rounded, clipped, and written back.

    Not a component of its own: its registers stand in the module that has the banks. Each cycle it works for
    the walk under way, or for a value that arrives:

        cycle  1     2        P         P + 1    P + 2      P + 3
               read  centred  product   shifted  unclipped  clipped, written

    with P the `product_cycle`. The operands stand in cycle 2.

    Parameters
    ----------
    norm : LayerNorm
    source : Source
        What a value that arrives uses of it.
    multiplier : Multiplier
    root : ReciprocalSquareRoot
        Adds the squares, and gives the factors of two walks.
    others : sequence of LayerNorm
        Of layers that it serves in turn behind that of `norm`, step by step; they differ in their gains and
        shifts.
    table_block : bool, optional
        Where their tables go, see `hdl.primitives.memory.rom`.
    """

    def __init__(
        self, norm: LayerNorm, source: Source, multiplier: Multiplier, root: ReciprocalSquareRoot,
        others: Sequence[LayerNorm] = (), table_block: bool | None = None,
    ):  # fmt: skip
        self.norm, self.source, self.multiplier, self.root = norm, source, multiplier, root
        norms = (norm, *others)
        self.layers, self.table_block = len(norms), table_block
        self.shifts = np.concatenate([each.shift for each in norms])
        # Gains go up to the finest scale of all layers, which is exact.
        finest = max(norms, key=lambda each: each.gain_fraction)
        self.gains = np.concatenate(
            [each.gain << finest.gain_fraction - each.gain_fraction for each in norms]
        )
        self.gain_width = gain_width(norms)
        # The gain stands higher by so many places, so that its product is shifted as far as the others.
        self.gain_left = spare_places(norm, finest.gain_shift, self.gain_width)
        self.gain_shift = finest.gain_shift + self.gain_left

    @property
    def product_cycle(self) -> int:
        """The cycle after an operation's issue in which its product is there."""
        return 2 + self.multiplier.latency

    @property
    def latency(self) -> int:
        """Cycles from an operation's issue to its write-back."""
        return self.product_cycle + 3  # shifted, its offset added, clipped

    @property
    def taken_after(self) -> int:
        """Cycles from an arrival's own cycle until its payload is taken."""
        return self.source.taken_after(self.product_cycle)

    @property
    def settling(self) -> tuple[int, int, int, int]:
        """Cycles from each walk's last issue until what follows begins.

        The root takes squares as products; the shift of a product is the last thing that its walk decides. A
        channel is read after its writing, and all are in the same order: the first may be before the last's.
        """
        shifted, written = self.product_cycle, 1 + max(self.latency - self.norm.channels, 0)
        return shifted + 1, shifted, max(shifted, written), written

    def connect(
        self, m: Module, payload: View, walks: Walks, arrivals: list[Signal], read: ReadPort, write: WritePort
    ) -> None:
        """Add the datapath.

        Parameters
        ----------
        m : Module
        payload : View
            Of the value that arrives, in the source's shape.
        walks : Walks
        arrivals : list of Signal
            Whether a value was given its cycle 0, 1, ... cycles ago.
        read : ReadPort
        write : WritePort
            Of the memory of both banks.
        """
        mean = self._mean(m, walks, read)
        self._operands(m, payload, walks, arrivals, mean, read)
        results = self._results(m, payload, walks, arrivals)
        self._write_back(m, walks, arrivals, mean, results, write)

    def _mean(self, m: Module, walks: Walks, read: ReadPort) -> Mean:
        """The mean of the step that is taken over, and the address of its channels."""
        norm, bank, channels = self.norm, walks.bank, self.norm.channels
        total = Signal(signed(norm.sum_width), init=1 << norm.mean_shift >> 1)
        inverted_mean = Signal(signed(WORD), reset_less=True)
        m.d.comb += read.addr.eq(walks.channel + Mux(bank, channels, 0))
        with m.If(walks.begins):
            m.d.sync += [
                walks.full.eq(0),
                total.eq(total.init),
                inverted_mean.eq(~(total >> norm.mean_shift)),
            ]
        with m.If(walks.rooting & self.root.done & (walks.kind == NORMALISE)):
            m.d.sync += inverted_mean.eq(-1)
        return Mean(total, inverted_mean)

    def _operands(
        self, m: Module, payload: View, walks: Walks, arrivals: list[Signal], mean: Mean, read: ReadPort
    ) -> None:
        """Cycle 1: a value of the bank; 2: centred, beside what multiplies it."""
        norm, multiplier, walk = self.norm, self.multiplier, walks.kind
        gains = rom(
            m, "gains", words_of(self.gains, self.gain_width), self.gain_width, block=self.table_block
        )
        centred, factor = Signal(signed(WORD), reset_less=True), Signal(signed(WORD), reset_less=True)
        gained = walks.channel
        if self.layers > 1:
            gained, _ = channel_counter(m, "gained", len(self.gains), walks.issue & (walk == GAIN))
        m.d.comb += gains.addr.eq(gained)
        # z and its mean have a bit less than a word, so their difference fits.
        m.d.sync += centred.eq(read.data + mean.inverted + 1)
        arriving = self.source.operands(payload)
        for _, second in arriving:
            with m.If(arrivals[1]):
                m.d.sync += factor.eq(second)
        with m.Else() if arriving else nullcontext(), m.Switch(walk):
            with m.Case(SQUARE):  # the mean's, because its own square does not use it
                m.d.sync += factor.eq(norm.mean_factor)
            with m.Case(SCALE, NORMALISE):
                m.d.sync += factor.eq(self.root.factor)
            with m.Case(GAIN):
                m.d.sync += factor.eq(shift_left(gains.data.as_signed(), self.gain_left))
        m.d.comb += [multiplier.a.eq(centred), multiplier.b.eq(factor)]
        alternatives = [
            *((arrivals[2], multiplier.a.eq(first)) for first, _ in arriving),
            (walks.averaging, multiplier.a.eq(~mean.inverted)),
            (walk == SQUARE, multiplier.b.eq(centred)),
        ]
        for place, (condition, statement) in enumerate(alternatives):
            with m.Elif(condition) if place else m.If(condition):
                m.d.comb += statement

    def _results(self, m: Module, payload: View, walks: Walks, arrivals: list[Signal]) -> Results:
        """Products: in the next cycle shifted, then rounded, then clipped, to be written back."""
        norm, walk, issued = self.norm, walks.kind, walks.issued
        product, multiplied = self.multiplier.product, self.product_cycle
        # Of what is scaled the highest bits are known to be signs.
        kept = max(2 * WORD - min(norm.normalise_shift, self.gain_shift), self.source.shifted_width)
        window, round_bit = Signal(signed(kept), reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            self.root.add.eq(issued[multiplied] & (walk == SQUARE) & ~walks.averaging),
            self.root.square_low.eq(product[: norm.normalise_shift]),
            self.root.square_high.eq(window.as_unsigned()),
        ]

        def take(shifted: tuple[Value, Value]) -> None:
            m.d.sync += [window.eq(shifted[0]), round_bit.eq(shifted[1])]

        take(shifted_with_round_bit(product, norm.normalise_shift))
        with m.If(arrivals[multiplied]):
            take(self.source.shifted(payload, product))
        with m.Else(), m.Switch(walk):
            for step, amount in {SCALE: norm.root_excess, GAIN: self.gain_shift}.items():
                with m.Case(step):
                    take(shifted_with_round_bit(product, amount))
        shifts = rom(m, "shifts", words_of(self.shifts, WORD), WORD, block=self.table_block)
        offset = Signal(signed(WORD), reset_less=True)
        at_gain, _ = channel_counter(m, "shifted", len(self.shifts), issued[multiplied - 1] & (walk == GAIN))
        m.d.comb += shifts.addr.eq(at_gain)
        m.d.sync += offset.eq(Mux(issued[multiplied] & (walk == GAIN), shifts.data.as_signed(), 0))
        whole = window + offset + round_bit
        unclipped = Signal(whole.shape(), reset_less=True)
        rounded = Signal(signed(WORD), reset_less=True)
        # z is a bit narrower than the word.
        narrower = arrivals[self.latency - 1]
        m.d.sync += [unclipped.eq(whole), rounded.eq(saturate_either(unclipped, WORD, narrower))]
        return Results(rounded, unclipped)

    def _write_back(
        self, m: Module, walks: Walks, arrivals: list[Signal], mean: Mean, results: Results, write: WritePort
    ) -> None:
        """z into the bank that is not worked on, with its sum. No square, though some come late."""
        channels, walk, last = self.norm.channels, walks.kind, self.latency
        collects, worked = arrivals[last], Signal()
        collected, _ = channel_counter(m, "collected", 2 * channels, collects)
        target, _ = channel_counter(m, "target", channels, worked)
        m.d.comb += [
            worked.eq(walks.issued[last] & (walk != SQUARE) & ~(walks.rooting & (walk == SCALE))),
            write.en.eq(collects | worked),
            write.addr.eq(Mux(collects, collected, target + Mux(walks.bank, channels, 0))),
            write.data.eq(results.rounded),
        ]
        with m.If(collects):
            m.d.sync += mean.total.eq(mean.total + results.rounded)
        with m.If(collects & ((collected == channels - 1) | (collected == 2 * channels - 1))):
            m.d.sync += walks.full.eq(1)
        # The mean needs no clipping, and the first square needs the mean.
        with m.If(walks.issued[last - 1] & delayed(m, walks.averaging, 1)):
            m.d.sync += mean.inverted.eq(~results.unclipped)
