"""What the page tells of a network: everything is computed here, nothing is drawn."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hdl.devices.devices import find_device
from hdl.energy.step import StepEnergy, step_energy
from hdl.planning.explain import ComponentCost, explain
from hdl.planning.planner import Plan, plan_network
from quantize.checkpoint import Checkpoint
from quantize.convert import Precision, quantise
from quantize.float_reference import FloatNetwork
from quantize.formats import Format, Integers
from quantize.inputs import input_format
from quantize.network import QuantizedNetwork
from quantize.scores import Classification
from quantize.survey import Samples, observe
from statespike.library.energy import energy_costs

SHOWN_STEPS = 128
"""Of a sequence, in the raster."""
LOOKED_AT = 32
"""Test sequences, the first ones, over which layers are looked at."""


@dataclass(frozen=True)
class LayerFindings:
    """The values of one place in the network.

    Parameters
    ----------
    name : str
        Of the tap.
    format : Format
    magnitudes : (width,)
        How many values need 0, 1, ... bits for their magnitude.
    largest : float
        Magnitude of the largest value in shares of the range.
    snr_db : float or None
        Of the integers against real arithmetic; None where real arithmetic has no such tap.
    """

    name: str
    format: Format
    magnitudes: Integers
    largest: float
    snr_db: float | None


@dataclass(frozen=True)
class Findings:
    """Of one network on one device; `rasters` are a sequence's activations, (steps, channels) a layer."""

    network: QuantizedNetwork
    plan: Plan
    components: list[ComponentCost]
    layers: list[LayerFindings]
    rasters: list[Integers]
    confusion: Integers
    costs: dict[str, Any]
    energy: StepEnergy | None


def formats_of(network: QuantizedNetwork) -> dict[str, Format]:
    """The format of every tap."""
    found = {"encoder": network.encoder.output}
    for index, block in enumerate(network.blocks):
        if block.norm_before is not None:
            found[f"norm_{index}"] = block.norm_before.output
        found[f"array_{index}"] = block.array.output
        found[f"layer_{index}"] = block.unit.output
    if network.norm is not None:
        found["norm"] = network.norm.output
    return found


def findings_of(
    checkpoint: Checkpoint, calibration: Samples, test: Samples, bits: int, device: str
) -> Findings:
    """Look into a network in integers of so many bits.

    Raises
    ------
    StatespikeError
        If the sequences do not suit it, or a tool is missing or fails.
    """
    network = quantise(
        checkpoint, calibration.x, input_format(calibration.x), Precision(bits), calibration.lengths
    )
    plan = plan_network(network, find_device(device), oversize=True)
    x, lengths = test.x[:LOOKED_AT], None if test.lengths is None else test.lengths[:LOOKED_AT]
    taps = network.compute(network.inputs(x), lengths).taps
    real = dict(FloatNetwork(checkpoint).taps(x.astype(np.float64)))
    valid = np.arange(x.shape[1]) < (np.full(len(x), x.shape[1]) if lengths is None else lengths)[:, None]
    layers = [
        _layer(name, form, taps[name][valid], real[name][valid] if name in real else None)
        for name, form in formats_of(network).items()
    ]
    rasters = []
    for index, block in enumerate(network.blocks):
        found = block.unit.activations(taps[f"array_{index}"][:1])
        mixed = found[0] if isinstance(found, tuple) else found
        rasters.append(np.sign(mixed[0][valid[0]][:SHOWN_STEPS]))
    observed = observe(network, test.x, test.y, test.lengths)
    logits = network.compute(network.inputs(test.x), test.lengths, taps=False).logits
    power = plan.device.power
    return Findings(
        network=network,
        plan=plan,
        components=explain(network, plan),
        layers=layers,
        rasters=rasters,
        confusion=Classification.of(test.y, logits.argmax(1), network.classes).confusion,
        costs=energy_costs(network, plan, observed),
        energy=None if power is None else step_energy(network, plan, power, clock_mhz=plan.clock_mhz),
    )


def _layer(name: str, form: Format, integers: Integers, real: NDArray[np.float64] | None) -> LayerFindings:
    magnitude = np.where(integers < 0, -integers - 1, integers)
    bits = np.frexp(magnitude.astype(np.float64))[1]
    snr = None
    if real is not None:
        noise = float(((form.real(integers) - real) ** 2).mean())
        signal = float((real**2).mean())
        snr = 10 * np.log10(signal / noise) if noise > 0 and signal > 0 else None
    return LayerFindings(
        name,
        form,
        np.bincount(bits.ravel(), minlength=form.width)[: form.width].astype(np.int64),
        float(magnitude.max(initial=0)) / form.maximum,
        None if snr is None else float(snr),
    )
