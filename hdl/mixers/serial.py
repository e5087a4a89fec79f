"""The serial mixer: the adder graph a bit a cycle, two look-up tables an addition."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from hdl.mixers.pipeline import Registers, Schedule
from hdl.primitives.component import Component
from hdl.primitives.streams import vectors
from quantize.mixing import AdderGraph
from quantize.mixing.graph import ZERO


class SerialMixer(Component):
    """`quantize.mixing.AdderGraph` with a full adder for every node, lowest bits first.

    An input's word stays sign-extended as long as the sums need. A subtraction adds the inverted bit and
    starts with a carry, both inside the adder's look-up tables. All words move or stand: they stand while a
    product waits at the output.

    Parameters
    ----------
    graph : AdderGraph
    adders_per_stage : int
        Adders in a row between two registers.

    Members
    -------
    i : In(stream of Vector), x
    o : Out(stream of Vector), y
    """

    def __init__(self, graph: AdderGraph, adders_per_stage: int = 2):
        self.graph = graph
        self.schedule = Schedule(graph, adders_per_stage)
        product = graph.product
        super().__init__(
            {
                "i": In(vectors(product.input_width, product.inputs)),
                "o": Out(vectors(product.sum_width, product.outputs)),
            }
        )

    @property
    def cycles_per_product(self) -> int:
        """From one vector to the next: a cycle a bit of the sums."""
        return self.graph.product.sum_width

    @property
    def latency(self) -> int:
        """Cycles from a vector to its product."""
        return self.cycles_per_product + self.schedule.stages + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        graph, schedule = self.graph, self.schedule
        advance = Signal()
        m.d.comb += advance.eq(self.o.ready | ~self.o.valid)
        take, ending, running = self._count(m, advance)
        registers = Registers(m, schedule, advance)
        for node in range(graph.inputs):
            word = Signal(graph.product.input_width, name=f"word_{node}", reset_less=True)
            with m.If(take):
                m.d.sync += word.eq(self.i.payload.values[node])
            with m.Elif(advance):
                m.d.sync += word.eq(Cat(word[1:], word[-1]))
            registers.make(node, word[0])

        # What accompanies the bits from stage to stage; the last entry belongs to the outputs.
        endings: list[Value] = [ending]
        done: Value = running & ending
        marks: Value = Signal(2, reset_less=True)
        with m.If(take):
            m.d.sync += marks.eq(Cat(self.i.payload.first, self.i.payload.last))
        for stage in range(1, schedule.stages + 1):
            ending_next = Signal(name=f"ending_{stage}", init=1)
            done_next = Signal(name=f"done_{stage}")
            marks_next = Signal(2, name=f"marks_{stage}", reset_less=True)
            with m.If(advance):
                m.d.sync += [ending_next.eq(endings[-1]), done_next.eq(done), marks_next.eq(marks)]
            endings.append(ending_next)
            done, marks = done_next, marks_next

        for adder in range(graph.adders):
            self._add(m, adder, registers, endings, advance)
        self._leave(m, registers, done, marks, advance)
        return m

    def _count(self, m: Module, advance: Signal) -> tuple[Signal, Signal, Signal]:
        """A word is taken; none of its bits follows that in stage 1, or there is no word; there is one.

        In the cycle after such an end a word's first bit may come, so the carries are set.
        """
        bits = self.cycles_per_product
        following = Signal(range(bits))
        running = Signal()
        ending, take = Signal(), Signal()
        m.d.comb += [
            ending.eq(following == 0),
            take.eq(self.i.valid & advance & ending),
            self.i.ready.eq(advance & ending),
        ]
        with m.If(take):
            m.d.sync += [following.eq(bits - 1), running.eq(1)]
        with m.Elif(advance):
            m.d.sync += running.eq(~ending)
            with m.If(~ending):
                m.d.sync += following.eq(following - 1)
        return take, ending, running

    def _add(
        self, m: Module, adder: int, registers: Registers, endings: list[Value], advance: Signal
    ) -> None:
        """A node's full adder, its carry set at the end of a word."""
        graph = self.graph
        node = graph.inputs + adder
        stage = self.schedule.stage_of[node]
        left, right = (int(operand) for operand in graph.operands[adder])
        augend = Const(0) if left == ZERO else registers.read(left, stage)
        subtract = int(graph.subtract[adder])
        addend = ~registers.read(right, stage) if subtract else registers.read(right, stage)
        carry = Signal(name=f"carry_{node}", reset_less=True)
        total = augend ^ addend ^ carry
        carry_next = (augend & addend) | (carry & (augend | addend))
        with m.If(advance):
            with m.If(endings[stage - 1]):
                m.d.sync += carry.eq(subtract)
            with m.Else():
                m.d.sync += carry.eq(carry_next)
        bit = Signal(name=f"sum_{node}")
        m.d.comb += bit.eq(total)
        registers.make(node, bit)

    def _leave(self, m: Module, registers: Registers, done: Value, marks: Value, advance: Signal) -> None:
        """Sums leave as words, pushed in from the top."""
        valid = Signal()
        out_marks = Signal(2, reset_less=True)
        with m.If(advance):
            m.d.sync += [valid.eq(done), out_marks.eq(marks)]
        for output, node in enumerate(self.graph.outputs):
            if node != ZERO:
                word = Signal(self.cycles_per_product, name=f"output_{output}", reset_less=True)
                with m.If(advance):
                    m.d.sync += word.eq(Cat(word[1:], registers.read(int(node), self.schedule.stages + 1)))
                m.d.comb += self.o.payload.values[output].eq(word)
        m.d.comb += [
            self.o.valid.eq(valid),
            Cat(self.o.payload.first, self.o.payload.last).eq(out_marks),
        ]
