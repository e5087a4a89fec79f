"""The Gated Spiking Unit in gates, whole and lean: its mixer, and what follows the product."""

from abc import abstractmethod
from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring

from hdl.devices.costs import MEMORY_BLOCK
from hdl.devices.family import Family
from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.devices.memories import MemoryNeed
from hdl.norm.step_datapath import gain_width
from hdl.norm.step_norm import StepNorm
from hdl.norm.streamed_step_norm import PRODUCTS, StreamedStepNorm
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.fixed import saturate
from hdl.primitives.memory import rom, words_of
from hdl.primitives.streams import Beat
from hdl.units.gsu.gate_product import BorrowedProduct, GatedMixer
from hdl.units.gsu.mixer import GsuMixer
from hdl.units.gsu.streamed_mixer import StreamedGsuMixer
from hdl.units.gsu.tables import LayerTables, memory_shapes
from hdl.units.unit import LayeredUnit, Unit, UnitKind
from quantize.layers.gsu import OPERAND_WIDTH, GatedProductSpec, GsuSpec, LeanGsuSpec
from quantize.layers.norm import WORD


def factor_obstacle(specs: Sequence[GatedProductSpec]) -> str | None:
    """Why one gate product cannot serve these layers, in words; None if it can."""
    width = LayerTables(tuple(specs)).own_bias_path_width
    if width <= OPERAND_WIDTH:
        return None
    return f"at one scale, p takes {width} bits in its units, and the product has {OPERAND_WIDTH}"


class NormedGsu(Unit):
    """`quantize.layers.gsu.GsuSpec` in gates: a mixer, and the norm that follows it.

    Parameters
    ----------
    spec : GsuSpec
    lanes : int
        Of the mixer, 1 to H.
    target : DeviceFeatures
    mixer : GsuMixer or StreamedGsuMixer
    norm : StepNorm or StreamedStepNorm
        Of what the mixer gives.
    """

    def __init__(
        self, spec: GsuSpec, lanes: int, target: DeviceFeatures,
        mixer: GsuMixer | StreamedGsuMixer, norm: StepNorm | StreamedStepNorm,
    ):  # fmt: skip
        self.mixer, self.norm = mixer, norm
        super().__init__(spec, lanes, target)

    @property
    @abstractmethod
    def mixer_cycles(self) -> int:
        """Cycles a step of the mixer before this norm."""

    @property
    def cycles_per_step(self) -> int:
        return self.cycles_taken_in(1)

    def cycles_taken_in(self, cycles: int) -> int:
        """See `Unit`."""
        return max(self.mixer_cycles, self.norm.cycles_taken_in(cycles))

    @property
    def least_cycles_per_step(self) -> int:
        return max(self.mixer_cycles, self.norm.least_cycles_per_step)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.mixer, m.submodules.norm = self.mixer, self.norm
        wiring.connect(m, wiring.flipped(self.i), self.mixer.i)
        wiring.connect(m, self.mixer.o, self.norm.i)
        wiring.connect(m, self.norm.o, wiring.flipped(self.o))
        return m


class Gsu(NormedGsu, LayeredUnit):
    """The small build: the norm's multiplier makes the gate product too.

    Parameters
    ----------
    spec : GsuSpec
    lanes : int
    target : DeviceFeatures
    sequential : bool
        See `GsuMixer` and `StepNorm`.
    others : sequence of GsuSpec
        Layers that it serves in turn behind that of `spec`; see there.
    """

    mixer: GsuMixer
    norm: StepNorm

    SEQUENTIAL_PART: str | None = "one block after the other"

    def __init__(
        self, spec: GsuSpec, lanes: int, target: DeviceFeatures = MULTIPLIER_BLOCKS, *,
        sequential: bool = False, others: Sequence[GsuSpec] = (),
    ):  # fmt: skip
        mixer = GsuMixer(spec, lanes, target, sequential=sequential, others=others)
        finest = max((spec, *others), key=lambda each: each.weight_fraction)
        source = BorrowedProduct(finest, mixer.tables.bias_path_width)
        norm = StepNorm(
            spec.norm, source, spec.output, spec.gelu, target=target, sequential=sequential,
            others=[other.norm for other in others],
        )  # fmt: skip
        super().__init__(spec, lanes, target, mixer, norm)

    @staticmethod
    def obstacle(specs: Sequence[GsuSpec]) -> str | None:
        """See `LayeredUnit`."""
        width = gain_width([spec.norm for spec in specs])
        if width > WORD:
            return f"at one scale, gains take {width} bits in its units, and the product has {WORD}"
        return factor_obstacle(specs)

    def output_delays(self, cycles: int) -> list[int]:
        """See `LayeredUnit`: the sum of squares takes all doublings."""
        return self._delays(cycles, self.norm.root.scale_cycles)

    def least_output_delays(self, cycles: int) -> list[int]:
        """See `LayeredUnit`: the sum of squares takes no doubling."""
        return self._delays(cycles, self.norm.root.LEAST_SCALE_CYCLES)

    def _delays(self, cycles: int, scale_cycles: int) -> list[int]:
        """As `output_delays`, with so many cycles for the scale."""
        collected = self.mixer.output_delays(self.norm.arrival_cycles)[-1]
        return [collected + delay for delay in self.norm.output_delays(cycles, scale_cycles)]

    @staticmethod
    def mixer_size(spec: GsuSpec, lanes: int, sequential: bool, family: Family) -> float:
        """Look-up tables of the lanes, and what the memory blocks of their words are worth."""
        blocks = sum(
            MemoryNeed(depth, width, block=True, written=False).blocks(family)
            for depth, width in memory_shapes(spec, lanes)
        )
        lane = GsuMixer.sums_of(sequential).lane_cells(spec, family.costs)
        return lanes * lane + MEMORY_BLOCK * blocks

    @property
    def multipliers(self) -> int:
        return self.norm.multipliers

    @property
    def mixer_cycles(self) -> int:
        return self.mixer.cycles_taken_in(self.norm.arrival_cycles)

    def latency_taken_in(self, cycles: int) -> int:
        """See `Unit`."""
        return self.mixer.latency_taken_in(self.norm.arrival_cycles) + self.norm.latency_taken_in(cycles)


class StreamedGsu(NormedGsu):
    """The build whose parts take a channel a cycle, or its norm a slower pace, with multiplier blocks.

    Parameters
    ----------
    spec : GsuSpec
    lanes : int
    target : DeviceFeatures
    norm_multipliers : int
        See `StreamedStepNorm`.
    """

    def __init__(
        self, spec: GsuSpec, lanes: int, target: DeviceFeatures = MULTIPLIER_BLOCKS, *,
        norm_multipliers: int = PRODUCTS,
    ):  # fmt: skip
        norm = StreamedStepNorm(spec.norm, spec.output, spec.gelu, norm_multipliers)
        super().__init__(spec, lanes, target, StreamedGsuMixer(spec, lanes), norm)

    @property
    def multipliers(self) -> int:
        """The gate's, and the norm's."""
        return 1 + self.norm.multipliers

    @property
    def mixer_cycles(self) -> int:
        return self.mixer.cycles_per_step

    def latency_taken_in(self, cycles: int) -> int:
        """See `Unit`."""
        return self.mixer.latency_taken_in(1) + self.norm.latency_taken_in(cycles)


class LeanFrame(Unit):
    """What `quantize.layers.gsu.LeanGsuSpec` is in gates in either build: an addition follows the mixer.

    Parameters
    ----------
    specs : sequence of LeanGsuSpec
        Of all layers that it serves in turn.
    lanes : int
        Of the mixer, 1 to H.
    target : DeviceFeatures
    mixer : GatedMixer or StreamedGsuMixer
        What gives the gate product.
    """

    # Entries of the queue at the end; with one, a channel leaves in every other cycle at most.
    WAITING = 1

    def __init__(
        self, specs: Sequence[LeanGsuSpec], lanes: int, target: DeviceFeatures,
        mixer: GatedMixer | StreamedGsuMixer,
    ):  # fmt: skip
        self.specs, self.mixer = specs, mixer
        super().__init__(specs[0], lanes, target)

    @property
    def multipliers(self) -> int:
        """The gate's."""
        return 1

    @property
    def cycles_per_step(self) -> int:
        return self.mixer.cycles_per_step

    def latency_taken_in(self, cycles: int) -> int:
        """See `Unit`; a queue follows the addition."""
        return self.mixer.latency_taken_in(cycles) + self.WAITING * cycles

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width, channels = self.spec.output.width, self.spec.channels * len(self.specs)
        m.submodules.mixer = mixer = self.mixer
        wiring.connect(m, wiring.flipped(self.i), mixer.i)
        words = [word for spec in self.specs for word in words_of(spec.offset, width)]
        offsets = rom(m, "offsets", words, width, block=self.target.table_block)
        channel, next_channel = Signal(range(channels)), Signal(range(channels))
        leaves = Signal()
        total = saturate(mixer.o.payload.value + offsets.data.as_signed(), width)
        # A register keeps this addition apart from the residual one.
        m.submodules.queue = queue = RegisterFifo(Beat(width), self.WAITING)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        m.d.comb += [
            leaves.eq(queue.i.valid & queue.i.ready),
            next_channel.eq(Mux(leaves, Mux(channel == channels - 1, 0, channel + 1), channel)),
            offsets.addr.eq(next_channel),
            queue.i.valid.eq(mixer.o.valid),
            mixer.o.ready.eq(queue.i.ready),
            queue.i.payload.first.eq(mixer.o.payload.first),
            queue.i.payload.last.eq(mixer.o.payload.last),
            queue.i.payload.value.eq(Mux(total[-1], 0, total)),
        ]
        m.d.sync += channel.eq(next_channel)
        return m


class LeanGsu(LeanFrame, LayeredUnit):
    """The small build.

    Parameters
    ----------
    spec : LeanGsuSpec
    lanes : int
    target : DeviceFeatures
    others : sequence of LeanGsuSpec
        Layers that it serves in turn behind that of `spec`; see `GsuMixer`.
    """

    mixer: GatedMixer

    def __init__(
        self,
        spec: LeanGsuSpec,
        lanes: int,
        target: DeviceFeatures = MULTIPLIER_BLOCKS,
        *,
        others: Sequence[LeanGsuSpec] = (),
    ):
        super().__init__((spec, *others), lanes, target, GatedMixer(spec, lanes, target, others=others))

    @staticmethod
    def obstacle(specs: Sequence[LeanGsuSpec]) -> str | None:
        """See `LayeredUnit`."""
        return factor_obstacle(specs)

    def output_delays(self, cycles: int) -> list[int]:
        """See `LayeredUnit`."""
        return [delay + self.WAITING for delay in self.mixer.output_delays(cycles)]


class StreamedLeanGsu(LeanFrame):
    """The build that takes a channel a cycle, with multiplier blocks.

    Parameters
    ----------
    spec : LeanGsuSpec
    lanes : int
    target : DeviceFeatures
    """

    WAITING = 2

    def __init__(self, spec: LeanGsuSpec, lanes: int, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        super().__init__((spec,), lanes, target, StreamedGsuMixer(spec, lanes))


GSU = UnitKind(GsuSpec, Gsu, StreamedGsu)
LEAN_GSU = UnitKind(LeanGsuSpec, LeanGsu, StreamedLeanGsu)
