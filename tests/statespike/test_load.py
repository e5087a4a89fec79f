"""Networks that are loaded into a board: its answers are theirs, to the last bit."""

import json
import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import statespike
from boards.boards import board
from boards.folder import open_build
from quantize.convert import Precision, quantise
from quantize.errors import StatespikeError
from quantize.file import save_network
from quantize.imposed import ImposedFormats
from statespike.library.bitstreams import board_plan
from statespike.models.tasks.registry import load_task
from tests.networks import INPUT, random_checkpoint, random_network, random_samples, random_tokens

BUILT, OTHER = "digits-gsu_lean", "digits-gsu_lean-4bit"


@pytest.fixture(scope="module")
def network():
    return statespike.quantise(statespike.load(BUILT))


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    """A build for the iCEBreaker that can be loaded, without a bitstream."""
    path = tmp_path_factory.mktemp("board") / "build"
    statespike.build(network, path, "icebreaker", seeds=[], reload=True)
    return path


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the compiled board is kept."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def other(network):
    with pytest.warns(UserWarning, match="the scales of the other network clip 1 word"):
        return statespike.quantise(statespike.load(OTHER), formats_of=network)


def test_a_folder_tells_what_can_be_loaded(folder, network, other):
    manifest = json.loads((folder / "manifest.json").read_text())
    tables = manifest["tables"]
    assert tables["bytes"] == sum(table["rows"] * -(-table["bits"] // 8) for table in tables["list"])
    build = open_build(folder)
    link, loaded = build.loaded_with(network)
    assert link == build.link
    assert [len(table.words) for table in loaded[:-1]] == [table["rows"] for table in tables["list"]]
    assert build.loaded_with(other)[0].identity != build.link.identity


def test_another_shape_is_refused(folder, run, network, tmp_path):
    wider = random_network("gsu_lean", 4, 4, 2, seed=1, classes=10)
    with pytest.raises(StatespikeError, match="it has encoder with size H 4, not 8; quantise its checkpoint"):
        open_build(folder).loaded_with(wider)
    save_network(wider, tmp_path / "wider.safetensors")
    result = run("load", folder, tmp_path / "wider.safetensors", "--virtual")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("error: the network does not fit the circuit in")
    assert "compiling" not in result.stderr
    result = run("run", folder, "digits", "--virtual", "--network", "digits-gsu")
    assert result.exit_code == 2
    assert "unit_0 is of the kind gsu, and there is one of the kind gsu_lean" in result.stderr
    first, second = network.blocks
    finer = replace(first.array, accumulator_fraction=first.array.accumulator_fraction + 1)
    moved = replace(network, blocks=(replace(first, array=finer), second))
    with pytest.raises(StatespikeError, match="array_0 with accumulator fraction"):
        open_build(folder).loaded_with(moved)


def test_a_build_with_constant_tables_is_refused(run, tmp_path):
    drawn = random_network("prf", 3, 2, 1, seed=1)
    statespike.build(drawn, tmp_path / "build", "icebreaker", seeds=[])
    save_network(drawn, tmp_path / "network.safetensors")
    result = run("load", tmp_path / "build", tmp_path / "network.safetensors", "--virtual")
    assert result.exit_code == 2
    assert "holds a circuit whose tables are constant" in result.stderr
    assert "tables" not in json.loads((tmp_path / "build" / "manifest.json").read_text())


def test_formats_of_a_checkpoint_are_refused(run, tmp_path):
    result = run("quantize", BUILT, "--formats-of", OTHER, "-o", tmp_path / "network.safetensors")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert f"{OTHER} is a checkpoint, whose formats are not chosen yet" in result.stderr
    assert not (tmp_path / "network.safetensors").exists()


@pytest.mark.slow
def test_twenty_digits_follow_the_network_that_is_loaded(folder, kept, network, other):
    x = load_task("digits", None).test.x[:20]
    of_own, of_other = (statespike.evaluate(each, x).logits for each in (network, other))
    assert not np.array_equal(of_own, of_other)
    with statespike.Board(folder, virtual=True, keep=kept) as opened:
        assert np.array_equal(opened.run(x), of_own)
        loaded = opened.load(other)
        assert loaded.table_bytes == opened.load(other).table_bytes > 900
        assert np.array_equal(opened.run(x), of_other)
        opened.load(network)
        assert np.array_equal(opened.run(x), of_own)
        assert opened.restarts == 0


@pytest.mark.slow
def test_a_command_loads_and_tells_what_it_loaded(run, folder, kept, tmp_path):
    result = run("load", folder, BUILT, "--virtual", "--keep", kept, "--json", tmp_path / "own.json")
    assert result.exit_code == 0, result.stderr
    assert f"holds {BUILT} already" in result.stdout
    assert json.loads((tmp_path / "own.json").read_text())["loaded"] is None
    result = run("run", folder, "digits", "--limit", 20, "--virtual", "--check", "--network", OTHER,
                 "--keep", kept, "--json", tmp_path / "run.json")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "all 200 logits equal the integer reference" in result.stdout
    figures = json.loads((tmp_path / "run.json").read_text())
    assert figures["loaded"]["network_sha256"] == figures["network_sha256"]
    assert figures["loaded"]["sent_bytes"] > figures["loaded"]["table_bytes"] > 900
    assert figures["loaded"]["seconds"] > 0
    assert figures["loaded"]["tables"] == json.loads((folder / "manifest.json").read_text())["tables"]["list"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the scales of the other network clip")
@pytest.mark.parametrize(
    ("model", "name", "link"),
    [
        ("gsu", "icebreaker", "uart"),
        ("binary_s4d", "icebreaker", "spi"),
        ("gsu_lean", "ulx3s-25f", "uart"),
    ],
)
def test_other_kinds_boards_and_lines_are_loaded(model, name, link, tmp_path):
    """From integers in a file of the folder, as a host has them that did not build it."""
    own = statespike.quantise(statespike.load(f"digits-{model}"))
    statespike.build(own, tmp_path / "build", name, seeds=[], reload=True, link=link, counters=link == "spi")
    shutil.move(tmp_path / "build", tmp_path / "moved")
    there = statespike.quantise(statespike.load(f"digits-{model}-4bit"), formats_of=own)
    x = load_task("digits", None).test.x[:20]
    with statespike.Board(tmp_path / "moved", virtual=True, network=there) as opened:
        assert opened.loaded is not None
        assert np.array_equal(opened.run(x), statespike.evaluate(there, x).logits)


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:the scales of the other network clip", "ignore:some outputs have only weights"
)
def test_a_circuit_that_serves_all_layers_in_turn_is_loaded(tmp_path):
    sample = load_task("smnist-sample", None)
    own = statespike.quantise(statespike.load("smnist-gsu_lean"), sample.calibration.x, shared_formats=True)
    there = statespike.quantise(statespike.load("fashion-gsu_lean"), sample.calibration.x, formats_of=own)
    plan = board_plan(own, board("icebreaker"), folded=True, reload=True)
    statespike.build(own, tmp_path / "build", "icebreaker", plan=plan, seeds=[], reload=True)
    x = sample.test.x[:20]
    with statespike.Board(tmp_path / "build", virtual=True) as opened:
        assert np.array_equal(opened.run(x[:2]), statespike.evaluate(own, x[:2]).logits)
        loaded = opened.load(there)
        assert loaded.table_bytes > 5000
        assert np.array_equal(opened.run(x), statespike.evaluate(there, x).logits)


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:the scales of the other network clip", "ignore:some outputs have only weights"
)
def test_tables_in_single_port_memories_are_loaded(run, tmp_path):
    """A board whose block memories do not suffice begins without a network, and is loaded with its own."""
    sample = load_task("smnist-sample", None)
    own = statespike.quantise(statespike.load("smnist-gsu_lean"), sample.calibration.x)
    there = statespike.quantise(statespike.load("fashion-gsu_lean"), sample.calibration.x, formats_of=own)
    result = statespike.build(own, tmp_path / "build", "icebreaker", seeds=[], reload=True)
    tables = result.manifest["tables"]
    assert not tables["begin_loaded"]
    assert sum(-(-table["single_port_bits"] // 16) for table in tables["list"]) == 4
    x = sample.test.x[:20]
    with statespike.Board(tmp_path / "build", virtual=True, keep=tmp_path / "kept") as opened:
        assert opened.loaded is not None
        assert np.array_equal(opened.run(x[:2]), statespike.evaluate(own, x[:2]).logits)
        assert opened.load(there).tables == tables["list"]
        assert np.array_equal(opened.run(x), statespike.evaluate(there, x).logits)
        opened.load(own)
        assert np.array_equal(opened.run(x[:2]), statespike.evaluate(own, x[:2]).logits)
        assert opened.restarts == 0
    told = run("run", tmp_path / "build", "smnist-sample", "--limit", 1, "--virtual", "--check",
               "--keep", tmp_path / "kept")  # fmt: skip
    assert told.exit_code == 0, told.stderr
    assert "loaded 15 tables of" in told.stderr
    assert "all 10 logits equal the integer reference" in told.stdout


DRAWN: dict[str, dict[str, Any]] = {
    "running head": {"pooling": "running", "stride": 3, "time_constant": 4},
    "an answer a step": {"pooling": "every_step"},
    "last step": {"pooling": "last"},
    "real modes": {"array": "s4d_real"},
    "tokens": {"features": 5},
    "norms": {"norm": "layer", "final_norm": "layer"},
    "regression": {"output": "regression", "pooling": "every_step"},
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", DRAWN)
def test_networks_with_other_heads_encoders_and_arrays_are_loaded(case, tmp_path):
    options = DRAWN[case]
    features = options.get("features", 1)
    own, there = (random_checkpoint("gsu_lean", 4, 2, 1, seed=seed, **options) for seed in (1, 2))
    draw = random_tokens if case == "tokens" else random_samples
    samples, x = draw(4, 32, features, seed=1), draw(5, 12, features, seed=3)
    first = quantise(own, samples, INPUT, Precision())
    second = quantise(there, samples, INPUT, Precision(), formats=ImposedFormats(first))
    assert (first.encoder.kind == "embedding") == (case == "tokens")
    # Two norms are more than the iCEBreaker holds.
    name = "ulx3s-25f" if case == "norms" else "icebreaker"
    statespike.build(first, tmp_path / "build", name, seeds=[], reload=True)
    of_first, of_second = (statespike.evaluate(each, x).logits for each in (first, second))
    assert not np.array_equal(of_first, of_second)
    with statespike.Board(tmp_path / "build", virtual=True) as opened:
        assert np.array_equal(opened.run(x), of_first)
        opened.load(second)
        assert np.array_equal(opened.run(x), of_second)
