"""What goes with the Verilog of a network: test benches with vectors, a C header, a FuseSoC core."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hdl.emit.interface import Interface, StreamPorts
from hdl.emit.vectors import DRAWN, Vectors, hexadecimal
from quantize.layers.embedding import EmbeddingSpec
from quantize.network import QuantizedNetwork

BENCH, TEST_BENCH, COCOTB = "tb", "tb.v", "test_network.py"
INPUTS, EXPECTED = "inputs.hex", "expected.hex"
HEADER = "network.h"
_TEMPLATES = Path(__file__).with_name("templates")
_PLACE = re.compile(r"@([A-Z][A-Z0-9_]*)@")


@dataclass(frozen=True)
class Companions:
    """Files beside the Verilog.

    Parameters
    ----------
    texts : dict of path in the folder to text
    names : dict
        What each file is for, an entry of the manifest's `files` -> its path.
    facts : dict
        Entries of the manifest.
    """

    texts: dict[str, str]
    names: dict[str, str]
    facts: dict[str, Any]


NONE = Companions({}, {}, {})


def companions_of(network: QuantizedNetwork, interface: Interface, manifest: Mapping[str, Any]) -> Companions:
    """Test benches, header and core of a network.

    Parameters
    ----------
    network : QuantizedNetwork
    interface : Interface
    manifest : mapping
        Of the circuit: schedule and identity.
    """
    vectors = Vectors(network, interface)
    inputs, expected = vectors.inputs, vectors.expected
    given, answer = interface.streams(network)
    limit = vectors.most_cycles(manifest["cycles_per_step"], manifest["latency_cycles"])
    common = {"MODULE": interface.name, "INPUTS": INPUTS, "EXPECTED": EXPECTED, "LIMIT": limit}
    bench = filled(
        "tb.v",
        common
        | {
            "SEQUENCES": len(vectors.sequences),
            "LENGTHS": ", ".join(str(len(steps)) for steps in vectors.sequences),
            "IN_WIDTH": sum(given.widths.values()),
            "OUT_WIDTH": sum(answer.widths.values()),
            "IN_COUNT": len(inputs),
            "OUT_COUNT": len(expected),
            "INPUT_PORTS": _connections(given, "i"),
            "OUTPUT_PORTS": _connections(answer, "o"),
        },
    )
    test = filled(
        COCOTB,
        common
        | {
            "INPUT_WIDTHS": given.widths,
            "OUTPUT_WIDTHS": answer.widths,
            "I_VALID": given.valid,
            "I_READY": given.ready,
            "O_VALID": answer.valid,
            "O_READY": answer.ready,
        },
    )
    described = f"{network.model} network, {network.features} features, {network.classes} classes"
    core = filled("network.core", common | {"DESCRIPTION": described})
    files = (
        ("test_bench", f"{BENCH}/{TEST_BENCH}", bench),
        ("cocotb_test", f"{BENCH}/{COCOTB}", test),
        ("test_inputs", f"{BENCH}/{INPUTS}", hexadecimal(inputs)),
        ("test_answers", f"{BENCH}/{EXPECTED}", hexadecimal(expected)),
        ("header", HEADER, c_header(network, interface, manifest)),
        ("fusesoc_core", f"{interface.name}.core", core),
    )
    return Companions(
        {path: text for _, path, text in files},
        {purpose: path for purpose, path, _ in files},
        {"test_sequences": {"steps": [len(steps) for steps in vectors.sequences], "values": DRAWN}},
    )


def filled(template: str, values: Mapping[str, object]) -> str:
    """A template of this folder with a value in the place of each `@NAME@`."""
    text = (_TEMPLATES / f"{template}.in").read_text()
    return _PLACE.sub(lambda place: str(values[place[1]]), text)


def _connections(stream: StreamPorts, name: str) -> str:
    """Ports of a stream in an instance; the word has the first port's bits lowest."""
    lines, start = [f".{stream.valid}({name}_valid)", f".{stream.ready}({name}_ready)"], 0
    for port, width in stream.widths.items():
        lines.append(f".{port}({name}_word[{start + width - 1}:{start}])")
        start += width
    return "    " + ", ".join(lines)


def c_header(network: QuantizedNetwork, interface: Interface, manifest: Mapping[str, Any]) -> str:
    """The C header of a network's sizes, formats and conversions."""
    low, high = network.encoder.input_range
    given, answer = interface.streams(network)
    port, fields = next(iter(answer.data.items()))
    tokens = isinstance(network.encoder, EmbeddingSpec)
    return filled(
        "network.h",
        {
            "MODULE": interface.name,
            "UPPER": interface.name.upper(),
            "NETWORK_SHA256": manifest["network_sha256"],
            "CIRCUIT_SHA256": manifest["rtlil_sha256"],
            "FEATURES": network.features,
            "BEATS_PER_STEP": network.beats_per_step,
            "BEAT": f"a token, {network.features} for a step without one" if tokens else "a feature each",
            "CLASSES": network.classes,
            "MAX_STEPS": network.max_steps or 0,
            "NO_LIMIT": "" if network.max_steps else ": no limit",
            "CYCLES_PER_STEP": manifest["cycles_per_step"],
            "LATENCY_CYCLES": manifest["latency_cycles"],
            "INPUT_WIDTH": network.input.width,
            "INPUT_FRACTION": network.input.fraction,
            "INPUT_MIN": low,
            "INPUT_MAX": high,
            "LOGIT_WIDTH": network.decoder.logit_width,
            "LOGIT_FRACTION": network.decoder.fraction,
            "LOGIT_SCALE": _power(-network.decoder.fraction),
            "LOGIT_OFFSET": fields["value"][0],
            "OUTPUT": port,
            "INPUT_CONVERSIONS": "" if tokens else _conversions(network, interface.name),
            "INPUT_WORD": _input_word(given, interface.name),
        },
    )


def _power(exponent: int) -> str:
    """A power of two as a constant of C."""
    return f"0x1p{exponent:+d}"


def _conversions(network: QuantizedNetwork, name: str) -> str:
    """C functions between real inputs and words, by the rule of `Format.quantise`."""
    upper, fraction = name.upper(), network.input.fraction
    return f"""/* The nearest word to a real input, halves upwards, saturated to the format; 0 for NaN. */
static inline int32_t {name}_input_from_real(double value)
{{
    const double scaled = value * {_power(fraction)} + 0.5;
    int32_t word;
    if (scaled != scaled)
        return 0;
    if (scaled < {upper}_INPUT_MIN)
        return {upper}_INPUT_MIN;
    if (scaled >= {upper}_INPUT_MAX + 1.0)
        return {upper}_INPUT_MAX;
    word = (int32_t)scaled;
    return word - (scaled < word); /* a cast cuts towards 0 */
}}

/* The real number that an input's word stands for. */
static inline double {name}_input_real(int32_t word)
{{
    return word * {_power(-fraction)};
}}

"""


def _input_word(stream: StreamPorts, name: str) -> str:
    """A C function that packs the payload of an input's transfer."""
    port, fields = next(iter(stream.data.items()))
    low, high = fields["value"]
    if "first" not in fields:
        mask = (1 << stream.widths[port]) - 1
        return f"""/* {port} of a transfer, sign-extended; TLAST goes with the last beat of a sequence. */
static inline uint32_t {name}_input(int32_t word)
{{
    return (uint32_t)word & 0x{mask:x}u;
}}
"""
    return f"""/* {port} of a transfer; first and last are those of its step. */
static inline uint32_t {name}_input(int32_t word, int first, int last)
{{
    return ((uint32_t)word & 0x{(1 << high + 1 - low) - 1:x}u) << {low} |
           (first ? 1u : 0u) << {fields["first"][0]} | (last ? 1u : 0u) << {fields["last"][0]};
}}
"""
