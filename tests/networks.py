"""Networks that tests share: drawn ones of any shape."""

from dataclasses import replace
from typing import Any

import numpy as np

from quantize.block import Block
from quantize.checkpoint import Checkpoint
from quantize.configuration import NetworkConfig, tensor_shapes
from quantize.convert import Precision, quantise
from quantize.formats import Format
from quantize.layers.ends import EncoderSpec
from quantize.layers.linear import SpikeLinearSpec
from quantize.network import QuantizedNetwork

INPUT = Format(9, 8)


def random_checkpoint(
    model: str, channels: int, modes: int, layers: int, *, seed: int, features: int = 1, classes: int = 3,
    pooling: str = "mean", norm: str = "batch", norm_position: str = "pre", final_norm: str = "batch",
    array: str = "s4d", stride: int = 0, time_constant: int = 0, output: str = "classification",
    twentieths: int = NetworkConfig.twentieths,
) -> Checkpoint:  # fmt: skip
    """An untrained network with the distributions of a trained one."""
    generator = np.random.default_rng(seed)
    config = NetworkConfig(
        model=model, features=features, channels=channels, modes=modes, layers=layers, classes=classes,
        discretisation="zoh", initialisation="lin", pooling=pooling, norm=norm, norm_position=norm_position,
        final_norm=final_norm, array=array, stride=stride, time_constant=time_constant, output=output,
        twentieths=twentieths,
    )  # fmt: skip
    tensors = {}
    for name, shape in tensor_shapes(config).items():
        value = generator.normal(0.0, 0.3, shape)
        if name.startswith("layers") and name.endswith(".norm.running_var") and "unit" not in name:
            value = generator.uniform(0.02, 0.2, shape)  # y then crosses thresholds of about 1
        elif name.endswith("running_var"):
            value = generator.uniform(0.5, 2.0, shape)
        elif "norm.weight" in name:
            value = generator.uniform(0.5, 1.5, shape)
        elif name.endswith("ssm.C"):
            value = generator.normal(0.0, 0.7, shape)
        elif name.endswith("log_dt"):
            value = generator.uniform(np.log(1e-3), np.log(1e-1), shape)
        elif name.endswith("log_A_real"):
            value = np.log(0.5) + generator.normal(0.0, 0.2, shape)
        elif name.endswith("A_imag"):
            value = np.pi * np.arange(shape[1]) * generator.uniform(0.9, 1.1, shape)
        tensors[name] = value.astype(np.float32)
    return Checkpoint(config, tensors)


def random_samples(sequences: int, steps: int, features: int = 1, *, seed: int) -> np.ndarray:
    """Inputs like pixels: mostly background."""
    generator = np.random.default_rng(seed)
    shape = (sequences, steps, features)
    return np.round(generator.uniform(0, 255, shape) * (generator.random(shape) < 0.4)) / 256.0


def random_tokens(sequences: int, steps: int, tokens: int, *, seed: int) -> np.ndarray:
    """One-hot steps, and among them steps without a token."""
    drawn = np.random.default_rng(seed).integers(0, tokens + 1, (sequences, steps))
    return np.eye(tokens + 1, tokens)[drawn]


def random_network(
    model: str, channels: int, modes: int, layers: int, *, seed: int, features: int = 1,
    precision: Precision | None = None, **options: Any,
) -> QuantizedNetwork:  # fmt: skip
    """A drawn network, quantised; options as of `random_checkpoint`."""
    checkpoint = random_checkpoint(model, channels, modes, layers, seed=seed, features=features, **options)
    samples = random_samples(4, 32, features, seed=seed)
    return quantise(checkpoint, samples, INPUT, precision or Precision())


def overdriven_network(array: str, channels: int, modes: int) -> QuantizedNetwork:
    """A network of one layer in which every kind of value is clipped."""
    network = random_network("prf", channels, modes, 1, seed=1, array=array)
    (block,) = network.blocks
    top = np.full(channels, 32767)
    output = Format(16, block.array.accumulator_fraction - 8)
    loud = replace(block.array, offset=top // 2, skip=top, output=output)
    assert isinstance(network.encoder, EncoderSpec)
    assert isinstance(block.unit, SpikeLinearSpec)
    encoder = replace(network.encoder, bias=top - 100)
    return replace(
        network, encoder=encoder, blocks=(Block(loud, replace(block.unit, input=output), block.norm),)
    )


def trained_numbers(checkpoint: Checkpoint) -> int:
    """How many numbers of a checkpoint training has found; what a norm measured is not among them."""
    return sum(values.size for name, values in checkpoint.tensors.items() if ".running_" not in name)
