"""From a checkpoint to a quantised network: each layer calibrated on what the integers before it give."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from quantize import float_layers, float_reference
from quantize.block import Block
from quantize.blocks import blocks
from quantize.calibration import Precision, StreamWords, format_for, stream_words
from quantize.centring import centred
from quantize.checkpoint import Checkpoint
from quantize.errors import StatespikeError
from quantize.formats import STREAM_WIDTH, Format, Integers, fixed_words
from quantize.imposed import ImposedFormats
from quantize.inputs import EncoderChoice, require_sequences
from quantize.kinds import ARRAYS, HEADS, OUTPUTS, UNITS
from quantize.layer_kinds import AnyEncoderSpec
from quantize.layers.embedding import EmbeddingSpec, tokens_of
from quantize.layers.ends import MOST_BIAS_SHIFT, DecoderSpec, EncoderSpec
from quantize.layers.ends import WEIGHT_WIDTH as ENCODER_WIDTH
from quantize.layers.functions import Gelu
from quantize.layers.norm import GAIN_WIDTH, INPUT_WIDTH, MOST_LEFT, LayerNormSpec, normalised_format
from quantize.network import QuantizedNetwork
from quantize.ranges import Ranges, ranges_of
from quantize.rounded import rounded_checkpoint
from quantize.specification import QuantizedNetworkError, Specification

Layer = TypeVar("Layer", bound=Specification)
CALIBRATION_DATA = "the calibration data"


def quantise(
    checkpoint: Checkpoint,
    samples: NDArray[np.floating],
    input_format: Format,
    precision: Precision,
    lengths: NDArray[np.int64] | None = None,
    max_steps: int | None = None,
    encoder: EncoderChoice = EncoderChoice.AUTO,
    formats: ImposedFormats | None = None,
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
    formats : ImposedFormats, optional
        Those of another network of the same sizes, for its circuit; the bits of states, the longest sequence
        and the input are then that network's, too. The calibration tells the scales of the states alone.

    Raises
    ------
    StatespikeError
        If the samples do not suit the network or the encoder, or a pole cannot be represented.
    """
    config = checkpoint.config
    valid = require_sequences(samples.shape, config.features, lengths, CALIBRATION_DATA)
    if max_steps is not None and config.pooling == "mean" and max_steps < valid.max():
        raise StatespikeError(
            f"{CALIBRATION_DATA} has sequences of {valid.max()} steps, and the network would take "
            f"{max_steps} at most; raise --max-steps, or calibrate on shorter sequences"
        )
    if (config.norm, config.norm_position) == ("batch", "post"):
        raise StatespikeError(
            "the network has batch norms behind its blocks, which have no integer form; "
            "train it with batch norms before them, or with layer norms"
        )
    if formats is not None:
        like = formats.network
        encoder = EncoderChoice.TOKEN if isinstance(like.encoder, EmbeddingSpec) else EncoderChoice.LINEAR
        input_format, max_steps = like.input, like.max_steps
        precision = replace(precision, state=like.blocks[0].array.state_width)
    with _formats_told():
        return _quantised(checkpoint, samples, input_format, precision, lengths, max_steps, encoder, formats)


@contextmanager
def _formats_told() -> Iterator[None]:
    """Let an error about an entry of a layer tell a user what is behind it."""
    try:
        yield
    except QuantizedNetworkError as error:
        raise StatespikeError(
            f"the network has no integers in the formats here: {error}; look for weights, norms or samples "
            "that are far too large or too small"
        ) from error


def _quantised(
    checkpoint: Checkpoint,
    samples: NDArray[np.floating],
    input_format: Format,
    precision: Precision,
    lengths: NDArray[np.int64] | None,
    max_steps: int | None,
    encoder: EncoderChoice,
    formats: ImposedFormats | None,
) -> QuantizedNetwork:
    config = checkpoint.config
    taken = None if _reads_tokens(samples, encoder) else input_format
    longest = max_steps or 1 << (samples.shape[1] - 1).bit_length()
    given = samples, taken, precision, lengths, longest, formats
    network = _converted(checkpoint, ranges_of(checkpoint, samples, lengths), *given)
    if not checkpoint.tuned_bits or UNITS[config.model].spike_threshold is None:
        return network
    # What it was trained to be rounded to is what it shall come close to: the numbers behind mean little.
    arrays = [block.array for block in network.blocks]
    rounded = rounded_checkpoint(checkpoint, precision.coefficients, arrays)
    return _converted(checkpoint, ranges_of(rounded, samples, lengths), *given)


def _converted(
    checkpoint: Checkpoint,
    ranges: Ranges,
    samples: NDArray[np.floating],
    input_format: Format | None,
    precision: Precision,
    lengths: NDArray[np.int64] | None,
    max_steps: int,
    formats: ImposedFormats | None,
) -> QuantizedNetwork:
    """The network in formats that hold the values that real numbers would give for the samples.

    It reads tokens without an input format. Of all samples together only words of the stream's width are
    kept, of three layers at most.
    """
    config = checkpoint.config

    def fitted(name: str, layer: Layer) -> Layer:
        return layer if formats is None else formats.of(name, layer)

    # No finer than the GELU's argument, which a block's output comes from.
    stream = format_for(ranges.stream, STREAM_WIDTH)
    stream = Format(STREAM_WIDTH, min(stream.fraction, Gelu().argument.fraction))
    if formats is not None:
        stream = formats.stream

    encoder = fitted("encoder", _encoder(checkpoint, input_format, stream))
    shape = (*samples.shape[:2], config.channels)
    x = stream_words(shape, lambda part: encoder.compute(encoder.inputs(samples[part])))
    layers: list[Block] = []
    for layer in range(config.layers):
        norm = None
        if config.norm == "layer":
            after = config.norm_position == "post"
            before = "encoder" if layer == 0 else f"layer_{layer - 1}"
            taken = ranges.largest[f"sum_{layer}" if after else before]
            given_by = None if after else ranges.largest[f"norm_{layer}"]
            norm = _layer_norm(checkpoint, f"layers.{layer}.norm", stream, taken, given_by)
            norm = fitted(f"norm_{layer}", norm)
        given, format_given = x, stream
        if norm is not None and not norm.after:
            given, format_given = _computed(norm.compute, x), norm.output
        exact = ARRAYS[config.arrays[layer]].reference(checkpoint, layer)
        array = ARRAYS[config.arrays[layer]].quantised(
            exact, given, ranges.largest[f"array_{layer}"], format_given, precision
        )
        array = fitted(f"array_{layer}", array)
        threshold = UNITS[config.model].spike_threshold
        if threshold is not None:
            array = centred(array, given, ranges.spikes[layer], threshold, lengths)
        y = _computed(array.outputs, given)
        unit = UNITS[config.model].quantised(
            checkpoint, f"layers.{layer}.unit", array.output, stream, y, precision
        )
        unit = fitted(f"unit_{layer}", unit)
        layers.append(Block(array, unit, norm))
        x = _block_outputs(layers[-1], x, y)
    final_norm, pooled = None, stream
    if config.final_norm == "layer":
        last = ranges.largest[f"layer_{config.layers - 1}"]
        final_norm = fitted("norm", _layer_norm(checkpoint, "norm", stream, last, ranges.largest["norm"]))
        pooled = final_norm.output
    pool = fitted("pool", HEADS[config.pooling].quantised(config, pooled, max_steps))
    decoder = fitted("decoder", _decoder(checkpoint, pooled))
    provenance = dict(checkpoint.provenance)
    return QuantizedNetwork(encoder, tuple(layers), pool, decoder, provenance, final_norm)


def _computed(compute: Callable[[Integers], Integers], x: StreamWords) -> StreamWords:
    """What a layer makes of all samples."""
    return stream_words(x.shape, lambda part: compute(x[part].astype(np.int64)))


def _block_outputs(block: Block, x: StreamWords, y: StreamWords) -> StreamWords:
    """What a block makes of x, with its array's outputs y."""
    return stream_words(
        x.shape, lambda part: block.joined(x[part].astype(np.int64), y[part].astype(np.int64))
    )


def _reads_tokens(samples: NDArray[np.floating], encoder: EncoderChoice) -> bool:
    if encoder is EncoderChoice.LINEAR:
        return False
    suited = samples.shape[2] > 1 and all(
        tokens_of(samples[part]) is not None for part in blocks(len(samples), samples[0].size)
    )
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
    taken: float,
    given: float | None,
) -> LayerNormSpec:
    """A LayerNorm of the residual stream.

    Parameters
    ----------
    prefix : str
        Of its tensors.
    stream : Format
        Of its input.
    taken, given : float
        Largest magnitudes at its input and at its output; without the latter its output is the stream again.
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


def _decoder(checkpoint: Checkpoint, stream: Format) -> DecoderSpec:
    """The decoder of pooled values; the constant that biases multiply is as small as their words allow."""
    weight, bias = float_reference.decoder(checkpoint)
    kind = OUTPUTS[checkpoint.config.output]
    width = kind.width
    _, weight_fraction = fixed_words(weight, width)
    # A weight multiplies a pooled value of the stream, a bias 2**bias_shift.
    biases = bias * 2.0**stream.fraction
    shift = 0
    while shift < MOST_BIAS_SHIFT and fixed_words(biases * 2.0**-shift, width)[1] < weight_fraction:
        shift += 1
    columns = np.concatenate([weight, biases[:, None] * 2.0**-shift], axis=1)
    words, fraction = fixed_words(columns, width)
    return kind.specification(fraction + stream.fraction, shift, words[:, :-1], words[:, -1])
