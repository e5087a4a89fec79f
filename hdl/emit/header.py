"""The comment at the head of a circuit's Verilog: what its reader must know, from the manifest."""

from collections.abc import Mapping
from typing import Any

from quantize.words import count


def header_of(manifest: Mapping[str, Any]) -> list[str]:
    """Lines of the comment, from a manifest of `hdl.emit.manifest.manifest_of`."""
    layers, modes = count(manifest["layers"], "layer"), count(manifest["modes"], "mode")
    place = f"the board {manifest['board']}" if "board" in manifest else f"the device {manifest['device']}"
    return [
        f"Written by statespike {manifest['tools']['statespike']} for {place}.",
        f"Network: {manifest['model']}, {layers} of {count(manifest['channels'], 'channel')} and {modes},",
        f"SHA-256 of its numbers {manifest['network_sha256']}",
        f"Input: {_format(manifest['formats']['input'])}; logits: {_format(manifest['formats']['logits'])}.",
        f"Rounding: {manifest['rounding']}.",
        f"Overflow: {manifest['overflow']}.",
        f"Longest sequence: {manifest['overrun']}.",
        "The Apache License 2.0 of statespike does not extend to this text. The numbers in it are the",
        "network's, under the terms of whoever trained it.",
    ]


def _format(entry: Mapping[str, Any]) -> str:
    sign = "with a sign" if entry["signed"] else "without a sign"
    return f"{count(entry['width'], 'bit')} {sign}, {entry['fraction']} of them behind the point"
