"""The pipeline that tests put before the outlets of `hdl.primitives.deep_fifo`."""

from amaranth.hdl import Module, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.primitives.deep_fifo import CreditFifo, RegisterCreditFifo
from hdl.primitives.registers import delayed


class Pipeline(wiring.Component):
    """Nothing but registers between a stream and an outlet, a short one if a period is given."""

    def __init__(self, latency: int, period: int | None = None, width: int = 8):
        self.latency, self.period, self.width = latency, period, width
        values = stream.Signature(signed(width))
        super().__init__({"i": In(values), "o": Out(values)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        outlet: CreditFifo | RegisterCreditFifo
        if self.period is None:
            outlet = CreditFifo(signed(self.width), self.latency)
        else:
            outlet = RegisterCreditFifo(signed(self.width), self.latency, self.period)
        m.submodules.outlet = outlet
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        m.d.comb += [
            self.i.ready.eq(outlet.room),
            outlet.enter.eq(self.i.valid & self.i.ready),
            outlet.arrive.eq(delayed(m, outlet.enter, self.latency)),
            outlet.value.eq(delayed(m, self.i.payload, self.latency)),
        ]
        return m
