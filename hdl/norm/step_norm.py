"""LayerNorm over the channels of a step, with GELU behind it if wanted, with one multiplier."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Array, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import ReadPort
from amaranth.lib.wiring import In, Out

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.norm.rsqrt import ReciprocalSquareRoot
from hdl.norm.sources import Source
from hdl.norm.step_datapath import StepDatapath
from hdl.norm.walks import SQUARE, Walks
from hdl.primitives.component import Component
from hdl.primitives.counters import StepGate
from hdl.primitives.deep_fifo import RegisterCreditFifo
from hdl.primitives.fixed import requantise
from hdl.primitives.functions import gelu_of
from hdl.primitives.memory import ram
from hdl.primitives.multiplier import Multiplier
from hdl.primitives.registers import delayed
from hdl.primitives.streams import Beat, beats, marks_of
from quantize.formats import Format
from quantize.layers.functions import Gelu
from quantize.layers.norm import WORD, LayerNorm


@dataclass(frozen=True)
class Arrivals:
    """Values on their way into the bank that is not worked on.

    Parameters
    ----------
    at : list of Signal
        Whether one was given its cycle 0, 1, ... cycles ago.
    marks : Array of Signal
        First and last of each bank's step.
    """

    at: list[Signal]
    marks: Array


class StepNorm(Component):
    """`quantize.layers.norm.LayerNorm` of values, then GELU and the residual format, if there is a GELU.

    One multiplier does it all. What comes is clipped to z and collected in one of two banks, while the other
    one is worked on. The work is four walks over a bank: squares of the centred values, their scaling by a
    power of two while the root is taken, the product with the reciprocal deviation, the gain. All but the
    first write back what they computed. Values that come take a cycle each from the walk under way. In the
    end the channels leave one by one, through GELU.

    Parameters
    ----------
    norm : LayerNorm
    source : Source
        How values come; see `hdl.norm.sources`.
    output : Format
        The norm's own without a GELU.
    gelu : Gelu, optional
    target : DeviceFeatures
    sequential : bool
        A channel leaves when the one before has left: a shorter queue. Otherwise one in every other cycle.
    others : sequence of LayerNorm
        See `StepDatapath`.

    Members
    -------
    i : In(stream of the source's shape)
    o : Out(stream of Beat), in the output format
    """

    multipliers = 1

    def __init__(
        self, norm: LayerNorm, source: Source, output: Format, gelu: Gelu | None = None, *,
        target: DeviceFeatures = MULTIPLIER_BLOCKS, sequential: bool = False,
        others: Sequence[LayerNorm] = (),
    ):  # fmt: skip
        self.norm, self.source, self.gelu, self.output = norm, source, gelu, output
        self.multiplier = Multiplier(target=target)
        self.root = ReciprocalSquareRoot(norm)
        self.datapath = StepDatapath(norm, source, self.multiplier, self.root, others, target.table_block)
        # Bits that GELU's result has too many.
        self.dropped = norm.output.fraction - output.fraction
        # A table in a memory block answers late in its cycle, so GELU's sum ends in a register: that of a
        # queue's only place, or one before the rounding and the choice of a place.
        self.held = gelu is not None and (self.dropped > 0 or not sequential)
        # A channel's address, its word, its table entry, GELU's sum.
        latency = 1 + (gelu is not None) + self.held
        period = latency + RegisterCreditFifo.RETURN if sequential else Walks.CHANNEL_CYCLES
        self.outlet = RegisterCreditFifo(Beat(output.width), latency, period)
        super().__init__({"i": In(stream.Signature(source.shape)), "o": Out(beats(output.width))})

    @property
    def arrival_cycles(self) -> int:
        """Cycles from one arrival until the next one can come."""
        return self.datapath.taken_after + 2

    @property
    def cycles_per_step(self) -> int:
        """Most cycles from the start of one step's work to the next, if its outputs leave at once.

        So many if the sum of squares takes all doublings, and arrivals a cycle of a walk for each channel.
        """
        return self.cycles_taken_in(1)

    def cycles_taken_in(self, cycles: int) -> int:
        """As `cycles_per_step`, where an output is taken in every so many cycles at most."""
        return self._cycles(self.root.scale_cycles, cycles) + self.norm.channels

    def latency_taken_in(self, cycles: int) -> int:
        """Most cycles from a step's last arrival to its last output, when nothing else is under way.

        It is written as z, and the walks begin; the last output passes the queue, in which others
        may be before it. An output is taken in every so many cycles at most.
        """
        written, outlet = self.arrival_cycles + self.datapath.latency + 2, self.outlet
        queued = outlet.latency + 1 + outlet.queue.depth * cycles
        return written + self._cycles(self.root.scale_cycles, cycles) + queued

    def output_delays(self, cycles: int, scale_cycles: int) -> list[int]:
        """As `latency_taken_in`, of each output, with so many cycles for the scale and no arrivals."""
        outlet, channels = self.outlet, self.norm.channels
        written = self.arrival_cycles + self.datapath.latency + 2
        begun = written + self._cycles(scale_cycles, cycles) - self._leaving(channels, cycles)
        found: list[int] = []
        for count in range(1, channels + 1):
            stands = begun + self._leaving(count, cycles) + outlet.latency + 1
            found.append(max(stands, found[-1] + cycles) if found else stands)
        return found

    def _leaving(self, channels: int, taken_in: int) -> int:
        """Cycles in which so many channels leave the bank."""
        return self.outlet.burst_cycles(channels, taken_in) + Walks.CHANNEL_CYCLES

    @property
    def least_cycles_per_step(self) -> int:
        """So many if the sum of squares takes no doubling, and nothing arrives during a walk."""
        return self._cycles(self.root.LEAST_SCALE_CYCLES)

    def _cycles(self, scale_cycles: int, taken_in: int = 1) -> int:
        """From one step's work to the next, with so many cycles for the scale and no arrivals."""
        channels, root, settling = self.norm.channels, self.root, self.datapath.settling
        square, scale, normalise, gain = (channels + cycles for cycles in settling)
        mean = 0 if self.norm.mean_is_shifted else 1 + settling[SQUARE]
        rooting = 1 + scale_cycles + max(root.root_cycles, scale + 2) + root.division_cycles
        return mean + square + rooting + normalise + gain + self._leaving(channels, taken_in)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        norm = self.norm
        write, read = ram(m, "values", 2 * norm.channels, WORD)
        m.submodules.root, m.submodules.multiplier = self.root, self.multiplier
        m.submodules.gate = gate = StepGate(norm.channels, 2)
        m.submodules.outlet = self.outlet

        arrivals = self._arrivals(m, gate)
        datapath = self.datapath
        walks = Walks(norm.channels, datapath.settling, datapath.latency, averages=not norm.mean_is_shifted)
        walks.control(m, arrivals.at[0], self.root, self.outlet)
        m.d.comb += gate.step_leaves.eq(walks.step_leaves)
        datapath.connect(m, self.i.payload, walks, arrivals.at, read, write)
        self._leave(m, walks, arrivals, read)
        return m

    def _arrivals(self, m: Module, gate: StepGate) -> Arrivals:
        """Values are asked for a cycle ahead, and taken when they are no longer needed."""
        pair = Signal()
        at = [pair, *(delayed(m, pair, age) for age in range(1, self.datapath.latency + 1))]
        into = Signal()
        marks = Array([Signal(2, name=f"marks_{bank}", reset_less=True) for bank in range(2)])
        under_way = pair | at[1]
        for age in range(2, self.datapath.taken_after + 1):
            under_way = under_way | at[age]
        m.d.sync += pair.eq(self.i.valid & gate.ready & ~under_way)
        m.d.comb += [gate.take.eq(pair), self.i.ready.eq(at[self.datapath.taken_after])]
        with m.If(gate.begins):
            m.d.sync += marks[into].eq(marks_of(self.i.payload))
        m.d.sync += into.eq(into ^ gate.ends)
        return Arrivals(at, marks)

    def _leave(self, m: Module, walks: Walks, arrivals: Arrivals, read: ReadPort) -> None:
        """Channels leave, their marks in a register: the bank is taken again before the last one is out."""
        outlet = self.outlet
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        out_marks = Signal(2, reset_less=True)
        with m.If(walks.leaves):
            m.d.sync += out_marks.eq(arrivals.marks[walks.bank])
        m.d.comb += [
            outlet.arrive.eq(delayed(m, walks.leaves, outlet.latency)),
            marks_of(outlet.value).eq(out_marks),
            outlet.value.value.eq(self._output_of(m, read.data)),
        ]

    def _output_of(self, m: Module, value: Value) -> Value:
        """What leaves, the outlet's latency after its address, which stands `Walks.CHANNEL_CYCLES`."""
        if self.gelu is None:
            return value
        out = gelu_of(m, self.gelu, value)
        if self.held:
            held = Signal.like(out, reset_less=True)
            m.d.sync += held.eq(out)
            out = held
        return requantise(out, self.dropped, self.output.width)
