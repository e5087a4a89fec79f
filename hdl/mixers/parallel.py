"""The parallel mixer: every addition has an adder of its own, and a vector enters in every cycle."""

from amaranth.hdl import Const, Module, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from hdl.mixers.pipeline import Registers, Schedule
from hdl.primitives.adder import ADDER_NAME, Adder
from hdl.primitives.component import Component
from hdl.primitives.streams import vectors
from quantize.mixing import AdderGraph
from quantize.mixing.graph import ZERO


class ParallelMixer(Component):
    """`quantize.mixing.AdderGraph` with an adder for every node.

    The whole pipeline moves or stands: it stands while a product waits at the output.

    Parameters
    ----------
    graph : AdderGraph
    complements : bool
        Signals carry complements as the graph says, so that there is nothing but additions: for parts whose
        adders invert their sum at no cost, but no operand (iCE40). Otherwise all signals are plain, and
        adders are for carry cells of two bits (ECP5).
    adders_per_stage : int
        Adders in a row between two registers.

    Members
    -------
    i : In(stream of Vector), x
    o : Out(stream of Vector), y
    """

    cycles_per_product = 1

    def __init__(self, graph: AdderGraph, *, complements: bool, adders_per_stage: int = 2):
        self.graph, self.complements = graph, complements
        self.schedule = Schedule(graph, adders_per_stage)
        product = graph.product
        super().__init__(
            {
                "i": In(vectors(product.input_width, product.inputs)),
                "o": Out(vectors(product.sum_width, product.outputs)),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a vector to its product."""
        return self.schedule.stages

    def elaborate(self, platform: object) -> Module:
        m = Module()
        graph, schedule = self.graph, self.schedule
        advance = Signal()
        m.d.comb += [advance.eq(self.o.ready | ~self.o.valid), self.i.ready.eq(advance)]

        registers = Registers(m, schedule, advance)
        for node in range(graph.inputs):
            registers.make(node, self.i.payload.values[node])
        adders = range(graph.inputs, graph.inputs + graph.adders)
        for node in sorted(adders, key=lambda node: schedule.stage_of[node]):
            inverted = self.complements and bool(graph.inverted[node])
            total = self._sum(m, registers, node - graph.inputs, schedule.stage_of[node])
            registers.make(node, total, inverted)
        for output, node in enumerate(graph.outputs):
            if node != ZERO:
                m.d.comb += self.o.payload.values[output].eq(registers.read(node, schedule.stages + 1))

        valid: Value = self.i.valid
        first, last = self.i.payload.first, self.i.payload.last
        for stage in range(1, schedule.stages + 1):
            valid_next = Signal(name=f"valid_{stage}")
            first_next, last_next = (
                Signal(name=f"{name}_{stage}", reset_less=True) for name in ("first", "last")
            )
            with m.If(advance):
                m.d.sync += [valid_next.eq(valid), first_next.eq(first), last_next.eq(last)]
            valid, first, last = valid_next, first_next, last_next
        m.d.comb += [self.o.valid.eq(valid), self.o.payload.first.eq(first), self.o.payload.last.eq(last)]
        return m

    def _sum(self, m: Module, registers: Registers, adder: int, stage: int) -> Value:
        """The signal of an adder's node, from its operands' signals in the same stage."""
        graph = self.graph
        node = graph.inputs + adder
        read = [self.complements and bool(complement) for complement in graph.complemented[adder]]
        left, right = (
            Const(-1 if complement else 0, signed(1))
            if operand == ZERO
            else registers.read(int(operand), stage, complement)
            for operand, complement in zip(graph.operands[adder], read, strict=True)
        )
        width = int(graph.widths[node])
        if self.complements:
            # As they are read, and with the carry, the operands give the node; with the left one inverted,
            # its complement.
            inverted = read[0] != bool(graph.inverted[node])
            component = Adder(len(left), len(right), width, carry=read[1], complement_sum=inverted)
        else:
            component = Adder(len(left), len(right), width, subtract=bool(graph.subtract[adder]), pairs=True)
        m.submodules[f"{ADDER_NAME}_{adder}"] = component
        m.d.comb += [component.left.eq(left), component.right.eq(right)]
        return component.sum
