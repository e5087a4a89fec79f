# amaranth: UnusedElaboratable=no
"""The single-port memory of the UP5K does what its portable twin does."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from hdl.devices.devices import find_device
from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.primitives.single_port import SinglePortMemory
from hdl.primitives.streams import Logit, beats
from hdl.toolchain import Expected, synthesise
from hdl.toolchain.verilog import rtlil_text
from sim.backends import backend
from sim.backends.netlist import Netlist
from sim.stimulus import Stimulus


class Echo(Component):
    """A sequence into the memory; after its last step, all of it out again."""

    def __init__(self, depth: int, target: DeviceFeatures = MULTIPLIER_BLOCKS):
        self.depth, self.target = depth, target
        super().__init__({"i": In(beats(8)), "o": Out(stream.Signature(Logit(8)))})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.memory = memory = SinglePortMemory(self.depth, 8, self.target)
        address, end = Signal(range(self.depth)), Signal(range(self.depth))
        m.d.comb += [
            memory.address.eq(address),
            memory.w_data.eq(self.i.payload.value),
            self.o.payload.value.eq(memory.r_data),
            self.o.payload.last.eq(address == end),
        ]
        with m.FSM():
            with m.State("FILL"):
                m.d.comb += [self.i.ready.eq(1), memory.write.eq(self.i.valid)]
                with m.If(self.i.valid):
                    m.d.sync += address.eq(address + 1)
                    with m.If(self.i.payload.last):
                        m.d.sync += [end.eq(address), address.eq(0)]
                        m.next = "READ"
            with m.State("READ"):
                m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += address.eq(address + 1)
                    m.next = "READ"
                    with m.If(self.o.payload.last):
                        m.d.sync += address.eq(0)
                        m.next = "FILL"
        return m


PACES = [{}, {"input_gaps": 0.8}, {"output_stalls": 0.8}, {"input_gaps": 0.5, "output_stalls": 0.5}]


@pytest.mark.parametrize("pace", PACES)
def test_words_come_back(draw, pace):
    x = draw(3, 16, 1, seed=8)
    run = backend("amaranth").run(Echo(16), Stimulus(list(x), **pace))
    assert np.array_equal(run.logits, x[:, :, 0])


@pytest.mark.slow
@pytest.mark.synth
@pytest.mark.cosim
def test_the_cell_equals_its_portable_twin(draw, tmp_path):
    x = draw(2, 300, 1, seed=9)
    stimulus = Stimulus(list(x), input_gaps=0.3, output_stalls=0.5)
    up5k = find_device("up5k")
    design = Echo(512, up5k.features)
    text = rtlil_text(design, platform=up5k.family)
    synthesis = synthesise(text, up5k, tmp_path, Expected(bram=0, spram=1))
    run = Netlist(synthesis.rtlil, synthesis.device).run(design, stimulus, tmp_path)
    assert np.array_equal(run.logits, x[:, :, 0])
    assert run.cycles == backend("amaranth").run(Echo(512), stimulus).cycles


def test_memory_larger_than_the_cell_is_refused():
    up5k = find_device("up5k")
    with pytest.raises(ValueError, match="has 16384 words, not more"):
        rtlil_text(SinglePortMemory((1 << 14) + 1, 16, up5k.features), platform=up5k.family)
