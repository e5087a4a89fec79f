"""The circuit counts the values that it clips exactly as the integer reference does."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Const, Elaboratable, Module, Mux, Signal
from amaranth.sim import Simulator

from hdl.devices.devices import find_device
from hdl.devices.features import MULTIPLIER_BLOCKS
from hdl.emit.generate import convert, generate
from hdl.emit.interface import interface_of
from hdl.network.counted import COUNTER_WIDTH, TOGETHER, CountedNetwork, counter_ports
from hdl.network.folding import Folding, LayerFolding
from hdl.planning.planner import plan_network
from hdl.primitives.clips import KINDS, ClipCounters, LayerClips, tell_clip
from hdl.ssm.component import ArrayFolding
from hdl.ssm.leapfrog import LeapfrogFolding
from quantize.errors import StatespikeError
from quantize.layers.ends import EncoderSpec
from quantize.network import QuantizedNetwork
from quantize.shared import with_shared_formats
from tests.hdl.bench import Pressure, run_stream, step_beats
from tests.networks import overdriven_network, random_network, random_samples

CASES = {
    "one multiplier": ("s4d", LeapfrogFolding(1), False),
    "two multipliers": ("s4d", LeapfrogFolding(2), False),
    "three multipliers": ("s4d", LeapfrogFolding(3), False),
    "four multipliers": ("s4d", LeapfrogFolding(4), False),
    "a helper": ("s4d", LeapfrogFolding(2, has_helper=True), False),
    "one lane": ("s4d", LeapfrogFolding(2), True),
    "three lanes": ("s4d", LeapfrogFolding(4, 3), True),
    "real modes, one multiplier": ("s4d_real", ArrayFolding(1), False),
    "real modes, two multipliers": ("s4d_real", ArrayFolding(2), False),
}


@pytest.mark.parametrize("case", CASES)
def test_counters_equal_the_references_counts(case):
    array, folding, streamed = CASES[case]
    network = overdriven_network(array, 3, 5)
    u = network.inputs(random_samples(2, 12, seed=1))
    lengths = np.array([12, 7])
    expected = network.compute(u, lengths).saturations
    design = CountedNetwork(
        network, Folding((LayerFolding(folding, 1),), encoder_bits=None, streamed=streamed)
    )
    beats = [
        beat
        for sequence, length in zip(u, lengths, strict=True)
        for beat in step_beats(sequence[:length], network.input.width)
    ]
    found = run_stream(
        design, beats, 2 * network.classes, [Pressure(0.2, 0.3)], seed=3,
        at_end=[getattr(design, name) for name in counter_ports(1)],
    )  # fmt: skip
    kinds = ["array_0 inputs", "array_0 states", "array_0 outputs", "layer_0 sums"]
    assert found.at_end == [expected[kind] for kind in kinds]
    assert all(expected[kind] > 0 for kind in kinds), expected


def test_a_counter_adds_events_of_one_cycle_and_stays_at_its_largest_value():
    class Loud(Elaboratable):
        def __init__(self, layer):
            self.layer = layer

        def elaborate(self, platform):
            m = Module()
            cycle = Signal(4)
            m.d.sync += cycle.eq(Mux(cycle == 15, 15, cycle + 1))
            for kind in KINDS:
                tell_clip(m, getattr(self.layer, kind), cycle < 3, Const(4, 4), 3)
            tell_clip(m, self.layer.states, cycle < 1, Const(-5, 4), 3)
            tell_clip(m, self.layer.states, cycle < 1, Const(-4, 4), 3)
            return m

    layer = LayerClips()
    top, counters = Module(), ClipCounters([layer], 2)
    top.submodules.loud, top.submodules.counters = Loud(layer), counters
    simulator = Simulator(top)
    simulator.add_clock(1e-6)

    async def watch(ctx):
        await ctx.tick().repeat(10)
        assert [ctx.get(getattr(counters, f"{kind}_0")) for kind in KINDS] == [3, 3, 3, 3]
        assert len(layer.states) == 3

    simulator.add_testbench(watch)
    simulator.run()


def test_it_is_written_with_its_counters_as_an_interface(tmp_path):
    network = overdriven_network("s4d", 3, 2)
    plan = plan_network(network, find_device("ecp5-25k"))
    manifest = generate(
        convert(network, plan, synthesis=False, interface=interface_of("counted")), tmp_path / "out"
    )
    assert manifest["interface"] == "counted"
    assert set(counter_ports(1)) <= set(manifest["ports"])
    assert {manifest["top"]["ports"][name]["width"] for name in counter_ports(1)} == {COUNTER_WIDTH}


@pytest.mark.parametrize(("model", "multipliers"), [("gsu_lean", 1), ("gsu", 2), ("binary_s4d", 2)])
def test_a_block_for_all_layers_counts_those_of_all_together(model, multipliers):
    network = overdriven(model)
    u = network.inputs(random_samples(2, 12, seed=1))
    expected = network.compute(u).saturations
    design = CountedNetwork(network, folded(multipliers))
    beats = [beat for sequence in u for beat in step_beats(sequence, network.input.width)]
    found = run_stream(
        design, beats, 2 * network.classes, [Pressure(0.2, 0.3)], seed=3,
        at_end=[getattr(design, name) for name in counter_ports(TOGETHER)],
    )  # fmt: skip
    sums = [
        sum(count for name, count in expected.items() if name.startswith(part) and name.endswith(f" {kind}"))
        for part, kind in (("array", "inputs"), ("array", "states"), ("array", "outputs"), ("layer", "sums"))
    ]
    assert found.at_end == sums
    assert all(count > 0 for count in sums), expected
    assert counter_ports(TOGETHER)[0] == "clipped_inputs_all"


def overdriven(model: str) -> QuantizedNetwork:
    """A network of two layers in common formats, whose values are clipped."""
    network = with_shared_formats(random_network(model, 3, 5, 2, seed=1))
    top = np.full(3, 32767)
    blocks = tuple(
        replace(block, array=replace(block.array, offset=top // 2, skip=top)) for block in network.blocks
    )
    assert isinstance(network.encoder, EncoderSpec)
    return replace(network, encoder=replace(network.encoder, bias=top - 100), blocks=blocks)


def folded(multipliers: int) -> Folding:
    """One block for all layers."""
    target = replace(MULTIPLIER_BLOCKS, tables_in_blocks=True)
    layer = LayerFolding(LeapfrogFolding(multipliers), 1)
    return Folding((layer,), encoder_bits=None, target=target, folded=True)


def test_counts_of_each_layer_are_not_written_of_a_block_for_all():
    network = with_shared_formats(random_network("gsu_lean", 2, 1, 2, seed=1))
    with pytest.raises(StatespikeError, match="counts of each layer's clipped values are not made there"):
        interface_of("counted").component(network, folded(1))
