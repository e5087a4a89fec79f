"""report: a table of what trained networks reach, as Markdown, JSON and a log."""

import json
from dataclasses import replace

from quantize.checkpoint import read_checkpoint, write_checkpoint
from tests.networks import random_checkpoint


def test_a_row_for_every_network(run, checkpoint, tmp_path):
    markdown, log, figures = (tmp_path / name for name in ("out.md", "out.log", "out.json"))
    result = run(
        "report", checkpoint, "--bits", 8, "--bits", 5, "--limit", 20,
        "--markdown", markdown, "--log", log, "--json", figures,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert markdown.read_text() == result.stdout
    header, rule, row = (line.strip("|").split("|") for line in markdown.read_text().splitlines())
    assert len(header) == len(rule) == len(row) == 10
    written = json.loads(figures.read_text())
    assert written["rows"][0]["request"]["widths"] == [8, 5]
    survey = written["rows"][0]["survey"]
    assert [result["bits"] for result in survey["integers"]] == [8, 5]
    assert row[:4] == [" digits-gsu ", " digits ", " 2 x 8 x 3 ", " 554 "]
    assert row[4] == f" {survey['float_accuracy']:.2%} "
    assert survey["float_accuracy"] > 0.7
    assert row[-1] == " 20 "
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
    header, _, row = ([cell.strip() for cell in line.split("|")] for line in result.stdout.splitlines())
    cells = dict(zip(header, row, strict=True))
    first, second = (row["survey"] for row in json.loads(figures.read_text())["rows"])
    assert [found["bits"] for found in first["integers"]] == [4]
    # The same weights, so the same accuracy; but only one of the two counts as not retrained.
    assert cells["4 bits, fine-tuned"] == cells["4 bits"] == f"{first['integers'][0]['accuracy']:.2%}"
    assert cells["8 bits"] == f"{second['integers'][0]['accuracy']:.2%}"
    memory = [f"{found['memory_bits'] / 1024:.1f}" for found in second["integers"]]
    assert cells["Kbit of memory at 8, 4 bits"] == ", ".join(memory)
    alone = run("report", tuned, "--limit", 5)
    assert alone.exit_code == 0 and "| 4 bits, fine-tuned |" in alone.output


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


def test_a_file_of_something_else_is_refused(refuse, checkpoint, tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"rows": [{"network": "mine"}]}')
    assert "no result of `statespike report`" in refuse("report", checkpoint, "--json", path)


def test_a_network_of_another_task_is_refused(refuse, tmp_path):
    path = tmp_path / "mine.safetensors"
    write_checkpoint(path, random_checkpoint("gsu", 3, 2, 1, seed=1))
    assert "trained on None, which is no task of statespike" in refuse("report", path)
    assert "2 bits is out of range" in refuse("report", "--bits", 2, "--sample", "--limit", 1)
