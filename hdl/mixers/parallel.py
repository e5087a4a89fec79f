"""The parallel mixer: every addition has an adder of its own, and a vector enters in every cycle."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.mixers.pipeline import Registers, Schedule
from hdl.primitives.adder import ADDER_NAME, Adder
from hdl.streams import vectors
from quantize.mixing import AdderGraph
from quantize.mixing.graph import ZERO


class ParallelMixer(wiring.Component):
    """`quantize.mixing.AdderGraph` with an adder for every node.

    The whole pipeline moves or stands: it stands while a product waits at the output.

    Parameters
    ----------
    graph : AdderGraph
    complements : bool
        Signals carry complements as the graph says, so that there is nothing but additions: for parts whose
        adders invert their sum at no cost, but no operand (iCE40). Otherwise all signals are plain.
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
        for adder in range(graph.adders):
            node = graph.inputs + adder
            registers.make(node, self._sum(m, registers, adder, schedule.stage_of[node]))
        for output, node in enumerate(graph.outputs):
            if node != ZERO:
                value = registers.read(node, schedule.stages + 1)
                complement = self.complements and bool(graph.inverted[node])
                m.d.comb += self.o.payload.values[output].eq(~value if complement else value)

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
        left, right = (int(operand) for operand in graph.operands[adder])
        left_width = 1 if left == ZERO else int(graph.widths[left])
        right_width, width = int(graph.widths[right]), int(graph.widths[node])
        if self.complements:
            read = [bool(complement) for complement in graph.complemented[adder]]
            made = [operand != ZERO and bool(graph.inverted[operand]) for operand in (left, right)]
            # As they are read, and with the carry, the operands give the node; with the left one inverted,
            # its complement.
            m.submodules[f"{ADDER_NAME}_{adder}"] = component = Adder(
                left_width,
                right_width,
                width,
                complement_left=read[0] != made[0],
                complement_right=read[1] != made[1],
                carry=read[1],
                complement_sum=read[0] != bool(graph.inverted[node]),
            )
        else:
            m.submodules[f"{ADDER_NAME}_{adder}"] = component = Adder(
                left_width, right_width, width, subtract=bool(graph.subtract[adder])
            )
        if left != ZERO:
            m.d.comb += component.left.eq(registers.read(left, stage))
        m.d.comb += component.right.eq(registers.read(right, stage))
        return component.sum
