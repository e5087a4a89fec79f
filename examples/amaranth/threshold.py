"""A design in Amaranth with a network inside: is a digit above 4? Simulated, against the reference."""

import numpy as np
from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

import statespike


class LargeDigit(wiring.Component):
    """Whether the largest logit of a sequence is that of a class above 4."""

    def __init__(self, network):
        self.classifier = statespike.component(network, "ecp5-25k")
        beat = self.classifier.i.payload.shape()
        super().__init__({"i": In(stream.Signature(beat)), "o": Out(stream.Signature(1))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.classifier = classifier = self.classifier
        wiring.connect(m, wiring.flipped(self.i), classifier.i)

        logit = classifier.o.payload
        place, best, best_place = Signal(4), Signal(signed(logit.value.shape().width)), Signal(4)
        larger = (place == 0) | (logit.value > best)
        winner = Signal(4)
        m.d.comb += [
            winner.eq(Mux(larger, place, best_place)),
            classifier.o.ready.eq(~self.o.valid),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(classifier.o.valid & classifier.o.ready):
            m.d.sync += [best_place.eq(winner), place.eq(Mux(logit.last, 0, place + 1))]
            with m.If(larger):
                m.d.sync += best.eq(logit.value)
            with m.If(logit.last):
                m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(winner > 4)]
        return m


def main() -> None:
    checkpoint = statespike.load("digits-prf")
    assert isinstance(checkpoint, statespike.Checkpoint)
    network = statespike.quantise(checkpoint)
    design = LargeDigit(network)
    x = statespike.load_task("digits").test.x[:4]
    words = network.inputs(x)
    expected = [int(row.argmax() > 4) for row in network.compute(words).logits]
    answers = []

    async def source(ctx):
        for steps in words:
            for step, row in enumerate(steps):
                for value in row:
                    beat = {"first": step == 0, "last": step == len(steps) - 1, "value": int(value)}
                    await stream_put(ctx, design.i, beat)

    async def sink(ctx):
        ctx.set(design.o.ready, 1)
        for _ in expected:
            (bit,) = await ctx.tick().sample(design.o.payload).until(design.o.valid)
            answers.append(int(bit))

    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source, background=True)
    simulator.add_testbench(sink)
    simulator.run()
    assert np.array_equal(answers, expected), f"{answers} instead of {expected}"
    print(f"PASS: {answers}")


async def stream_put(ctx, port, payload) -> None:
    """Offer a payload until it is taken."""
    ctx.set(port.payload, payload)
    ctx.set(port.valid, 1)
    await ctx.tick().until(port.ready)
    ctx.set(port.valid, 0)


if __name__ == "__main__":
    main()
