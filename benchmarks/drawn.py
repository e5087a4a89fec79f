"""Small drawn networks, over every option of a model and of its circuit, reproduced by a seed."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from hdl.devices.features import LOGIC_MULTIPLIERS, MULTIPLIER_BLOCKS
from hdl.network.folding import Folding, LayerFolding
from hdl.network.kinds import ARRAYS, UNITS
from hdl.network.top import Network
from hdl.norm.streamed_step_norm import NORM_MULTIPLIERS
from hdl.primitives.drafts import drafts
from quantize.configuration import UNIT_TENSORS
from quantize.convert import Precision
from quantize.formats import Integers
from quantize.network import QuantizedNetwork
from tests.networks import random_network


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


@cache
def drawn(seed: int, *, tiny: bool = False) -> Drawn:
    """A small network of up to 9 channels, 6 modes and 3 layers, and one of all the circuits it may have.

    A tiny one has up to 3 channels, 2 modes and 1 layer.

    Every option is drawn: model, arrays, norms, pooling, precision, features, classes, and how each part of
    the circuit is folded. Two sequences of unequal lengths go with it, at the edges of the input format too.
    """
    generator = np.random.default_rng(seed)

    def one(choices):
        return choices[int(generator.integers(len(choices)))]

    model, layers = one(list(UNIT_TENSORS)), 1 if tiny else one((1, 1, 2, 3))
    channels = int(generator.integers(1, 4 if tiny else 10 if layers == 1 else 6))
    modes = int(generator.integers(1, 3 if tiny else 7))
    norm, position, final = one(NORMS)
    arrays = ",".join(one(("s4d", "s4d", "s4d_real")) for _ in range(layers))
    precision = Precision(int(generator.integers(3, 9)), int(generator.integers(6, 17)))
    options = dict(
        features=int(generator.integers(1, 4)), classes=int(generator.integers(1, 5)),
        pooling=one(("mean", "last")), norm=norm, norm_position=position, final_norm=final, array=arrays,
    )  # fmt: skip
    network = random_network(model, channels, modes, layers, seed=seed, precision=precision, **options)
    folding = drawn_folding(network, streamed=bool(generator.integers(2)), one=one)
    low, high = network.encoder.input_range
    longest = int(generator.integers(3, 9))
    inputs = generator.integers(low, high + 1, (2, longest, network.beats_per_step))
    inputs[1] //= 4
    lengths = np.array([longest, int(generator.integers(1, longest + 1))])
    recipe = f"{model} H={channels} N={modes} L={layers} {precision} {options} {folding}"
    return Drawn(recipe, network, folding, inputs, lengths)


def drawn_folding(network: QuantizedNetwork, *, streamed: bool, one) -> Folding:
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
    if streamed:
        return Folding(layers, encoder_bits=None, streamed=True)
    return Folding(layers, encoder_bits=one((None, 1, 2)), target=one((MULTIPLIER_BLOCKS, LOGIC_MULTIPLIERS)))
