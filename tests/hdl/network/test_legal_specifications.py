"""Every specification that is accepted can be built, and its circuit equals the reference.

Networks are drawn over the whole legal space: of a small one, some fields of any layer take values at the
edges of their ranges or anywhere within, and formats change wherever they are shared. What the specifications
refuse is no network; all else must elaborate in every build and compute what the reference computes.
"""

from dataclasses import fields, replace

import numpy as np
import pytest

from hdl.network.folding import Folding, LayerFolding
from hdl.network.top import Network
from hdl.ssm.component import ArrayFolding
from quantize.calibration import Precision
from quantize.configuration import MODELS
from quantize.formats import Format
from quantize.network import QuantizedNetwork
from quantize.specification import QuantizedNetworkError
from sim.backends.amaranth_simulator import AmaranthSimulator
from sim.compare import compare
from sim.stimulus import Stimulus
from tests.hdl.collisions import garbage_for_undefined_reads
from tests.networks import random_network


def with_layers(network, change):
    """The network with `change(name, layer)` in the place of each layer."""
    new = {name: change(name, layer) for name, layer in network.layers()}
    blocks = tuple(
        replace(block, array=new[f"array_{index}"], unit=new[f"unit_{index}"], norm=new.get(f"norm_{index}"))
        for index, block in enumerate(network.blocks)
    )
    return QuantizedNetwork(
        new["encoder"], blocks, new["pool"], new["decoder"], network.provenance, new.get("norm")
    )


def drawn_format(value, generator):
    width = generator.choice([value.width, value.width, value.width, 1, 8, 17, generator.integers(1, 33)])
    near, far = value.fraction + generator.integers(-6, 7), generator.integers(-64, 65)
    return Format(int(width), int(np.clip(generator.choice([near, far]), -64, 64)))


def drawn_words(value, low, high, generator):
    kind = generator.integers(5)
    if kind < 3:
        return np.full_like(value, (0 if low <= 0 else low, low, high)[kind])
    if kind == 3:
        return generator.integers(low, high + 1, value.shape)
    changed = value.copy()
    changed.flat[generator.integers(value.size)] = generator.choice([low, high, 0, 1])
    return changed


def changed(network, generator):
    """The network with one field of one layer drawn anew, or one format wherever it is used."""
    layers = dict(network.layers())
    name = list(layers)[generator.integers(len(layers))]
    item = fields(layers[name])[generator.integers(len(fields(layers[name])))]
    value = getattr(layers[name], item.name)
    if isinstance(value, Format):
        new = drawn_format(value, generator)

        def exchanged(_, layer):
            found = {each.name: getattr(layer, each.name) for each in fields(layer)}
            shared = {key: new for key, each in found.items() if isinstance(each, Format) and each == value}
            return replace(layer, **shared)

        return with_layers(network, exchanged)
    low, high = item.metadata["low"], item.metadata["high"]
    if "shape" in item.metadata:
        new = drawn_words(value, low, high, generator)
    else:
        near = np.clip(value + generator.integers(-4, 5), low, high)
        new = int(generator.choice([low, high, near, generator.integers(low, high + 1)]))
    return with_layers(
        network, lambda other, layer: replace(layer, **{item.name: new}) if other == name else layer
    )


def drawn_network(seed):
    """A legal network, and how it is folded; None if what was drawn is refused."""
    generator = np.random.default_rng(seed)
    norm = ("batch", "batch", "layer")[seed % 3]
    network = random_network(
        MODELS[seed % len(MODELS)], *(int(size) for size in generator.integers(1, 4, 2)), 1, seed=seed % 7,
        norm=norm, norm_position="post" if norm == "layer" and seed % 2 else "pre",
        pooling="mean" if seed % 5 else "last",
        precision=Precision(int(generator.integers(3, 9)), int(generator.integers(6, 17))),
    )  # fmt: skip
    try:
        for _ in range(generator.integers(0, 4)):
            network = changed(network, generator)
    except QuantizedNetworkError:
        return None
    streamed = bool(generator.integers(2))
    multipliers = int(generator.choice([2, 4] if streamed else [1, 2, 3, 4]))
    bits = None if streamed else (None, 1, 2)[generator.integers(3)]
    layers = (LayerFolding(ArrayFolding(multipliers), 1),)
    return network, Folding(layers, encoder_bits=bits, streamed=streamed)


def check(seed):
    """Whether the seed gives a network; if it does, its circuit equals the reference."""
    drawn = drawn_network(seed)
    if drawn is None:
        return False
    network, folding = drawn
    low, high = network.encoder.input_range
    u = np.random.default_rng(seed).integers(low, high + 1, (2, 5, network.beats_per_step))
    with garbage_for_undefined_reads():
        run = AmaranthSimulator().run(Network(network, folding, taps=True), Stimulus(list(u), 0.1, 0.1, seed))
    comparison = compare(network.compute(u), run)
    assert comparison.bit_exact, f"seed {seed}: {comparison.first_mismatch}"
    return True


def test_gains_so_small_that_a_norm_gives_nothing():
    assert check(194)


def test_accepted_networks_equal_their_reference():
    assert sum(check(seed) for seed in range(12)) >= 4


@pytest.mark.exhaustive
def test_many_accepted_networks_equal_their_reference():
    assert sum(check(seed) for seed in range(100, 1100)) >= 300
