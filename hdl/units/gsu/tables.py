"""The weights of a Gated Spiking Unit as its mixers' memories hold them: blocks of lanes."""

import numpy as np

from hdl.primitives.memory import concatenate
from quantize.layers.functions import TRIT_WIDTH
from quantize.layers.gsu import GatedProductSpec


def blocks_of(spec: GatedProductSpec, lanes: int) -> int:
    """Blocks of so many output channels.

    Raises
    ------
    ValueError
        If there are no lanes, or more than channels.
    """
    if not 1 <= lanes <= spec.channels:
        raise ValueError(f"a mixer of {spec.channels} channels has 1 to {spec.channels} lanes, not {lanes}")
    return -(-spec.channels // lanes)


def weight_words(spec: GatedProductSpec) -> np.ndarray:
    """The stored bits of the real weights, (H, H) from input to output channels."""
    return (spec.weight >> spec.idle_weight_bits) & ((1 << spec.stored_weight_width) - 1)


def trit_words(spec: GatedProductSpec) -> np.ndarray:
    """The ternary weights as two bits each, (H, H): not zero, and above it negative."""
    return (spec.table != 0) | (spec.table < 0) << 1


def rows_of(words: np.ndarray, width: int, lanes: int) -> list[int]:
    """A memory's contents: block by block, a row for each input channel, a word for each lane."""
    return [
        concatenate([(word, width) for word in lane_words])
        for start in range(0, words.shape[1], lanes)
        for lane_words in words[:, start : start + lanes].tolist()
    ]


def memory_shapes(spec: GatedProductSpec, lanes: int) -> list[tuple[int, int]]:
    """Rows and bits of a row of the memories of real and of ternary weights."""
    depth = blocks_of(spec, lanes) * spec.channels
    return [(depth, lanes * spec.stored_weight_width), (depth, lanes * TRIT_WIDTH)]
