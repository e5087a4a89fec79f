"""From a checkpoint to a quantised network: each layer calibrated on what the integers before it give."""

import numba
import numpy as np
from numpy.typing import NDArray

from quantize import float_reference
from quantize.calibration import HEADROOM, Precision, format_for
from quantize.centring import centred
from quantize.checkpoint import Checkpoint
from quantize.coefficients import coefficient_words, damping_words_of, output_words, stabilised
from quantize.errors import StatespikeError
from quantize.formats import Format, Integers, fixed_words, nearest, saturate
from quantize.layers.array import (
    COEFFICIENT_WIDTH,
    MOST_SHIFT,
    MOST_STATE_SHIFT,
    OUTPUT_WEIGHT_WIDTH,
    SHIFT_STEP,
    ArraySpec,
)
from quantize.layers.embedding import EmbeddingSpec, tokens_of
from quantize.layers.ends import MOST_ONE_BITS, DecoderSpec, EncoderSpec, PoolSpec
from quantize.layers.ends import WEIGHT_WIDTH as ENCODER_WIDTH
from quantize.layers.functions import Gelu
from quantize.layers.norm import GAIN_WIDTH, INPUT_WIDTH, MOST_LEFT, LayerNormSpec, normalised_format
from quantize.network import AnyEncoderSpec, Block, QuantizedNetwork
from quantize.poles import leapfrog, output_weights
from quantize.rounded import rounded_checkpoint
from quantize.units import SPIKE_THRESHOLDS, UNITS

STREAM_WIDTH = 16
DECODER_WIDTH = 8


def quantise(
    checkpoint: Checkpoint,
    samples: NDArray[np.float64],
    input_format: Format,
    precision: Precision,
    lengths: NDArray[np.int64] | None = None,
    max_steps: int | None = None,
) -> QuantizedNetwork:
    """Quantise a network after training.

    Parameters
    ----------
    checkpoint : Checkpoint
    samples : (sequences, steps, features)
        Real inputs, from the training data, on which ranges are measured.
    input_format : Format
        Of the circuit's input, unless the samples are tokens: steps that are one-hot, or zeros.
    precision : Precision
    lengths : (sequences,), optional
    max_steps : int, optional
        Longest sequence the pooling has to hold; the samples' by default.

    Raises
    ------
    StatespikeError
        If the samples do not suit the network, or a pole cannot be represented.
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
    given = samples, input_format, precision, lengths, max_steps or samples.shape[1]
    network = _converted(checkpoint, float_reference.forward(checkpoint, samples, lengths), *given)
    if not checkpoint.tuned_bits or config.model not in SPIKE_THRESHOLDS:
        return network
    # What it was trained to be rounded to is what it shall come close to: the numbers behind mean little.
    shifts = [block.array.position_shift for block in network.blocks]
    rounded = rounded_checkpoint(checkpoint, precision.coefficients, shifts)
    return _converted(checkpoint, float_reference.forward(rounded, samples, lengths), *given)


def _converted(
    checkpoint: Checkpoint,
    values: dict[str, NDArray[np.float64]],
    samples: NDArray[np.float64],
    input_format: Format,
    precision: Precision,
    lengths: NDArray[np.int64] | None,
    max_steps: int,
) -> QuantizedNetwork:
    """The network in formats that hold the values that real numbers would give for the samples."""
    config = checkpoint.config
    stream_values = [values["encoder"]] + [values[f"layer_{layer}"] for layer in range(config.layers)]
    stream_values += [
        values["encoder" if layer == 0 else f"layer_{layer - 1}"]
        + float_reference.state_space(checkpoint, layer).offset
        for layer in range(config.layers)
    ]
    stream_values += [value for name, value in values.items() if name.startswith("sum_")]
    # No finer than the GELU's argument, which a block's output comes from.
    stream = format_for(np.array([np.abs(part).max() for part in stream_values]), STREAM_WIDTH)
    stream = Format(STREAM_WIDTH, min(stream.fraction, Gelu().argument.fraction))

    encoder = _encoder(checkpoint, samples, input_format, stream)
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
        space, expected = float_reference.state_space(checkpoint, layer), values[f"array_{layer}"]
        array = _array(space, given, expected, format_given, precision)
        if config.model in SPIKE_THRESHOLDS:
            array = centred(array, given, expected, SPIKE_THRESHOLDS[config.model], lengths)
        y, _ = array.compute(given)
        unit = UNITS[config.model](checkpoint, f"layers.{layer}.unit", array.output, stream, y, precision)
        blocks.append(Block(array, unit, norm))
        x = saturate(x + unit.compute(y), STREAM_WIDTH)
        if norm is not None and norm.after:
            x = norm.compute(x)
    final_norm, pooled = None, stream
    if config.final_norm == "layer":
        last = values[f"layer_{config.layers - 1}"]
        final_norm = _layer_norm(checkpoint, "norm", stream, last, values["norm"])
        pooled = final_norm.output
    pool, decoder = _classifier(checkpoint, pooled, (max_steps - 1).bit_length())
    provenance = dict(checkpoint.provenance)
    return QuantizedNetwork(encoder, tuple(blocks), pool, decoder, provenance, final_norm)


def _encoder(
    checkpoint: Checkpoint, samples: NDArray[np.float64], input_format: Format, stream: Format
) -> AnyEncoderSpec:
    """A table for samples whose every step is a token or nothing, else a product with the weights."""
    weight, bias = checkpoint.tensors["encoder.weight"], checkpoint.tensors["encoder.bias"]
    if samples.shape[2] > 1 and tokens_of(samples) is not None:
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
    gain, shift = float_reference.tensors(checkpoint, prefix, "weight", "bias")
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


def _array(
    layer: float_reference.StateSpace,
    x: Integers,
    y: NDArray[np.float64],
    given: Format,
    precision: Precision,
) -> ArraySpec:
    damping, stiffness = leapfrog(layer.poles)
    of_position, of_velocity = output_weights(layer.poles, layer.residues)
    offset = given.quantise(layer.offset)
    u = saturate(x + offset, given.width)
    largest_position, largest_velocity = _state_ranges(given.real(u), damping, stiffness)

    # Each mode's two integers get their own power of two. The input only shifts right, so a state is at most
    # as fine as u; the position may be coarser than the velocity, never finer; shifts are even.
    top = (1 << (precision.state - 1)) - 1
    velocity_bits = np.minimum(_bits_below(top, largest_velocity), given.fraction)
    velocity_bits -= (given.fraction - velocity_bits) % SHIFT_STEP
    position_bits = np.minimum(_bits_below(top, largest_position), velocity_bits)
    position_bits -= (velocity_bits - position_bits) % SHIFT_STEP
    velocity_bits = np.maximum(velocity_bits, given.fraction - MOST_STATE_SHIFT)
    position_bits = np.maximum(position_bits, velocity_bits - MOST_STATE_SHIFT)
    position_shift = velocity_bits - position_bits
    stiffness_word = stiffness * 2.0**position_shift

    damping_words, damping_shift = damping_words_of(damping, precision.coefficients)
    stiffness_words, stiffness_shift = coefficient_words(stiffness_word, precision.coefficients)
    stiffness_words = stabilised(
        damping_words.astype(np.float64) * 2.0**-damping_shift,
        stiffness_words,
        stiffness_shift + position_shift,
        precision.coefficients,
    )
    # The output accumulator's scale is the finest at which both kinds of weights and the skip fit.
    position_weight = of_position * 2.0**-position_bits
    velocity_weight = of_velocity * 2.0**-velocity_bits
    skip = (layer.skip + layer.residues.real.sum(1)) * 2.0**-given.fraction
    output = format_for(y, STREAM_WIDTH)
    fraction = min(
        fixed_words(np.stack([position_weight, velocity_weight]), OUTPUT_WEIGHT_WIDTH, MOST_SHIFT)[1],
        fixed_words(skip, COEFFICIENT_WIDTH, MOST_SHIFT)[1],
    )
    output = Format(output.width, min(output.fraction, fraction))
    return ArraySpec(
        input=given,
        output=output,
        state_width=precision.state,
        damping_shift=damping_shift,
        stiffness_shift=stiffness_shift,
        accumulator_fraction=fraction,
        offset=offset,
        skip=nearest(skip, fraction),
        damping=damping_words,
        stiffness=stiffness_words,
        position_weight=output_words(position_weight, fraction, precision.coefficients),
        velocity_weight=output_words(velocity_weight, fraction, precision.coefficients),
        input_shift=given.fraction - velocity_bits,
        position_shift=position_shift,
    )


def _bits_below(top: int, largest: NDArray[np.float64]) -> Integers:
    """Fraction bits at which `largest`, with headroom, stays within `top`."""
    return np.floor(np.log2(top / np.maximum(largest * HEADROOM, 2.0**-32))).astype(np.int64)


@numba.njit(parallel=True, cache=True)
def _state_ranges(u, damping, stiffness):
    """Largest |position| and |velocity| (H, N) of real states over (sequences, steps, H) inputs."""
    channels, modes = damping.shape
    positions = np.zeros((channels, modes))
    velocities = np.zeros((channels, modes))
    for channel in numba.prange(channels):
        for sequence in range(u.shape[0]):
            p = np.zeros(modes)
            q = np.zeros(modes)
            for step in range(u.shape[1]):
                value = u[sequence, step, channel]
                for n in range(modes):
                    q[n] += value - damping[channel, n] * q[n] - stiffness[channel, n] * p[n]
                    p[n] += q[n]
                    positions[channel, n] = max(positions[channel, n], abs(p[n]))
                    velocities[channel, n] = max(velocities[channel, n], abs(q[n]))
    return positions, velocities


def _classifier(checkpoint: Checkpoint, stream: Format, length_bits: int) -> tuple[PoolSpec, DecoderSpec]:
    """Pool and decoder; the constant channel between them is as small as the biases' words allow."""
    weight, bias = float_reference.decoder(checkpoint)
    config, width = checkpoint.config, DECODER_WIDTH
    _, weight_fraction = fixed_words(weight, width)
    mean = int(config.pooling == "mean")
    # A weight multiplies a pooled value of the stream, a bias 2**one_bits; less would lose steps.
    biases = bias * 2.0**stream.fraction
    one_bits = min(length_bits, MOST_ONE_BITS) if mean else 0
    while one_bits < MOST_ONE_BITS and fixed_words(biases * 2.0**-one_bits, width)[1] < weight_fraction:
        one_bits += 1
    columns = np.concatenate([weight, biases[:, None] * 2.0**-one_bits], axis=1)
    words, fraction = fixed_words(columns, width)
    pool = PoolSpec(stream, config.channels, mean, length_bits, one_bits)
    return pool, DecoderSpec(config.channels, fraction + stream.fraction, words)
