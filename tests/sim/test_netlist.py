"""The synthesised netlist behaves as the design that it was made of."""

import pytest

from hdl.devices.devices import find_device
from hdl.devices.ecp5 import ECP5
from hdl.network.folding import Folding, LayerFolding
from hdl.network.top import Network
from hdl.ssm.leapfrog import LeapfrogFolding
from hdl.toolchain import Expected, synthesise
from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError
from sim.backends import backend
from sim.backends.netlist import Netlist
from sim.compare import compare
from sim.stimulus import Stimulus
from tests.networks import INPUT, random_network, random_samples


@pytest.mark.slow
@pytest.mark.synth
@pytest.mark.cosim
def test_netlist_is_exact_and_takes_the_same_cycles(tiny, draw, tmp_path):
    design = tiny(4, pause=2)
    x = draw(3, 20, 4)
    stimulus = Stimulus(list(x), input_gaps=0.3, output_stalls=0.3, reset_after=9)
    synthesis = synthesise(rtlil_text(design), find_device("up5k"), tmp_path)
    run = Netlist(synthesis.rtlil, synthesis.device).run(design, stimulus, tmp_path)
    comparison = compare(design.compute(x), run)
    assert comparison.bit_exact, comparison.first_mismatch
    assert run.cycles == backend("amaranth").run(design, stimulus).cycles


def test_part_without_models_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(type(ECP5), "simulation_models", ())
    with pytest.raises(
        StatespikeError,
        match="no simulation models of all cells of ecp5-25k, only of those of iCE40 and Gowin",
    ):
        Netlist(tmp_path, find_device("ecp5-25k"))


@pytest.mark.slow
@pytest.mark.synth
@pytest.mark.cosim
@pytest.mark.parametrize(
    ("device", "channels", "layer", "modes", "bits"),
    [
        ("up5k", 32, LayerFolding(LeapfrogFolding(2), 2), 2, 1),
        ("up5k", 32, LayerFolding(LeapfrogFolding(2, has_helper=True), 4, sequential=True), 4, 2),
        ("gw1nr-9c", 32, LayerFolding(LeapfrogFolding(2), 2), 2, 1),
        ("ecp5-25k", 6, LayerFolding(LeapfrogFolding(2), 2), 2, 1),
    ],
)
def test_netlist_of_a_network_equals_its_reference(device, channels, layer, modes, bits, tmp_path):
    """Registers before and behind the mixer's multiplier once made synthesis build another circuit."""
    target, network = find_device(device), random_network("gsu", channels, modes, 1, seed=3)
    design = Network(network, Folding((layer,), encoder_bits=bits, target=target.features), taps=True)
    samples = INPUT.quantise(random_samples(1, 8, seed=1))
    synthesis = synthesise(
        rtlil_text(design, platform=target.family),
        target,
        tmp_path,
        Expected(spram=3 if target.sprams else 0),
        no_collisions=True,
    )
    run = Netlist(synthesis.rtlil, synthesis.device).run(design, Stimulus(list(samples)), tmp_path)
    comparison = compare(network.compute(samples), run)
    assert comparison.bit_exact, comparison.first_mismatch
