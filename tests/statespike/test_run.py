"""Networks on virtual boards: through the pins and a pseudo-terminal, the logits are the reference's."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import statespike
from boards.compiled import CompiledBoard, compile_board
from boards.folder import open_build
from boards.host import Host
from boards.terminal import TerminalBoard, VirtualPort
from quantize.errors import StatespikeError
from statespike.application import application
from statespike.commands.run import counted_on_board
from statespike.models.tasks.registry import load_task
from tests.noise import NoisyLine

NETWORK = "digits-prf"
"""The smallest shipped network whose sequences are real."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A build for the iCEBreaker, without a bitstream."""
    path = tmp_path_factory.mktemp("board") / "build"
    statespike.build(statespike.quantise(statespike.load(NETWORK)), path, "icebreaker", seeds=[])
    return path


@pytest.fixture(scope="module")
def kept(folder, tmp_path_factory):
    """Where the compiled board is kept: it is compiled once."""
    place = tmp_path_factory.mktemp("kept")
    compile_board(open_build(folder).design, open_build(folder).board.device.family, place)
    return place


@pytest.fixture
def port(folder, kept):
    """Opens the port of the virtual board: `port(timeout)`."""
    opened = []

    def opened_port(timeout: float) -> VirtualPort:
        build = open_build(folder)
        library = compile_board(build.design, build.board.device.family, kept)
        board = CompiledBoard(library, build.clock_mhz * 1e6 / build.baud)
        opened.append(VirtualPort(TerminalBoard(board), build.baud, timeout))
        return opened[-1]

    yield opened_port
    for one in opened:
        one.close()


@pytest.mark.slow
def test_twenty_digits_through_the_pins_equal_the_reference(run, folder, kept, tmp_path):
    """The serial line's real baud rate and the board's real clock; every byte passes a pseudo-terminal."""
    logits = tmp_path / "logits.npy"
    result = run("run", folder, "digits", "--limit", 20, "--virtual", "--check", "--keep", kept,
                 "--logits", logits, "--json", tmp_path / "run.json")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "all 200 logits equal the integer reference" in result.stdout
    figures = json.loads((tmp_path / "run.json").read_text())
    assert (figures["sequences"], figures["steps"], figures["restarts"]) == (20, 1280, 0)
    assert figures["bit_exact"] is True
    assert figures["accuracy"] > 0.7
    assert figures["virtual"] is True
    test = load_task("digits", None).test
    network = open_build(folder).network
    assert np.array_equal(np.load(logits), network.compute(network.inputs(test.x[:20])).logits)


@pytest.mark.slow
def test_a_board_tells_what_it_counted(run, tmp_path):
    network = statespike.quantise(statespike.load(NETWORK))
    folder = tmp_path / "build"
    statespike.build(network, folder, "icebreaker", seeds=[], counters=True)
    result = run(
        "run", folder, "digits", "--limit", 2, "--virtual", "--check", "--json", tmp_path / "run.json"
    )
    assert result.exit_code == 0, result.stderr
    assert "the board counted 128 steps since its last restart" in result.stdout
    found = json.loads((tmp_path / "run.json").read_text())["counters"]
    clipped = network.compute(network.inputs(load_task("digits", None).test.x[:2])).saturations
    assert found["steps"] == 128
    assert 0 < found["waiting_cycles"] < found["busy_cycles"]
    for layer in range(len(network.blocks)):
        for kind in ("inputs", "states", "outputs"):
            assert found[f"clipped_{kind}_{layer}"] == clipped[f"array_{layer} {kind}"]
        assert found[f"clipped_sums_{layer}"] == clipped[f"layer_{layer} sums"]


def test_clips_beyond_what_a_counter_holds_are_told():
    few = {"steps": 1, "busy_cycles": 9, "waiting_cycles": 0, "clipped_inputs_0": 3, "clipped_sums_0": 65534}
    assert counted_on_board(few).endswith("; 65,537 values clipped")
    assert counted_on_board(few | {"clipped_sums_0": 65535}).endswith("; at least 65,538 values clipped")


def test_a_folder_says_whether_its_board_counts(folder, tmp_path):
    network = open_build(folder).network
    assert open_build(folder).link.counters == []
    result = statespike.build(network, tmp_path / "build", "icebreaker", seeds=[], counters=True)
    link = open_build(tmp_path / "build").link
    assert result.manifest["link"]["counted_layers"] == len(network.blocks)
    assert link.counters[:3] == ["steps", "busy_cycles", "waiting_cycles"]
    assert link.identity != open_build(folder).link.identity


def test_faults_on_the_wire_never_end_in_a_wrong_answer(folder, port):
    build = open_build(folder)
    u = build.network.inputs(load_task("digits", None).test.x[:1])
    expected = build.network.compute(u).logits
    line = port(0.3)
    repeated = told = 0
    for seed in range(12):
        noisy = NoisyLine(line, 0.004, seed)
        try:
            host = Host(noisy, build.link)
            assert np.array_equal(host.run(list(u)), expected), f"a wrong answer with seed {seed}"
        except StatespikeError:
            assert noisy.faults, f"seed {seed}"
            told += 1
        else:
            repeated += host.restarts > 1
    assert repeated > 2
    assert told < 10


def test_another_design_on_the_board_is_refused(folder, port):
    link = replace(open_build(folder).link, network="another")
    with pytest.raises(StatespikeError, match="the board holds another design"):
        Host(port(2.0), link)


def test_unplugging_in_mid_sequence_is_told(folder, port):
    build = open_build(folder)
    u = build.network.inputs(load_task("digits", None).test.x[:2])
    line = port(2.0)
    host = Host(line, build.link)
    host.run(list(u[:1]))
    line.virtual.unplug()
    with pytest.raises(StatespikeError, match="is the board still plugged in"):
        host.run(list(u[1:]))
    with pytest.raises(StatespikeError, match="is the board still plugged in"):
        Host(line, build.link)


def test_a_port_that_is_not_there_is_told(refuse, folder):
    said = refuse("run", folder, "digits", "--limit", 1, "--port", "/dev/nothing")
    assert "cannot open the serial port /dev/nothing" in said


@pytest.mark.parametrize(("names", "sentence"), [((), "there is none"), (("a", "b"), "there are a, b")])
def test_a_port_is_not_guessed(refuse, folder, monkeypatch, names, sentence):
    class Port:
        hwid = "USB"

        def __init__(self, device):
            self.device = device

    monkeypatch.setattr(
        "statespike.library.board.list_ports.comports", lambda: [Port(name) for name in names]
    )
    assert f"which serial port is the board's? {sentence}" in refuse("run", folder, "digits", "--limit", 1)


def test_a_silent_port_is_told(refuse, folder):
    said = refuse("run", folder, "digits", "--limit", 1, "--port", "loop://", "--timeout", 0.1)
    assert "the board could not be started in 5 attempts" in said


def test_folders_that_are_no_builds_of_boards_are_told(refuse, run, folder, tmp_path):
    assert "is not a build folder" in refuse("run", tmp_path, "digits", "--virtual")
    circuit = tmp_path / "circuit"
    assert run("generate", NETWORK, "-o", circuit, "--device", "ecp5-25k").exit_code == 0
    assert "holds a circuit without a board" in refuse("run", circuit, "digits", "--virtual")


@pytest.mark.parametrize(
    ("name", "before", "after", "sentence"),
    [
        ("design.v", "module top", "module other", "was changed since it was built"),
        ("network.safetensors", "digits", "digitz", "was changed since it was built"),
        ("manifest.json", '"baud"', '"bauds"', "not the manifest of a board's build"),
        ("manifest.json", '"features": 1', '"features": 2', "the link in .* is not that of network"),
    ],
)
def test_files_that_were_changed_are_told(folder, tmp_path, name, before, after, sentence):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    content = (copy / name).read_bytes()
    assert before.encode() in content
    (copy / name).write_bytes(content.replace(before.encode(), after.encode()))
    with pytest.raises(StatespikeError, match=sentence):
        open_build(copy)


def test_data_of_another_shape_is_told(folder, kept):
    with (
        statespike.Board(folder, virtual=True, keep=kept) as board,
        pytest.raises(StatespikeError, match=r"the data has shape \(1, 3, 2\), the network takes"),
    ):
        board.run(np.zeros((1, 3, 2)))


def test_answers_are_printed_as_lines_come(folder, kept, tmp_path):
    x = load_task("digits", None).test.x[:2]
    lines = "\n\n".join("\n".join(str(value) for value in sequence[:, 0]) for sequence in x)
    arguments = ["run", folder, "--live", "--virtual", "--check", "--keep", kept]
    result = CliRunner().invoke(application, [str(one) for one in arguments], input=lines)
    assert result.exit_code == 0, result.output
    network = open_build(folder).network
    first, second = network.compute(network.inputs(x)).logits.argmax(1)
    assert f"sequence 1: class {first}, after" in result.stdout
    assert f"sequence 2: class {second}, after" in result.stdout
    assert "all 20 logits equal the integer reference" in result.stdout
    assert "a step is 1 number, rounded to multiples of" in result.stderr


def test_one_source_of_sequences_is_taken(refuse, folder):
    assert "give one source of sequences" in refuse("run", folder, "digits", "--live", "--virtual")


def test_a_recording_is_looked_at_before_the_board(refuse, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("statespike.commands.run.Board", None)
    sentence = refuse("run", folder, "--wav", tmp_path / "clip.wav", "--virtual")
    assert "not on sound; WAV files are for networks of" in sentence
