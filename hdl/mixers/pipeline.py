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
        # By node, and whether it is the complement: the age of its first signal, and that signal's registers.
        self._ages: dict[tuple[int, bool], tuple[int, list[Value]]] = {}

    def make(self, node: int, value: Value, complement: bool = False) -> None:
        """`value` is what the node's signal carries in its own stage: the node, or its complement."""
        self._ages[node, complement] = 0, [value]

    def read(self, node: int, stage: int, complement: bool = False) -> Value:
        """The node, or its complement, in a stage at or behind its own.

        Where it does not come so, inverters make it at its first reader. Readers come in the order of stages.
        """
        age = stage - self.schedule.stage_of[node]
        if (node, complement) not in self._ages:
            value = self.read(node, stage, not complement)
            inverse = Signal(Shape.cast(value.shape()), name=f"inverse_{node}")
            self.m.d.comb += inverse.eq(~value)
            self._ages[node, complement] = age, [inverse]
        first, signals = self._ages[node, complement]
        while first + len(signals) <= age:
            name = f"{'complement' if complement else 'node'}_{node}_{first + len(signals)}"
            register = Signal(Shape.cast(signals[0].shape()), name=name, reset_less=True)
            with self.m.If(self.advance):
                self.m.d.sync += register.eq(signals[-1])
            signals.append(register)
        return signals[age - first]
