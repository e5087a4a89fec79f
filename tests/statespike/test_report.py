"""report: a table of what trained networks reach, as Markdown, JSON and a log."""

import json
from dataclasses import replace

import statespike
from quantize.checkpoint import read_checkpoint, write_checkpoint
from quantize.files import extending
from tests.networks import random_checkpoint, trained_numbers


def tables_of(text: str) -> list[dict[str, str]]:
    """The line of each table, by its columns."""
    found = []
    for table in text.strip().split("\n\n"):
        header, _, row = (
            [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()
        )
        found.append(dict(zip(header, row, strict=True)))
    return found


def test_a_row_for_every_network(run, checkpoint, tmp_path):
    markdown, log, figures = (tmp_path / name for name in ("out.md", "out.log", "out.json"))
    result = run(
        "report", checkpoint, "--bits", 8, "--bits", 5, "--limit", 20,
        "--markdown", markdown, "--log", log, "--json", figures,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert markdown.read_text() == result.stdout
    accuracy, size = tables_of(markdown.read_text())
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    written = json.loads(figures.read_text())
    assert written["rows"][0]["request"]["widths"] == [8, 5]
    survey = written["rows"][0]["survey"]
    assert [result["bits"] for result in survey["integers"]] == [8, 5]
    assert {name: size[name] for name in ("network", "L x H x N", "parameters")} == {
        "network": "digits-gsu",
        "L x H x N": "2 x 8 x 3",
        "parameters": "554",
    }
    assert accuracy["float"] == f"{survey['float_accuracy']:.2%}"
    assert survey["float_accuracy"] > 0.7
    real, test = read_checkpoint(checkpoint), statespike.load_task("digits").test
    x, y = test.x[:20], test.y[:20]
    assert survey["parameters"] == trained_numbers(real)
    assert survey["float_accuracy"] == statespike.evaluate(real, x).accuracy(y)
    for result, bits in zip(survey["integers"], (8, 5), strict=True):
        network = statespike.quantise(real, bits=bits)
        assert result["accuracy"] == statespike.evaluate(network, x).accuracy(y)
        assert result["memory_bits"] == network.memory_bits
        assert accuracy[f"{bits} bits"] == f"{result['accuracy']:.2%}"
    assert accuracy["test sequences"] == "20"
    lines = log.read_text().splitlines()
    assert [line.split(",")[0] for line in lines[:3]] == [
        "digits-gsu: float", "digits-gsu: 8 bits", "digits-gsu: 5 bits"
    ]  # fmt: skip


def test_what_was_fine_tuned_joins_its_start(run, checkpoint, tmp_path):
    """Measured at its own width alone, in a column of its own; without its start, in a line of its own."""
    network = read_checkpoint(checkpoint)
    recipe = network.provenance["recipe"] | {"start": f"elsewhere/{checkpoint.name}", "quantize": 4}
    tuned = tmp_path / "tuned.safetensors"
    write_checkpoint(tuned, replace(network, provenance=network.provenance | {"recipe": recipe}))
    figures = tmp_path / "out.json"
    result = run("report", tuned, checkpoint, "--bits", 8, "--bits", 4, "--limit", 20, "--json", figures)
    assert result.exit_code == 0, result.output
    accuracy, retrained, size = tables_of(result.stdout)
    first, second = (row["survey"] for row in json.loads(figures.read_text())["rows"])
    assert [found["bits"] for found in first["integers"]] == [4]
    # The same weights, so the same accuracy; but only one of the two counts as not retrained.
    assert retrained["4 bits"] == accuracy["4 bits"] == f"{first['integers'][0]['accuracy']:.2%}"
    assert accuracy["8 bits"] == f"{second['integers'][0]['accuracy']:.2%}"
    memory = [f"{found['memory_bits'] / 1024:.0f}" for found in second["integers"]]
    assert size["Kbit at 8, 4 bits"] == ", ".join(memory)
    alone = run("report", tuned, "--limit", 5)
    assert alone.exit_code == 0 and "| fine-tuned from | 4 bits |" in alone.output


def test_an_interrupted_run_goes_on(run, checkpoint, tmp_path):
    """What a file has of the very same network and question is not measured again."""
    figures, log = tmp_path / "out.json", tmp_path / "out.log"
    asked = ("report", checkpoint, "--bits", 8, "--json", figures, "--log", log)
    assert run(*asked, "--limit", 5).exit_code == 0
    once = log.read_text()
    written = json.loads(figures.read_text())
    written["rows"][0]["survey"]["float_accuracy"] = 0.125
    figures.write_text(json.dumps(written))
    result = run(*asked, "--limit", 5)
    assert "| 12.50% |" in result.stdout
    assert log.read_text() == once
    assert json.loads(figures.read_text()) == written
    assert "| 12.50% |" not in run(*asked, "--limit", 6).stdout


def test_a_file_that_another_run_extends_is_refused(refuse, checkpoint, tmp_path):
    """Each would write the rows that it knows, and so lose the other's."""
    path = tmp_path / "out.json"
    with extending(path):
        assert "is being written by another process" in refuse(
            "report", checkpoint, "--bits", 8, "--limit", 1, "--json", path
        )
    assert not path.exists()


def test_a_file_of_something_else_is_refused(refuse, checkpoint, tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"rows": [{"network": "mine"}]}')
    assert "no result of `statespike report`" in refuse("report", checkpoint, "--json", path)


def test_a_network_of_another_task_is_refused(refuse, tmp_path):
    path = tmp_path / "mine.safetensors"
    write_checkpoint(path, random_checkpoint("gsu", 3, 2, 1, seed=1))
    assert "trained on None, which is no task of statespike" in refuse("report", path)
    running = random_checkpoint("gsu", 3, 2, 1, seed=1, pooling="running", stride=2, time_constant=4)
    write_checkpoint(path, running)
    assert "answers again and again" in refuse("report", path)
    assert "2 bits is out of range" in refuse("report", "--bits", 2, "--sample", "--limit", 1)


def test_a_network_that_gives_values_is_refused(refuse):
    sentence = refuse("report", "ecg-denoising-s4d")
    assert "gives regression outputs" in sentence
    assert "use `statespike evaluate`" in sentence
