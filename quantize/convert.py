"""From a checkpoint to a quantised network: each layer calibrated on what the integers before it give."""

import numpy as np
from numpy.typing import NDArray

from quantize import float_layers, float_reference
from quantize.calibration import Precision, format_for
from quantize.centring import centred
from quantize.checkpoint import Checkpoint
from quantize.errors import StatespikeError
from quantize.formats import STREAM_WIDTH, Format, fixed_words, saturate
from quantize.inputs import EncoderChoice
from quantize.kinds import ARRAYS, UNITS
from quantize.layers.embedding import EmbeddingSpec, tokens_of
from quantize.layers.ends import MOST_BIAS_SHIFT, DecoderSpec, EncoderSpec, PoolSpec
from quantize.layers.ends import WEIGHT_WIDTH as ENCODER_WIDTH
from quantize.layers.functions import Gelu
from quantize.layers.norm import GAIN_WIDTH, INPUT_WIDTH, MOST_LEFT, LayerNormSpec, normalised_format
from quantize.network import AnyEncoderSpec, Block, QuantizedNetwork
from quantize.rounded import rounded_checkpoint

DECODER_WIDTH = 8


def quantise(
    checkpoint: Checkpoint,
    samples: NDArray[np.float64],
    input_format: Format,
    precision: Precision,
    lengths: NDArray[np.int64] | None = None,
    max_steps: int | None = None,
    encoder: EncoderChoice = EncoderChoice.AUTO,
) -> QuantizedNetwork:
    """Quantise a network after training.

    Parameters
    ----------
    checkpoint : Checkpoint
    samples : (sequences, steps, features)
        Real inputs, from the training data, on which ranges are measured.
    input_format : Format
        Of the circuit's input, unless it reads tokens.
    precision : Precision
    lengths : (sequences,), optional
    max_steps : int, optional
        Of the longest sequence that the network shall take; by default the samples', rounded up to a power of
        two, which costs nothing.
    encoder : EncoderChoice
        By default the network reads tokens if it has several features and every step of the samples is
        one-hot, or zeros.

    Raises
    ------
    StatespikeError
        If the samples do not suit the network or the encoder, or a pole cannot be represented.
    """
    config = checkpoint.config
    if samples.ndim != 3 or samples.shape[2] != config.features or not len(samples):
        raise StatespikeError(
            f"calibration data has shape {samples.shape}, "
            f"the network takes (sequences, steps, {config.features})"
        )
    if (config.norm, config.norm_position) == ("batch", "post"):
        raise StatespikeError(
            "the network has batch norms behind its blocks, which have no integer form; "
            "train it with batch norms before them, or with layer norms"
        )
    taken = None if _reads_tokens(samples, encoder) else input_format
    given = samples, taken, precision, lengths, max_steps or 1 << (samples.shape[1] - 1).bit_length()
    network = _converted(checkpoint, float_reference.forward(checkpoint, samples, lengths), *given)
    if not checkpoint.tuned_bits or UNITS[config.model].spike_threshold is None:
        return network
    # What it was trained to be rounded to is what it shall come close to: the numbers behind mean little.
    arrays = [block.array for block in network.blocks]
    rounded = rounded_checkpoint(checkpoint, precision.coefficients, arrays)
    return _converted(checkpoint, float_reference.forward(rounded, samples, lengths), *given)


def _converted(
    checkpoint: Checkpoint,
    values: dict[str, NDArray[np.float64]],
    samples: NDArray[np.float64],
    input_format: Format | None,
    precision: Precision,
    lengths: NDArray[np.int64] | None,
    max_steps: int,
) -> QuantizedNetwork:
    """The network in formats that hold the values that real numbers would give for the samples.

    It reads tokens without an input format.
    """
    config = checkpoint.config
    stream_values = [values["encoder"]] + [values[f"layer_{layer}"] for layer in range(config.layers)]
    stream_values += [
        values["encoder" if layer == 0 else f"layer_{layer - 1}"]
        + float_reference.float_array(checkpoint, layer).offset
        for layer in range(config.layers)
    ]
    stream_values += [value for name, value in values.items() if name.startswith("sum_")]
    # No finer than the GELU's argument, which a block's output comes from.
    stream = format_for(np.array([np.abs(part).max() for part in stream_values]), STREAM_WIDTH)
    stream = Format(STREAM_WIDTH, min(stream.fraction, Gelu().argument.fraction))

    encoder = _encoder(checkpoint, input_format, stream)
    x = encoder.compute(encoder.inputs(samples))
    blocks = []
    for layer in range(config.layers):
        norm = None
        if config.norm == "layer":
            after = config.norm_position == "post"
            before = "encoder" if layer == 0 else f"layer_{layer - 1}"
            taken = values[f"sum_{layer}" if after else before]
            given_by = None if after else values[f"norm_{layer}"]
            norm = _layer_norm(checkpoint, f"layers.{layer}.norm", stream, taken, given_by)
        given, format_given = x, stream
        if norm is not None and not norm.after:
            given, format_given = norm.compute(x), norm.output
        expected, exact = values[f"array_{layer}"], float_reference.float_array(checkpoint, layer)
        kind = ARRAYS[config.arrays[layer]]
        array = kind.quantised(exact, given, expected, format_given, precision)
        threshold = UNITS[config.model].spike_threshold
        if threshold is not None:
            array = centred(array, given, expected, threshold, lengths)
        y, _ = array.compute(given)
        unit = UNITS[config.model].quantised(
            checkpoint, f"layers.{layer}.unit", array.output, stream, y, precision
        )
        blocks.append(Block(array, unit, norm))
        x = saturate(x + unit.compute(y), STREAM_WIDTH)
        if norm is not None and norm.after:
            x = norm.compute(x)
    final_norm, pooled = None, stream
    if config.final_norm == "layer":
        last = values[f"layer_{config.layers - 1}"]
        final_norm = _layer_norm(checkpoint, "norm", stream, last, values["norm"])
        pooled = final_norm.output
    pool, decoder = _classifier(checkpoint, pooled, max_steps)
    provenance = dict(checkpoint.provenance)
    return QuantizedNetwork(encoder, tuple(blocks), pool, decoder, provenance, final_norm)


def _reads_tokens(samples: NDArray[np.float64], encoder: EncoderChoice) -> bool:
    if encoder is EncoderChoice.LINEAR:
        return False
    suited = samples.shape[2] > 1 and tokens_of(samples) is not None
    if encoder is EncoderChoice.TOKEN and not suited:
        raise StatespikeError(
            f"not every step of the {samples.shape[2]} features is one-hot, or zeros, so the network cannot "
            "read tokens; choose the linear encoder, or calibrate on tokens"
        )
    return suited


def _encoder(checkpoint: Checkpoint, input_format: Format | None, stream: Format) -> AnyEncoderSpec:
    """A product with the weights, or without an input format a table of tokens."""
    weight, bias = checkpoint.tensors["encoder.weight"], checkpoint.tensors["encoder.bias"]
    if input_format is None:
        return EmbeddingSpec(stream, stream.quantise(np.vstack([weight.T + bias, bias])))
    words, fraction = fixed_words(weight, ENCODER_WIDTH)
    return EncoderSpec(input_format, stream, fraction, words, stream.quantise(bias))


def _layer_norm(
    checkpoint: Checkpoint,
    prefix: str,
    stream: Format,
    taken: NDArray[np.float64],
    given: NDArray[np.float64] | None,
) -> LayerNormSpec:
    """A LayerNorm of the residual stream.

    Parameters
    ----------
    prefix : str
        Of its tensors.
    stream : Format
        Of its input.
    taken, given : (sequences, steps, H)
        Real values at its input and at its output; without the latter its output is the stream again.
    """
    gain, shift = float_layers.tensors(checkpoint, prefix, "weight", "bias")
    words, fraction = fixed_words(gain, GAIN_WIDTH)
    output = stream
    if given is not None:
        # The product with the gain is rounded, so the output is coarser than it.
        finest = normalised_format(len(gain)).fraction + fraction - 1
        output = Format(STREAM_WIDTH, min(format_for(given, STREAM_WIDTH).fraction, finest))
    # What rounds the mean is a unit of the norm's word, so a quiet stream is turned up.
    filled = format_for(taken, INPUT_WIDTH).fraction
    input_shift = min(max(stream.fraction - filled, -MOST_LEFT), 1)
    return LayerNormSpec(
        stream, output, int(given is None), input_shift, fraction, words, output.quantise(shift)
    )


def _classifier(checkpoint: Checkpoint, stream: Format, max_steps: int) -> tuple[PoolSpec, DecoderSpec]:
    """Pool and decoder; the constant that the biases multiply is as small as their words allow."""
    weight, bias = float_reference.decoder(checkpoint)
    config, width = checkpoint.config, DECODER_WIDTH
    _, weight_fraction = fixed_words(weight, width)
    # A weight multiplies a pooled value of the stream, a bias 2**bias_shift.
    biases = bias * 2.0**stream.fraction
    shift = 0
    while shift < MOST_BIAS_SHIFT and fixed_words(biases * 2.0**-shift, width)[1] < weight_fraction:
        shift += 1
    columns = np.concatenate([weight, biases[:, None] * 2.0**-shift], axis=1)
    words, fraction = fixed_words(columns, width)
    pool = PoolSpec(stream, config.channels, int(config.pooling == "mean"), max_steps)
    return pool, DecoderSpec(fraction + stream.fraction, shift, words[:, :-1], words[:, -1])
