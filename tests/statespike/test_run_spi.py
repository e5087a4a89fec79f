"""Networks on virtual boards at an SPI bus: through the pins, the logits are the reference's."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import statespike
from boards.compiled import CompiledSpiBoard, compile_board
from boards.folder import open_build
from boards.host import Host
from boards.spi_port import VirtualSpiPort
from quantize.errors import StatespikeError
from tests.boards.test_spi import NoisyBus
from tests.networks import random_network, random_samples


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A build of a tiny network for SPI on the iCEBreaker, without a bitstream."""
    path = tmp_path_factory.mktemp("board") / "build"
    network = random_network("prf", 4, 2, 1, seed=3, features=2)
    statespike.build(network, path, "icebreaker", seeds=[], link="spi", counters=True)
    return path


@pytest.fixture(scope="module")
def kept(folder, tmp_path_factory):
    """Where the compiled board is kept: it is compiled once."""
    place = tmp_path_factory.mktemp("kept")
    compile_board(open_build(folder).design, open_build(folder).board.device.family, place, "spi")
    return place


@pytest.fixture
def bus(folder, kept):
    """The bus of a compiled board that was just switched on."""
    build = open_build(folder)
    library = compile_board(build.design, build.board.device.family, kept, "spi")
    bus = CompiledSpiBoard(library, build.clock_mhz / build.sck_mhz / 2)
    yield bus
    bus.close()


def test_a_network_on_a_virtual_bus_equals_the_reference(folder, kept):
    x = random_samples(3, 5, 2, seed=4)
    with statespike.Board(folder, virtual=True, keep=kept) as board:
        logits = board.run(x)
        assert board.restarts == 0
        assert board.port == "a virtual SPI bus"
        assert board.counters()["steps"] == 15
        network = board.network
    assert np.array_equal(logits, network.compute(network.inputs(x)).logits)


def test_a_sequence_goes_on_in_a_later_call(folder, kept):
    x = random_samples(1, 7, 2, seed=4)
    with statespike.Board(folder, virtual=True, keep=kept) as board:
        board.feed(x[0, :4])
        saved = board.saved()
    with statespike.Board(folder, virtual=True, keep=kept, saved=saved) as board:
        answer = board.feed(x[0, 4:], ended=True)
        network = board.network
    assert np.array_equal(answer.logits, network.compute(network.inputs(x)).logits)


def test_faults_on_the_wires_never_end_in_a_wrong_answer(folder, bus):
    build = open_build(folder)
    u = build.network.inputs(random_samples(1, 30, 2, seed=4))
    expected = build.network.compute(u).logits
    repeated = 0
    for seed in range(20):
        noisy = NoisyBus(bus, 0.003, seed)
        try:
            host = Host(VirtualSpiPort(noisy, 0.1), build.link)
            assert np.array_equal(host.run(list(u)), expected), f"a wrong answer with seed {seed}"
            repeated += host.restarts > 1
        except StatespikeError:
            assert noisy.faults, f"seed {seed}"
    assert repeated > 3


@pytest.mark.slow
def test_twenty_digits_through_the_spi_pins_equal_the_reference(run, tmp_path):
    folder = tmp_path / "build"
    assert run("build", "digits-prf", "--link", "spi", "--no-bitstream", "-o", folder).exit_code == 0
    result = run(
        "run", folder, "digits", "--limit", 20, "--virtual", "--check", "--json", tmp_path / "run.json"
    )
    assert result.exit_code == 0, result.stderr
    assert "all 200 logits equal the integer reference" in result.stdout
    figures = json.loads((tmp_path / "run.json").read_text())
    assert (figures["sequences"], figures["steps"], figures["restarts"]) == (20, 1280, 0)
    assert (figures["bit_exact"], figures["virtual"]) == (True, True)
    assert figures["accuracy"] > 0.7


def test_run_takes_the_device_that_it_is_given(run, folder, bus, monkeypatch, tmp_path):
    class SpiDev:
        def open_path(self, path):
            assert path == "/dev/spidev1.0"

        def xfer2(self, values):
            assert (self.mode, self.max_speed_hz) == (0, 1_500_000)
            return list(bus.exchange(bytes(values)))

        def close(self): ...

    monkeypatch.setitem(sys.modules, "spidev", SimpleNamespace(SpiDev=SpiDev))
    np.savez(tmp_path / "data.npz", x=random_samples(2, 5, 2, seed=4), y=np.zeros(2, int))
    result = run("run", folder, "--data", tmp_path / "data.npz", "--spi", "/dev/spidev1.0", "--check")
    assert result.exit_code == 0, result.stderr
    assert "on /dev/spidev1.0" in result.stdout
    assert "logits equal the integer reference" in result.stdout


def test_the_device_of_another_line_is_refused(refuse, folder, tmp_path):
    assert "was built with --link spi: name its device with --spi, not --port" in refuse(
        "run", folder, "digits", "--port", "/dev/ttyUSB1"
    )
    network = open_build(folder).network
    statespike.build(network, tmp_path / "build", "icebreaker", seeds=[])
    assert "was built with --link uart: name its device with --port, not --spi" in refuse(
        "run", tmp_path / "build", "digits", "--spi", "/dev/spidev0.0"
    )


@pytest.mark.parametrize(("names", "sentence"), [((), "there is none"), (("a", "b"), "there are a, b")])
def test_a_bus_is_not_guessed(refuse, folder, monkeypatch, names, sentence):
    monkeypatch.setattr("statespike.library.board.Path.glob", lambda *_: iter(names))
    said = refuse("run", folder, "digits", "--limit", 1)
    assert f"which SPI device is the board's? {sentence}; name it with --spi" in said


def test_a_build_tells_its_line(run, folder, tmp_path):
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["line"], manifest["sck_mhz"], "baud" in manifest) == ("spi", 1.5, False)
    assert manifest["top"]["ports"]["miso"]["pin"] == "47"
    assert open_build(folder).board.pins["cs_n"] == "4"


def test_a_board_without_pins_for_spi_is_refused(refuse, tmp_path):
    said = refuse("build", "digits-prf", "--board", "tang-nano-9k", "--link", "spi", "-o", tmp_path / "build")
    assert "no pins for SPI are known of tang-nano-9k; boards with some are icebreaker, icesugar" in said
    said = refuse("build", "digits-prf", "--link", "i2c", "-o", tmp_path / "build")
    assert "unknown link 'i2c'; choose one of uart, spi" in said
    assert not (tmp_path / "build").exists()


@pytest.mark.slow
def test_another_network_is_loaded_over_spi(run, tmp_path):
    folder = tmp_path / "build"
    built = run("build", "digits-gsu_lean", "--link", "spi", "--reload", "--no-bitstream", "-o", folder)
    assert built.exit_code == 0, built.stderr
    result = run(
        "run", folder, "digits", "--limit", 2, "--virtual", "--check", "--network", "digits-gsu_lean-4bit"
    )
    assert result.exit_code == 0, result.stderr
    assert "all 20 logits equal the integer reference" in result.stdout
