"""The gate product of a Gated Spiking Unit: by the multiplier of the norm behind it, or by one of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import View
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.norm.sources import spare_places
from hdl.primitives.component import Component
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.fixed import round_shift, saturate, shift_left, shifted_with_round_bit
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.streams import Beat, Factors, beats
from hdl.units.gsu.mixer import GsuMixer
from quantize.formats import OPERAND_WIDTH
from quantize.layers.gsu import GatedProductSpec, GsuSpec


class GateProduct(Component):
    """Takes p and g, and gives their product as it leaves the mixer.

    The factors wait at the input while their product is made.

    Parameters
    ----------
    spec : GatedProductSpec
    target : DeviceFeatures

    Members
    -------
    i : In(stream of Factors)
    o : Out(stream of Beat)
    """

    def __init__(self, spec: GatedProductSpec, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.spec, self.multiplier = spec, Multiplier(target=target)
        factors = stream.Signature(Factors(OPERAND_WIDTH))
        super().__init__({"i": In(factors), "o": Out(beats(spec.mixer_width))})

    @property
    def cycles(self) -> int:
        """Cycles that the factors wait: multiplied, rounded, clipped as the product leaves."""
        return self.multiplier.latency + 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.multiplier = multiplier = self.multiplier
        m.submodules.queue = queue = RegisterFifo(Beat(spec.mixer_width), 1)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        product = round_shift(multiplier.product, spec.mixer_shift)
        rounded = Signal(product.shape(), reset_less=True)
        age = Signal(range(self.cycles))
        ripe = Signal()  # in the last cycle; a register, for much waits for it
        m.d.sync += rounded.eq(product)
        m.d.comb += [
            multiplier.a.eq(self.i.payload.a),
            multiplier.b.eq(self.i.payload.b),
            queue.i.valid.eq(ripe),
            queue.i.payload.first.eq(self.i.payload.first),
            queue.i.payload.last.eq(self.i.payload.last),
            queue.i.payload.value.eq(saturate(rounded, spec.mixer_width)),
            self.i.ready.eq(ripe & queue.i.ready),
        ]
        with m.If(self.i.ready):
            m.d.sync += [age.eq(0), ripe.eq(0)]
        with m.Elif(self.i.valid & ~ripe):
            m.d.sync += [age.eq(age + 1), ripe.eq(age == self.cycles - 2)]
        return m


@dataclass(frozen=True)
class BorrowedProduct:
    """The gate product in front of a norm, by the norm's own multiplier: a `hdl.norm.sources.Source`.

    The factors wait until both are operands; a product is then shifted, rounded and clipped by the norm.

    Parameters
    ----------
    spec : GsuSpec
    width : int
        Bits of p.
    """

    spec: GsuSpec
    width: int

    @property
    def shape(self) -> Factors:
        return Factors(OPERAND_WIDTH)

    @property
    def left(self) -> int:
        """How far p goes up, so that its product's shift comes closer to the norm's own."""
        return spare_places(self.spec.norm, self.spec.product_shift, self.width)

    @property
    def shift(self) -> int:
        """Right shift of the product that is made."""
        return self.spec.product_shift + self.left

    @property
    def shifted_width(self) -> int:
        return 2 * OPERAND_WIDTH - self.shift

    def taken_after(self, multiplied: int) -> int:
        return 2

    def operands(self, payload: View) -> list[tuple[Value, Value]]:
        return [(shift_left(payload.a, self.left), payload.b)]

    def shifted(self, payload: View, product: Value) -> tuple[Value, Value]:
        return shifted_with_round_bit(product, self.shift)


class GatedMixer(Component):
    """A `GsuMixer` with the product of its factors.

    Parameters
    ----------
    spec : GatedProductSpec
    lanes : int
        Output channels computed at a time, 1 to H.
    target : DeviceFeatures
    sequential : bool
    others : sequence of GatedProductSpec
        See `GsuMixer`.

    Members
    -------
    i : In(stream of Beat), y
    o : Out(stream of Beat), the shifted product
    """

    def __init__(
        self,
        spec: GatedProductSpec,
        lanes: int,
        target: DeviceFeatures = MULTIPLIER_BLOCKS,
        *,
        sequential: bool = False,
        others: Sequence[GatedProductSpec] = (),
    ):
        self.mixer = GsuMixer(spec, lanes, target, sequential=sequential, others=others)
        self.product = GateProduct(self.mixer.tables.finest, target)
        super().__init__({"i": In(beats(spec.input.width)), "o": Out(beats(spec.mixer_width))})

    @property
    def cycles_per_step(self) -> int:
        return self.mixer.cycles_taken_in(self.product.cycles)

    def latency_taken_in(self, cycles: int) -> int:
        """See `GsuMixer`; the last product is made and queued."""
        between = max(self.product.cycles, cycles)
        return self.mixer.latency_taken_in(between) + between + 1

    def output_delays(self, cycles: int) -> list[int]:
        """See `GsuMixer`, of the products."""
        between = max(self.product.cycles, cycles)
        return [delay + self.product.cycles for delay in self.mixer.output_delays(between)]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.mixer, m.submodules.product = self.mixer, self.product
        wiring.connect(m, wiring.flipped(self.i), self.mixer.i)
        wiring.connect(m, self.mixer.o, self.product.i)
        wiring.connect(m, self.product.o, wiring.flipped(self.o))
        return m
