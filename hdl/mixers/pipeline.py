"""An adder graph cut into pipeline stages, and the registers between them."""

from amaranth.hdl import Module, Shape, Signal, Value

from quantize.formats import Integers
from quantize.mixing import AdderGraph
from quantize.mixing.graph import ZERO


class Schedule:
    """In which stage each node is added: as early as it can be.

    Parameters
    ----------
    graph : AdderGraph
    adders_per_stage : int
        Adders in a row between two registers, at least 1.
    """

    def __init__(self, graph: AdderGraph, adders_per_stage: int):
        if adders_per_stage < 1:
            raise ValueError(f"a stage has at least one adder, not {adders_per_stage}")
        # The inputs are there in stage 1, with the first adders.
        self.stage_of = [max(1, -(-int(level) // adders_per_stage)) for level in graph.levels]
        self.stages = max(self.stage_of)


def register_bits(graph: AdderGraph, schedule: Schedule, widths: Integers) -> int:
    """Flip-flops that `Registers` makes for a graph whose nodes have these widths."""
    until = list(schedule.stage_of)
    for adder, operands in enumerate(graph.operands):
        for node in operands[operands != ZERO]:
            until[node] = max(until[node], schedule.stage_of[graph.inputs + adder])
    for node in graph.outputs[graph.outputs != ZERO]:
        until[node] = schedule.stages + 1
    return sum(
        int(width) * (last - made) for width, last, made in zip(widths, until, schedule.stage_of, strict=True)
    )


class Registers:
    """Carries signals from the stage that makes them to those that read them, by registers made on demand.

    Parameters
    ----------
    m : Module
        Receives the registers.
    schedule : Schedule
    advance : Value
        The pipeline moves.
    """

    def __init__(self, m: Module, schedule: Schedule, advance: Value):
        self.m, self.schedule, self.advance = m, schedule, advance
        self._ages: dict[int, list[Value]] = {}

    def make(self, node: int, value: Value) -> None:
        """`value` is what the node's signal carries in its own stage."""
        self._ages[node] = [value]

    def read(self, node: int, stage: int) -> Value:
        """The node's signal in a stage at or behind its own."""
        ages = self._ages[node]
        while len(ages) <= stage - self.schedule.stage_of[node]:
            register = Signal(Shape.cast(ages[0].shape()), name=f"node_{node}_{len(ages)}", reset_less=True)
            with self.m.If(self.advance):
                self.m.d.sync += register.eq(ages[-1])
            ages.append(register)
        return ages[stage - self.schedule.stage_of[node]]
