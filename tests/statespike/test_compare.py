"""`statespike compare`: a row for each kind of unit and part, all in the same kind of build."""

import json

import pytest

import statespike
from hdl.devices.devices import find_device
from hdl.network.top import Network
from hdl.planning.planner import plan_network
from statespike import comparison
from statespike.comparison import shipped_kinds
from statespike.models import ZOO
from tests.networks import trained_numbers

PAGE = "# Page\n\n<!-- table digits -->\n\nold\n\n<!-- end of table digits -->\n\nAfter.\n"


@pytest.fixture
def two_kinds(monkeypatch):
    """Two kinds alone: planning takes seconds for each."""
    monkeypatch.setattr(comparison, "MODELS", ("prf", "binary_s4d"))


@pytest.mark.usefixtures("two_kinds")
def test_kinds_side_by_side(run, tmp_path):
    page, svg, parts, figures = (tmp_path / name for name in ("page.md", "out.svg", "p.svg", "out.json"))
    page.write_text(PAGE)
    files = ("--page", page, "--svg", svg, "--parts", parts, "--json", figures)
    result = run("compare", "--device", "up5k", "--limit", 20, *files)
    assert result.exit_code == 0, result.output
    written = json.loads(figures.read_text())
    first, second = written["tasks"]["digits"]
    assert (first["model"], second["model"]) == ("prf", "binary_s4d")
    assert written["build"] == first["build"] == "small"
    assert list(first["accuracies"]) == ["float", "8 bits", "6 bits", "4 bits"]
    # The observed accuracy is that of the first width, over the same sequences.
    assert first["accuracy"] == first["accuracies"]["8 bits"]
    assert first["sequences"] == first["observed_sequences"] == 20
    assert 0 < first["energy_uj"]["low"] < first["energy_uj"]["high"]
    assert first["accountings"]["paper"] < second["accountings"]["paper"]
    text = page.read_text()
    assert text.startswith("# Page\n") and text.endswith("After.\n") and "old" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows] == ["| units", "| ---", "| prf", "| binary_s4d"] * 5
    assert "2 layers of 8 channels, 3 or 1 modes a channel; the first 20 of 360 test sequences." in text
    assert all(row in result.stdout and len(row) <= 80 for row in rows)
    drawing = svg.read_text()
    assert (
        drawing.startswith('<svg viewBox="0 0 640 300"') and 'xmlns="http://www.w3.org/2000/svg"' in drawing
    )
    assert drawing.count("<circle") == 2
    bars = parts.read_text()
    assert all(f"{model}, up5k</text>" in bars for model in ("prf", "binary_s4d"))
    for row in (first, second):
        for part, needs in row["parts"].items():
            assert f"{row['model']}, up5k, {part}: {float(needs['lut']):.4g}</title>" in bars


@pytest.mark.usefixtures("two_kinds")
def test_figures_are_those_of_network_and_circuit(run, tmp_path):
    """Each is asked of the object that it describes, and each cell of the tables is one of them."""
    figures = tmp_path / "out.json"
    result = run("compare", "--device", "up5k", "--limit", 10, "--json", figures)
    cells = [set(line.strip("| ").split(" | ")) for line in result.stdout.splitlines()]
    task = statespike.load_task("digits")
    for row in json.loads(figures.read_text())["tasks"]["digits"]:
        checkpoint = statespike.load(f"digits-{row['model']}")
        network = statespike.quantise(checkpoint, task.calibration.x, task.calibration.lengths)
        plan = plan_network(network, find_device("up5k"), oversize=True, streamed=False)
        circuit = Network(network, plan)
        x, y = task.test.x[:10], task.test.y[:10]
        assert row["parameters"] == trained_numbers(checkpoint)
        assert row["accuracies"]["float"] == statespike.evaluate(checkpoint, x).accuracy(y)
        assert row["accuracies"]["8 bits"] == statespike.evaluate(network, x).accuracy(y)
        assert row["cycles_per_step"] == circuit.cycles_per_step
        assert row["multiplications_per_step"] == network.multiplications_per_step
        assert row["estimate"] == plan.estimate.as_dict()
        assert row["steps_per_second"] == row["clock_mhz"] * 1e6 / row["cycles_per_step"]
        assert row["sequences_per_second"] == pytest.approx(row["steps_per_second"] / x.shape[1])
        assert {row["model"], *(f"{row['estimate'][kind]:,}" for kind in ("lut", "ff", "bram"))} <= set.union(
            *(found for found in cells if row["model"] in found)
        )


def test_a_task_with_one_network_says_what_does_not_ship(run, tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "ZOO", tmp_path)
    (tmp_path / "digits-prf.safetensors").write_bytes((ZOO / "digits-prf.safetensors").read_bytes())
    result = run("compare", "--device", "up5k", "--limit", 5, "--json", tmp_path / "out.json")
    others = ["gsu", "gsu_lean", "binary_s4d", "spiking_ssm", "s4d", "tanh", "sigmoid"]
    assert f"Not shipped for this task: {', '.join(others)}." in " ".join(result.stdout.split())
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["not_shipped"] == {"digits": others}
    assert [row["model"] for row in written["tasks"]["digits"]] == ["prf"]


@pytest.mark.usefixtures("two_kinds")
def test_a_build_that_a_part_does_not_have_is_refused(refuse):
    sentence = refuse("compare", "--device", "up5k", "--build", "streamed", "--limit", 2)
    assert "has no streamed build on up5k" in sentence


def test_a_task_without_networks_is_refused(refuse):
    assert "ship for task 'pathfinder'" in refuse("compare", "--task", "pathfinder")


def test_only_networks_of_equal_size_are_compared():
    sizes = {
        (one.checkpoint.config.layers, one.checkpoint.config.channels)
        for one in shipped_kinds("digits").found
    }
    assert sizes == {(2, 8)}
    assert [one.model for one in shipped_kinds("digits").found] == [
        one.checkpoint.config.model for one in shipped_kinds("digits").found
    ]
