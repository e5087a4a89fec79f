"""Two banks of pooled values: an answer is collected while the one before is decoded."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from hdl.primitives.counters import StepGate, channel_counter
from hdl.primitives.fifo import RegisterFifo
from hdl.primitives.memory import ram
from quantize.layers.head import POOLED_WIDTH

BANKS = 2


class AnswerBanks:
    """Answers that are collected, the oldest one to be read.

    Parameters
    ----------
    m : Module
        Receives the memory and its counters.
    channels : int
    i : stream of AnswerValue
        As a component's own port.
    leaves : Value
        The oldest answer was read; its bank is free again.

    Attributes
    ----------
    read : ReadPort
    bank : Signal
        Address of the oldest answer's first value.
    marks : RegisterFifo
        `begins` and `ends` of the answers that are complete.
    """

    def __init__(self, m: Module, channels: int, i, leaves: Value):
        write, self.read = ram(m, "pooled", BANKS * channels, POOLED_WIDTH, quick=True)
        m.submodules.gate = gate = StepGate(channels, BANKS)
        m.submodules.marks = self.marks = RegisterFifo(2, BANKS)
        collected, _ = channel_counter(m, "collected", BANKS * channels, gate.take)
        self.bank = Signal(range(BANKS * channels), name="bank")
        m.d.comb += [
            i.ready.eq(gate.ready),
            gate.take.eq(i.valid & gate.ready),
            gate.step_leaves.eq(leaves),
            write.en.eq(gate.take),
            write.addr.eq(collected),
            write.data.eq(i.payload.value),
            self.marks.i.valid.eq(gate.ends),
            self.marks.i.payload.eq(Cat(i.payload.begins, i.payload.ends)),
            self.marks.o.ready.eq(leaves),
        ]
        with m.If(leaves):
            m.d.sync += self.bank.eq(Mux(self.bank == 0, channels, 0))
