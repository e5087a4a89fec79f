"""Small drawn networks, over every option of a model and of its circuit, reproduced by a seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from hdl.devices.features import LOGIC_MULTIPLIERS, MULTIPLIER_BLOCKS
from hdl.head.repeated_decoder import decoder_lanes
from hdl.network.folding import Folding, LayerFolding
from hdl.network.kinds import ARRAYS, UNITS
from hdl.network.layer_loop import obstacle
from hdl.network.top import Network
from hdl.norm.streamed_step_norm import NORM_MULTIPLIERS
from hdl.primitives.drafts import drafts
from quantize.configuration import MODELS
from quantize.convert import EncoderChoice, Precision, quantise
from quantize.errors import StatespikeError
from quantize.formats import Integers
from quantize.kinds import HEADS, OUTPUTS
from quantize.network import QuantizedNetwork
from quantize.shared import with_shared_formats
from tests.networks import INPUT, random_checkpoint, random_network, random_tokens


@dataclass(frozen=True)
class Drawn:
    """A network, how its circuit is folded, and sequences for it."""

    recipe: str
    network: QuantizedNetwork
    folding: Folding
    inputs: Integers
    lengths: Integers

    def circuit(self) -> Network:
        """The circuit, with taps."""
        return Network(self.network, self.folding, taps=True)


NORMS = (
    ("batch", "pre", "batch"), ("batch", "pre", "batch"), ("batch", "pre", "batch"),
    ("layer", "pre", "batch"), ("layer", "pre", "layer"), ("layer", "post", "batch"),
)  # fmt: skip
"""Kind and position of a block's norm, and the final one; the usual ones three times as often."""
MOST_MULTIPLIERS = 1 << 10
Choose = Callable[[Sequence[Any]], Any]
"""Draws one of a sequence."""


@cache
def drawn(seed: int, *, tiny: bool = False) -> Drawn:
    """A small network of up to 9 channels, 6 modes and 3 layers, and one of all the circuits it may have.

    A tiny one has up to 3 channels, 2 modes and 1 layer, one answer, and scores of classes.

    Every option is drawn: model, arrays, norms, head, meaning of the outputs, encoder, precision, features,
    classes, and how each part of the circuit is folded. In every eighth network one block serves all layers.
    Two sequences of unequal lengths go with it, at the edges of the input format too.
    """
    generator = np.random.default_rng(seed)

    def one(choices: Sequence[Any]) -> Any:
        return choices[int(generator.integers(len(choices)))]

    folded = not tiny and one(range(8)) == 0
    model, layers = one(FOLDABLE if folded else list(MODELS)), 1 if tiny else one((1, 1, 2, 3))
    layers = max(2, layers) if folded else layers
    channels = int(generator.integers(1, 4 if tiny else 10 if layers == 1 else 6))
    modes = int(generator.integers(1, 3 if tiny else 7))
    norm, position, final = one(NORMS[:3] if folded else NORMS)
    arrays = "s4d" if folded else ",".join(one(("s4d", "s4d", "s4d_real")) for _ in range(layers))
    precision = Precision(int(generator.integers(3, 9)), int(generator.integers(6, 17)))
    options = dict(
        features=int(generator.integers(1, 4)), classes=int(generator.integers(1, 5)),
        pooling=one(("mean", "last")), norm=norm, norm_position=position, final_norm=final, array=arrays,
    )  # fmt: skip
    if not tiny:
        options |= drawn_head(one)
    tokens = not tiny and options["features"] > 1 and one((False, False, True))
    network = drawn_network(model, channels, modes, layers, precision, seed, tokens=tokens, options=options)
    if folded:
        try:
            network = with_shared_formats(network)
        except StatespikeError:
            folded = False  # it is legal, but its layers cannot agree
        folded = folded and obstacle(network) is None
    if folded:
        folding = drawn_loop(network, one)
    else:
        folding = drawn_folding(network, streamed=bool(generator.integers(2)), one=one)
    low, high = network.encoder.input_range
    longest = int(generator.integers(3, 9))
    inputs = generator.integers(low, high + 1, (2, longest, network.beats_per_step))
    inputs[1] //= 4
    lengths = np.array([longest, int(generator.integers(1, longest + 1))])
    kinds = f"{'tokens ' if tokens else ''}{precision} {options} {folding}"
    recipe = f"{model} H={channels} N={modes} L={layers} {kinds}"
    return Drawn(recipe, network, folding, inputs, lengths)


FOLDABLE = ("gsu_lean", "binary_s4d", "spiking_ssm")
"""Models whose unit can serve several layers."""


def drawn_head(one: Choose) -> dict[str, Any]:
    """A head, its stride and time constant, and what the outputs are."""
    head, output = one(list(HEADS)), one(list(OUTPUTS))
    if head != "running":
        return {"pooling": head, "output": output}
    return {"pooling": head, "output": output, "stride": one((1, 2, 3)), "time_constant": one((2, 8))}


def drawn_network(
    model: str, channels: int, modes: int, layers: int, precision: Precision, seed: int, *, tokens: bool,
    options: dict[str, Any],
) -> QuantizedNetwork:  # fmt: skip
    """A network of such sizes, calibrated on drawn samples; options as of `tests.networks`."""
    if not tokens:
        return random_network(model, channels, modes, layers, seed=seed, precision=precision, **options)
    checkpoint = random_checkpoint(model, channels, modes, layers, seed=seed, **options)
    samples = random_tokens(4, 32, options["features"], seed=seed)
    return quantise(checkpoint, samples, INPUT, precision, encoder=EncoderChoice.TOKEN)


def drawn_loop(network: QuantizedNetwork, one: Choose) -> Folding:
    """Any folding in which one block serves all layers."""
    block = network.blocks[0]
    array, unit = ARRAYS[block.array.kind], UNITS[block.unit.kind].component
    layer = LayerFolding(
        one(list(array.foldings(block.array, MULTIPLIER_BLOCKS))),
        int(one(list(unit.lane_choices(block.unit)))),
    )
    target = replace(one((MULTIPLIER_BLOCKS, LOGIC_MULTIPLIERS)), tables_in_blocks=True)
    lanes = drawn_decoder(network, one)
    return Folding((layer,), encoder_bits=one((None, 1, 2)), decoder_lanes=lanes, target=target, folded=True)


def drawn_decoder(network: QuantizedNetwork, one: Choose) -> int:
    """Lanes of a decoder that answers again and again; 0 of others, without a draw."""
    return int(one(decoder_lanes(network.decoder))) if network.answer_stride is not None else 0


def drawn_folding(network: QuantizedNetwork, *, streamed: bool, one: Choose) -> Folding:
    """Any folding that the components offer; `one` draws from a sequence.

    Arrays that have no streamed form make the circuit a small one.
    """

    def layer(block) -> LayerFolding:
        array, unit = ARRAYS[block.array.kind], UNITS[block.unit.kind].component
        if streamed:
            return LayerFolding(
                one(list(array.streamed_foldings(block.array, MOST_MULTIPLIERS))),
                int(one(list(unit.lane_choices(block.unit)))),
                norm_multipliers=int(one(NORM_MULTIPLIERS)),
            )
        return LayerFolding(
            one(list(array.foldings(block.array, MULTIPLIER_BLOCKS))),
            int(one(list(unit.lane_choices(block.unit)))),
            sequential=unit.SEQUENTIAL_PART is not None and one((False, True)),
        )

    with drafts():
        streamed = streamed and all(
            list(ARRAYS[block.array.kind].streamed_foldings(block.array, MOST_MULTIPLIERS))
            for block in network.blocks
        )
        layers = tuple(layer(block) for block in network.blocks)
    lanes = drawn_decoder(network, one)
    if streamed:
        return Folding(layers, encoder_bits=None, decoder_lanes=lanes, streamed=True)
    target = one((MULTIPLIER_BLOCKS, LOGIC_MULTIPLIERS))
    return Folding(layers, encoder_bits=one((None, 1, 2)), decoder_lanes=lanes, target=target)
