"""The lanes of a streamed Gated Spiking Unit: both sums of as many outputs, and their way out one by one."""

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from hdl.primitives.component import Component
from hdl.primitives.counters import channel_counter
from hdl.primitives.memory import rom, rows_of_blocks
from hdl.primitives.registers import delayed
from hdl.primitives.selection import choosing_cycles, chosen
from hdl.primitives.trit_adder import trit_added
from hdl.units.gsu.tables import trit_words, weight_words
from quantize.layers.functions import TRIT_WIDTH
from quantize.layers.gsu import ACTIVATION_BITS, GatedProductSpec


class GsuLanes(Component):
    """Adds a row of weights in every cycle, and gives the sums of one block while the next one is walked.

    A block's last row moves the sums into registers, from where each leaves in its turn. They are read, not
    shifted: a shift would take a look-up table a bit, and hundreds of flip-flops would wait for each.

    Parameters
    ----------
    spec : GatedProductSpec
    lanes : int
        Output channels of a block, 1 to H.

    Members
    -------
    issue, ends : In(1)
        A row is issued; it is the last one of its block.
    nonzero, activation : In
        Of the row that was issued `SUM_LATENCY` cycles ago: whether its ternary activation is not zero, and
        the magnitude of the other one.
    negative : In(1)
        Whether the activation is, of the row issued a cycle later.
    complete : Out(1)
        The sums move, `SUM_LATENCY` cycles after the issue of a block's last row.
    drain : In(1)
        A sum leaves, from the cycle after that on, the first lane's first.
    real, gate : Out(signed)
        A sum with ternary activations and one with ternary weights, `drain_latency` cycles later.
    """

    SUM_LATENCY = 6

    def __init__(self, spec: GatedProductSpec, lanes: int):
        self.spec, self.lanes = spec, lanes
        flags = dict.fromkeys(("issue", "ends", "nonzero", "negative", "drain"), In(1))
        super().__init__(
            {
                **flags,
                "activation": In(ACTIVATION_BITS),
                "complete": Out(1),
                "real": Out(signed(spec.bias_path_width - spec.idle_weight_bits)),
                "gate": Out(signed(spec.gate_width)),
            }
        )

    @property
    def drain_latency(self) -> int:
        return choosing_cycles(self.lanes)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ended = delayed(m, self.ends, self.SUM_LATENCY - 1)
        added, complete, clear = delayed(m, self.issue, self.SUM_LATENCY), Signal(), Signal(init=1)
        m.d.sync += [complete.eq(ended), clear.eq(ended)]
        m.d.comb += self.complete.eq(complete)

        # A memory block answers late, and its bits have far to go: two registers follow it.
        spec, weight_width = self.spec, self.spec.stored_weight_width
        word_width = weight_width + TRIT_WIDTH
        rows = rows_of_blocks(weight_words(spec) | trit_words(spec) << weight_width, word_width, self.lanes)
        weights = rom(m, "weights", rows, self.lanes * word_width)
        weights_at, _ = channel_counter(m, "row", len(rows), delayed(m, self.issue, 3))
        words = Signal.like(weights.data, reset_less=True)
        m.d.comb += weights.addr.eq(weights_at)
        m.d.sync += words.eq(weights.data)
        negative = delayed(m, self.negative, 1, reset_less=True)

        turn = Signal(self.lanes, reset_less=True)
        with m.If(complete):
            m.d.sync += turn.eq(1)
        with m.Elif(self.drain):
            m.d.sync += turn.eq(turn << 1)

        def summed(name: str, total: Signal, value: Value, nonzero: Value, minus: Value) -> Signal:
            """Where the sum of a lane's terms stays until it leaves."""
            after = trit_added(m, f"{name}_adder", total, value, nonzero, minus)
            stays = Signal.like(total, name=f"{name}_out", reset_less=True)
            with m.If(added):
                m.d.sync += total.eq(after)
            # Without "else" this takes the flip-flops' own reset and no logic. So does a reset.
            with m.If(clear):
                m.d.sync += total.eq(0)
            with m.If(complete):
                m.d.sync += stays.eq(after)
            return stays

        real_sums, gate_sums = [], []
        for lane in range(self.lanes):
            word = words.word_select(lane, word_width)
            weight = Signal(signed(weight_width), name=f"weight_{lane}", reset_less=True)
            trit, minus = (Signal(name=f"{name}_{lane}", reset_less=True) for name in ("trit", "minus"))
            m.d.sync += [Cat(weight, trit).eq(word[:-1]), minus.eq(word[-1] ^ self.negative)]
            real, gate = (
                Signal.like(port, name=f"{name}_{lane}", reset_less=True)
                for name, port in (("real", self.real), ("gate", self.gate))
            )
            real_sums.append(summed(real.name, real, weight, self.nonzero, negative))
            gate_sums.append(summed(gate.name, gate, Cat(self.activation, 0), trit, minus))
        m.d.comb += [
            self.real.eq(chosen(m, "real", real_sums, turn)),
            self.gate.eq(chosen(m, "gate", gate_sums, turn)),
        ]
        return m
