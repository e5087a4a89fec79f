"""The sums of a GSU mixer's lanes: the real and the gate's of each output of a block."""

from abc import abstractmethod
from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.fixed import add_trit
from hdl.primitives.registers import delayed
from quantize.layers.gsu import ACTIVATION_BITS, GatedProductSpec


class LaneSums(wiring.Component):
    """Adds rows of weights, and gives the sums of one output after the other.

    Parameters
    ----------
    spec : GatedProductSpec
    lanes : int

    Members
    -------
    adds : In(1)
        A row comes with what follows.
    nonzero, negative : In(1)
        The ternary activation; `negative` is the sign of y even where it is zero.
    activation : In(10)
        The magnitude of the real one.
    row : In(lanes * (stored_weight_width + 2))
        A cycle later: a word for each lane, see `hdl.units.gsu_mixer.weight_rows`.
    complete : In(1)
        In the cycle after a block's last sums were made, if no row is added there.
    passes : In(1)
        The output given leaves.
    real, gate : Out(signed)
        Its sums.
    """

    ready_after: int
    """Cycles from a block's last row in `adds` until its first sums are given."""
    cells: int
    """Logic cells of a lane on the iCE40, measured with words of 8 bits."""

    def __init__(self, spec: GatedProductSpec, lanes: int):
        self.spec, self.lanes = spec, lanes
        self.real_shape = signed(spec.bias_path_width - spec.idle_weight_bits)
        super().__init__(
            {
                **{name: In(1) for name in ("adds", "nonzero", "negative", "complete", "passes")},
                "activation": In(ACTIVATION_BITS),
                "row": In(lanes * (spec.stored_weight_width + 2)),
                "real": Out(self.real_shape),
                "gate": Out(signed(spec.gate_width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self.spec.stored_weight_width
        words = [self.row.word_select(lane, width + 2) for lane in range(self.lanes)]
        weights = [word[:width].as_signed() for word in words]
        trits = [(word[width], word[width + 1]) for word in words]
        activation = Signal(ACTIVATION_BITS, reset_less=True)
        m.d.sync += activation.eq(self.activation)
        reals = [Signal(self.real_shape, name=f"p_{lane}") for lane in range(self.lanes)]
        gates = [Signal(signed(self.spec.gate_width), name=f"g_{lane}") for lane in range(self.lanes)]
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
    cells = 73

    def _sum(self, m, reals, gates, weights, trits, activation) -> None:
        adds = delayed(m, self.adds, 1)
        nonzero, negative = Signal(reset_less=True), Signal()
        m.d.sync += [nonzero.eq(self.nonzero), negative.eq(self.negative)]
        for real, gate, weight, (some, minus) in zip(reals, gates, weights, trits, strict=True):
            with m.If(adds):
                m.d.sync += [
                    real.eq(add_trit(real, weight, nonzero, negative)),
                    gate.eq(add_trit(gate, activation, some, minus ^ negative)),
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
    cells = 58

    def _sum(self, m, reals, gates, weights, trits, activation) -> None:
        moves = Signal()
        m.d.sync += moves.eq(self.passes)

        def signs(name: str, adds: Value) -> tuple[Signal, Signal]:
            """Whether a row adds, or subtracts; both of it while sums move."""
            plus, minus = Signal(name=f"{name}_plus"), Signal(name=f"{name}_minus")
            m.d.sync += [
                plus.eq(self.passes | (adds & ~self.negative)),
                minus.eq(self.passes | (adds & self.negative)),
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

        real_plus, real_minus = signs("real", self.adds & self.nonzero)
        gate_plus, gate_minus = signs("gate", self.adds)
        both = gate_plus & gate_minus
        sum_up(reals, [(weight, real_plus, real_minus) for weight in weights])
        sum_up(
            gates,
            [
                (activation, both | (some & Mux(negative, gate_minus, gate_plus)),
                 both | (some & Mux(negative, gate_plus, gate_minus)))
                for some, negative in trits
            ],
        )  # fmt: skip
        m.d.comb += [self.real.eq(reals[0]), self.gate.eq(gates[0])]
