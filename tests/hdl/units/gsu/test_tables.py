"""The memories of a Gated Spiking Unit hold its weights, a row for each input channel of each block."""

from dataclasses import replace

import numpy as np
import pytest

from hdl.primitives.memory import rows_of_blocks
from hdl.units.gsu.tables import LayerTables, blocks_of, memory_shapes, trit_words, weight_words
from tests.networks import random_network


def spec_of(channels: int):
    return random_network("gsu", channels, 2, 1, seed=channels).blocks[0].unit


@pytest.mark.parametrize(("channels", "lanes"), [(1, 1), (5, 2), (6, 3), (7, 7)])
def test_every_weight_can_be_read_back(channels, lanes):
    spec = spec_of(channels)
    width = spec.stored_weight_width
    shapes = memory_shapes(spec, lanes)
    for words, bits, (depth, row_bits) in (
        (weight_words(spec), width, shapes[0]),
        (trit_words(spec), 2, shapes[1]),
    ):
        rows = rows_of_blocks(words, bits, lanes)
        assert (len(rows), lanes * bits) == (depth, row_bits)
        for output in range(channels):
            block, lane = divmod(output, lanes)
            read = [rows[block * channels + channel] >> lane * bits for channel in range(channels)]
            assert [word & ((1 << bits) - 1) for word in read] == words[:, output].tolist()


def test_words_are_the_weights():
    spec = spec_of(6)
    bits = spec.stored_weight_width
    signed = np.where(weight_words(spec) >> (bits - 1), weight_words(spec) - (1 << bits), weight_words(spec))
    assert np.array_equal(signed << spec.idle_weight_bits, spec.weight)
    trits = trit_words(spec)
    assert np.array_equal(np.where(trits & 2, -1, 1) * (trits & 1), spec.table)


@pytest.mark.parametrize("lanes", [0, 7])
def test_lanes_that_no_mixer_has_are_refused(lanes):
    with pytest.raises(ValueError, match="a mixer of 6 channels has 1 to 6 lanes"):
        blocks_of(spec_of(6), lanes)


def test_tables_of_several_layers_stand_behind_each_other_at_the_finest_scale():
    first, second = (random_network("gsu_lean", 3, 1, 1, seed=seed).blocks[0].unit for seed in (1, 2))
    finer = replace(first, weight_fraction=first.weight_fraction + 2, weight=first.weight | 1)
    coarser = replace(second, weight_fraction=first.weight_fraction)
    tables, lanes = LayerTables((finer, coarser)), 2
    assert tables.bias.tolist() == [*finer.bias, *(4 * coarser.bias)]
    width = tables.stored_weight_width
    expected = rows_of_blocks(
        np.concatenate([finer.weight, 4 * coarser.weight]) & ((1 << width) - 1), width, 3
    )
    rows = tables.weight_rows(lanes=3)
    assert rows == expected
    assert len(tables.weight_rows(lanes)) == len(tables.trit_rows(lanes)) == 2 * 2 * 3
    assert LayerTables((coarser,)).stored_weight_width == coarser.stored_weight_width < width
