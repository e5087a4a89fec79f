"""`statespike quantize`: a checkpoint as a network of integers."""

from pathlib import Path
from typing import Annotated

import typer

from quantize.convert import Precision
from quantize.errors import StatespikeError
from quantize.file import save_network
from quantize.inputs import EncoderChoice
from quantize.layers.embedding import EmbeddingSpec
from quantize.network import QuantizedNetwork
from statespike.library.networks import load
from statespike.models import network_file
from statespike.networks import calibration_of, quantise_checkpoint
from statespike.options import Json
from statespike.output import say, write_json


def quantize(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT",
            help="trained network (.safetensors), or the name of a shipped one",
            parser=network_file,
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="file to write", show_default=False)
    ],
    bits: Annotated[
        int | None,
        typer.Option(
            help="bits of poles, output weights and mixers; by default those that the network was fine-tuned "
            f"for, else {Precision.coefficients}",
            show_default=False,
        ),
    ] = None,
    state_bits: Annotated[int, typer.Option(help="bits of each of a mode's two states")] = Precision.state,
    data: Annotated[
        Path | None,
        typer.Option(
            "--calibrate",
            "--data",
            metavar="PATH",
            help="data of your own to calibrate on, else where the files of the checkpoint's own task are",
            show_default=False,
        ),
    ] = None,
    max_steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="steps of the longest sequence; by default the calibration's, up to a power of two",
        ),
    ] = None,
    encoder: Annotated[
        EncoderChoice,
        typer.Option(
            help="token: a table of one-hot steps; linear: a product with the weights; auto: "
            "token if every step of the calibration is one-hot"
        ),
    ] = EncoderChoice.AUTO,
    shared_formats: Annotated[
        bool,
        typer.Option(
            "--shared-formats",
            help="all layers in one set of formats, so that one engine can serve them in turn",
        ),
    ] = False,
    formats_of: Annotated[
        Path | None,
        typer.Option(
            "--formats-of",
            metavar="NETWORK",
            help="the formats of this quantised network, so that a circuit built for it with --reload "
            "takes this one, too; its state bits, longest sequence and encoder go with them",
            show_default=False,
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Turn a checkpoint into a network of integers.

    Example: statespike quantize smnist-gsu --bits 8 -o network.safetensors
    """
    if formats_of is not None and shared_formats:
        raise StatespikeError("--formats-of gives each layer its formats; leave out --shared-formats")
    source = load(checkpoint)
    if isinstance(source, QuantizedNetwork):
        raise StatespikeError(
            f"{checkpoint} holds integers already and can be used as it is; for other formats, quantise the "
            "checkpoint that it was made from"
        )
    like = None if formats_of is None else load(formats_of)
    if like is not None and not isinstance(like, QuantizedNetwork):
        raise StatespikeError(
            f"{formats_of} is a checkpoint, whose formats are not chosen yet; give a quantised network, "
            "such as network.safetensors in a folder of `statespike build`"
        )
    samples = calibration_of(source, data)
    precision = Precision(source.tuned_bits or Precision.coefficients if bits is None else bits, state_bits)
    made = quantise_checkpoint(
        source, samples, precision, max_steps, encoder, shared_formats=shared_formats, formats_of=like
    )
    network = made.network
    save_network(network, output)
    size, kept_bits = output.stat().st_size, network.blocks[0].array.state_width
    bits = precision.coefficients
    kind = EncoderChoice.TOKEN if isinstance(network.encoder, EmbeddingSpec) else EncoderChoice.LINEAR
    say(
        f"wrote {output}: {bits} bits, states of {kept_bits}, {kind} encoder, input {network.input}, "
        f"{size:,} bytes{', all layers in one set of formats' if shared_formats else ''}"
        f"{f', in the formats of {formats_of}' if formats_of is not None else ''}"
    )
    write_json(
        json,
        {
            "checkpoint": str(checkpoint),
            "output": str(output),
            "bits": bits,
            "state_bits": kept_bits,
            "calibration_sequences": len(samples),
            "encoder": kind.value,
            "encoder_choice": encoder.value,
            "shared_formats": shared_formats,
            "formats_of": None if formats_of is None else str(formats_of),
            "words_clipped": made.words_clipped,
            "input": {"width": network.input.width, "fraction": network.input.fraction},
            "max_steps": network.max_steps,
            "file_bytes": size,
            "calibration": made.fidelity.figures(),
        },
    )
