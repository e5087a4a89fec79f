"""Foldings from what a manifest says of them."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from hdl.devices.devices import Device
from hdl.network.folding import Folding, LayerFolding
from hdl.network.kinds import ARRAYS
from hdl.primitives.drafts import drafts
from hdl.ssm.component import ArrayFolding
from quantize.errors import StatespikeError
from quantize.layers.array import ArraySpec
from quantize.network import QuantizedNetwork


def folding_of(schedule: Mapping[str, Any], network: QuantizedNetwork, device: Device) -> Folding:
    """The folding that a manifest's schedule describes; see `hdl.emit.manifest.manifest_of`.

    Parameters
    ----------
    schedule : mapping
        The manifest's entry, with `decoder_lanes`, and `single_port_bits` and `buffers_in_blocks` of its
        tables (`hdl.emit.loaded.placed_tables`).
    network : QuantizedNetwork
        Of the manifest.
    device : Device

    Raises
    ------
    StatespikeError
        If the network has no such folding here.
    """
    target = replace(device.features, buffers_in_blocks=schedule["buffers_in_blocks"])
    if schedule["folded"]:
        target = replace(target, tables_in_blocks=True)
    layers = tuple(
        LayerFolding(**{**layer, "array": _array_folding(layer["array"], block.array, device, schedule)})
        for layer, block in zip(schedule["layers"], network.blocks, strict=False)
    )
    return Folding(
        layers,
        encoder_bits=schedule["encoder_bits"],
        decoder_lanes=schedule["decoder_lanes"],
        streamed=schedule["streamed"],
        target=target,
        folded=schedule["folded"],
        single_port_bits=tuple(schedule["single_port_bits"]),
    )


def _array_folding(
    described: Mapping[str, Any], spec: ArraySpec, device: Device, schedule: Mapping[str, Any]
) -> ArrayFolding:
    kind = ARRAYS[spec.kind]
    with drafts():
        choices = (
            kind.streamed_foldings(spec, device.dsps)
            if schedule["streamed"]
            else kind.foldings(spec, device.features)
        )
    found = next((each for each in choices if asdict(each) == described), None)
    if found is None:
        raise StatespikeError(f"there is no array of {dict(described)} here; run `statespike build` again")
    return found
