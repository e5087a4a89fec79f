"""The sums of a GSU mixer's lanes: the real and the gate's of each output of a block."""

from abc import abstractmethod
from itertools import pairwise

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from hdl.devices.costs import CellCosts
from hdl.primitives.component import Component
from hdl.primitives.registers import delayed
from hdl.units.gsu.tables import GateWidths
from quantize.layers.functions import TRIT_WIDTH
from quantize.layers.gsu import ACTIVATION_BITS


class LaneSums(Component):
    """Adds rows of weights, and gives the sums of one output after the other.

    Parameters
    ----------
    tables : GateWidths
    lanes : int

    Members
    -------
    adds : In(1)
        A row comes with what follows.
    nonzero, negative : In(1)
        The ternary activation; `negative` is the sign of y even where it is zero.
    activation : In(10)
        The magnitude of the real one.
    trits : In(lanes * 2)
        The ternary weights: for each lane that it is not zero, and that it is negative.
    weights : In(lanes * stored_weight_width)
        A cycle later: the real ones.
    complete : In(1)
        In the cycle after a block's last sums were made, if no row is added there.
    passes : In(1)
        The output given leaves.
    real, gate : Out(signed)
        Its sums.
    """

    ready_after: int
    """Cycles from a block's last row in `adds` until its first sums are given."""

    def __init__(self, tables: GateWidths, lanes: int):
        self.tables, self.lanes = tables, lanes
        self.real_shape = signed(self.real_width(tables))
        super().__init__(
            {
                **{name: In(1) for name in ("adds", "nonzero", "negative", "complete", "passes")},
                "activation": In(ACTIVATION_BITS),
                "trits": In(lanes * TRIT_WIDTH),
                "weights": In(lanes * tables.stored_weight_width),
                "real": Out(self.real_shape),
                "gate": Out(signed(tables.gate_width)),
            }
        )

    @staticmethod
    def real_width(tables: GateWidths) -> int:
        """Bits of a real sum."""
        return tables.bias_path_width - tables.idle_weight_bits

    @classmethod
    def sum_bits(cls, tables: GateWidths) -> int:
        """Bits of a lane's two sums."""
        return cls.real_width(tables) + tables.gate_width

    @classmethod
    @abstractmethod
    def lane_cells(cls, tables: GateWidths, costs: CellCosts) -> float:
        """Look-up tables of a lane."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self.tables.stored_weight_width
        weights = [self.weights.word_select(lane, width).as_signed() for lane in range(self.lanes)]
        fields = [self.trits.word_select(lane, TRIT_WIDTH) for lane in range(self.lanes)]
        trits = [(field[0], field[1]) for field in fields]
        activation = Signal(ACTIVATION_BITS, reset_less=True)
        m.d.sync += activation.eq(self.activation)
        reals = [Signal(self.real_shape, name=f"p_{lane}") for lane in range(self.lanes)]
        gates = [Signal(signed(self.tables.gate_width), name=f"g_{lane}") for lane in range(self.lanes)]
        self._sum(m, reals, gates, weights, trits, Cat(activation, 0))
        return m

    @abstractmethod
    def _sum(
        self, m: Module, reals: list[Signal], gates: list[Signal], weights: list[Value],
        trits: list[tuple[Value, Value]], activation: Value,
    ) -> None:  # fmt: skip
        """Add what makes the sums and lets them leave; a trit is that it is not zero, and its sign."""


class MovedSums(LaneSums):
    """The sums of a block move into registers of their own, which let them leave while the next one adds.

    A lane takes its two adders, their terms, and the registers.
    """

    ready_after = 3

    @classmethod
    def lane_cells(cls, tables: GateWidths, costs: CellCosts) -> float:
        """Of the sums, their terms, and the registers behind."""
        terms = tables.stored_weight_width + ACTIVATION_BITS + 1
        return (costs.accumulator + 1) * cls.sum_bits(tables) + terms

    def _sum(self, m, reals, gates, weights, trits, activation) -> None:
        adds = delayed(m, self.adds, 1)

        def signs(name: str, nonzero: Value, negative: Value) -> tuple[Signal, Signal]:
            """Whether a term is not zero, and whether it is to be subtracted."""
            some = Signal(name=f"{name}_some", reset_less=True)
            minus = Signal(name=f"{name}_minus", reset_less=True)
            m.d.sync += [some.eq(nonzero), minus.eq(nonzero & negative)]
            return some, minus

        def added(total: Signal, value: Value, some: Signal, minus: Signal) -> Value:
            term = (value.as_unsigned() ^ minus.replicate(len(value))) & some.replicate(len(value))
            return total + term.as_signed() + minus

        real_signs = signs("real", self.nonzero, self.negative)
        for lane, (some, negative) in enumerate(trits):
            real, gate = reals[lane], gates[lane]
            gate_signs = signs(f"gate_{lane}", some, negative ^ self.negative)
            with m.If(adds):
                m.d.sync += [
                    real.eq(added(real, weights[lane], *real_signs)),
                    gate.eq(added(gate, activation, *gate_signs)),
                ]
            with m.Elif(self.complete):
                m.d.sync += [real.eq(0), gate.eq(0)]
        # A block's sums move through the first register, which leaves.
        for sums, given in ((reals, self.real), (gates, self.gate)):
            out = [Signal.like(one, name=f"{one.name}_out", reset_less=True) for one in sums]
            m.d.comb += given.eq(out[0])
            with m.If(self.complete):
                m.d.sync += [register.eq(value) for register, value in zip(out, sums, strict=True)]
            with m.Elif(self.passes):
                m.d.sync += [register.eq(value) for register, value in pairwise(out)]


class StandingSums(LaneSums):
    """The sums of a block stand in their adders until all have left; the next one waits for that.

    A lane takes its two adders and their terms. A sum takes over its neighbour's as a term that it does not
    add to: the same look-up tables, behind two bits that say what a row, or a move, makes of the sums.
    Nothing is cleared, for after the last one zeros have come in.
    """

    ready_after = 2

    @classmethod
    def lane_cells(cls, tables: GateWidths, costs: CellCosts) -> float:
        """Of the sums, their terms as wide as they are, and the two bits that choose a gate's term."""
        return (costs.accumulator + 1) * cls.sum_bits(tables) + 2

    def _sum(self, m, reals, gates, weights, trits, activation) -> None:
        moves = Signal()
        m.d.sync += moves.eq(self.passes)
        adds_positive, adds_negative = Signal(), Signal()  # of a row whose y is, or is not; both for a move
        m.d.comb += [
            adds_positive.eq(self.passes | (self.adds & ~self.negative)),
            adds_negative.eq(self.passes | (self.adds & self.negative)),
        ]

        def signs(name: str, nonzero: Value, negative: Value) -> tuple[Signal, Signal]:
            """Whether a row adds, or subtracts; both of it while sums move."""
            plus, minus = Signal(name=f"{name}_plus"), Signal(name=f"{name}_minus")
            both = adds_positive & adds_negative
            m.d.sync += [
                plus.eq(both | (nonzero & Mux(negative, adds_negative, adds_positive))),
                minus.eq(both | (nonzero & Mux(negative, adds_positive, adds_negative))),
            ]
            return plus, minus

        def sum_up(sums: list[Signal], terms: list[tuple[Value, Value, Value]]) -> None:
            zero = Signal.like(sums[0], name=f"{sums[0].name}_zero")
            for total, above, (value, plus, minus) in zip(sums, [*sums[1:], zero], terms, strict=True):
                width = len(total)
                extended = Signal.like(total, name=f"{total.name}_value")
                added = (extended ^ minus.replicate(width)) & (plus | minus).replicate(width)
                term = Mux(plus & minus, above.as_unsigned(), added).as_signed()
                m.d.comb += extended.eq(value)
                m.d.sync += total.eq(Mux(moves, term, total + term + minus))

        real_signs = signs("real", self.nonzero, Const(0))
        sum_up(reals, [(weight, *real_signs) for weight in weights])
        gate_signs = [signs(f"gate_{lane}", some, negative) for lane, (some, negative) in enumerate(trits)]
        sum_up(gates, [(activation, plus, minus) for plus, minus in gate_signs])
        m.d.comb += [self.real.eq(reals[0]), self.gate.eq(gates[0])]
