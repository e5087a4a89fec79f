"""What a search chooses from."""

from itertools import product

import pytest

from quantize.calibration import Precision
from quantize.configuration import ARRAY_NAMES, MODELS
from quantize.convert import quantise
from quantize.errors import StatespikeError
from quantize.formats import significant
from sim.pace import Pace
from statespike.library.simulation import simulate
from statespike.search.space import Space, Specification, read_space
from tests.networks import INPUT, random_checkpoint, random_samples


def test_a_space_comes_back_from_json_as_it_was():
    space = Space(model=("gsu", "prf"), channels=(4, 5, 6))
    assert Space.from_json(space.as_json()) == space
    assert Space.from_json({"channels": [4, 5, 6]}).modes == Space().modes
    assert Space(*[values[:2] for _, values in Space().choices()]).size == 2**14


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"chanels": [4]}, "unknown entry 'chanels'"),
        ({"channels": 4}, "channels is 4; give a list"),
        ({"channels": []}, "nothing for channels"),
        ({"channels": [0]}, "has 0 for channels"),
        ({"channels": [True]}, "has True for channels"),
        ({"model": ["lstm"]}, "has the model 'lstm'"),
        ({"mixer_bits": [9]}, "9 bits is out of range"),
        ({"state_bits": [99]}, "99 state bits is out of range"),
        ({"build": ["large"]}, "has the build 'large'; choose from any, small, streamed, folded"),
        ({"clock_mhz": [-1]}, "has -1 for clock_mhz; give whole numbers of at least 0"),
        ({"twentieths": [0]}, "has 0 for twentieths; give whole numbers of at least 1"),
        ({"twentieths": [20]}, "a ternary threshold is less than 20 twentieths"),
    ],
)
def test_a_space_that_cannot_be_is_refused(values, sentence):
    with pytest.raises(StatespikeError, match=sentence):
        Space.from_json(values)


@pytest.mark.parametrize(("model", "array"), list(product(MODELS, ARRAY_NAMES)))
def test_every_pair_of_kinds_is_a_network(model, array):
    specification = Specification(model, array, "mean", 2, 4, 2, 8, 8, 8, 14)
    assert specification.recipe().network_config(1, 10).arrays == (array, array)


def test_what_means_nothing_is_what_it_usually_is():
    common = ("mean", 1, 4, 2, 8, 8, 8, 14)
    assert Specification("prf", "s4d", *common, 6, "folded") == Specification("prf", "s4d", *common)
    assert Specification("gsu", "s4d", *common, 6).twentieths == 6


def test_a_specification_tells_what_is_unusual_of_it():
    common = ("gsu_lean", "s4d", "mean", 2, 4, 2, 8, 8, 8, 14)
    assert str(Specification(*common)) == "gsu_lean s4d 2x4x2 mean 8/8/8/14"
    unusual = Specification(*common, 6, "folded", 1000, 24)
    assert str(unusual) == "gsu_lean s4d 2x4x2 mean 8/8/8/14 6/20 folded 1,000/s 24 MHz"


def test_bits_left_out_are_those_of_the_poles():
    assert Precision(6) == Precision(6, 14, 6, 6)
    with pytest.raises(StatespikeError, match="9 mixer bits is out of range"):
        Precision(6, mixers=9)


@pytest.mark.parametrize("array", ARRAY_NAMES)
def test_each_kind_of_tensor_keeps_its_own_bits(array):
    checkpoint = random_checkpoint("s4d", 3, 2, 1, seed=1, array=array)
    x = random_samples(4, 12, seed=2)
    precision = Specification("s4d", array, "mean", 1, 3, 2, 8, 5, 3, 12).precision
    network = quantise(checkpoint, x, INPUT, precision)
    block = network.blocks[0]
    for mixer in (block.unit.value, block.unit.gate):
        assert (significant(mixer, 3) == mixer).all()
    outputs = block.array.weight if array == "s4d_real" else block.array.position_weight
    assert (significant(outputs, 5) == outputs).all()
    poles = block.array.decay if array == "s4d_real" else block.array.damping
    assert (significant(poles, 5) != poles).any()
    assert simulate(network, x, simulator="amaranth", pace=Pace()).bit_exact


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"\xff", "is not JSON"), (b"[1]", "not a JSON object"), (b'{"model": [[]]}', "space.json: ")],
)
def test_a_file_that_is_no_space_is_refused(tmp_path, content, sentence):
    (tmp_path / "space.json").write_bytes(content)
    with pytest.raises(StatespikeError, match=sentence):
        read_space(tmp_path / "space.json")


def test_a_space_is_read_from_a_file(tmp_path):
    (tmp_path / "space.json").write_text('{"channels": [4, 8]}')
    assert read_space(tmp_path / "space.json") == Space(channels=(4, 8))
