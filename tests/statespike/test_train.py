"""train: writes a checkpoint that says how it came about; without PyTorch it says what to install."""

import json
import sys

import numpy as np
import pytest

from quantize.checkpoint import read_checkpoint

SIZES = ["--channels", 3, "--modes", 2, "--layers", 1, "--epochs", 2, "--seed", 5]


def test_a_checkpoint_and_how_it_came_about(run, tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 12, 2))
    np.savez(tmp_path / "mine.npz", x=x, y=np.arange(40) % 2)
    output, log, figures = (tmp_path / name for name in ("out.safetensors", "out.log", "out.json"))
    result = run(
        "train",
        "mine",
        "--data",
        tmp_path / "mine.npz",
        *SIZES,
        "-o",
        output,
        "--log",
        log,
        "--json",
        figures,
    )
    assert result.exit_code == 0, result.output
    checkpoint = read_checkpoint(output)
    assert (checkpoint.config.features, checkpoint.config.channels) == (2, 3)
    provenance = checkpoint.provenance
    assert (provenance["task"], provenance["seed"], provenance["epochs"]) == ("mine.npz", 5, 2)
    assert provenance["test_accuracy"]["n"] == 4
    assert provenance["selection"].startswith("weights of the epoch with the best validation accuracy")
    assert provenance["validation_accuracy"]["n"] == 4
    assert log.read_text().splitlines()[0] == provenance["command"]
    assert "--channels 3 --modes 2 --layers 1" in provenance["command"]
    written = json.loads(figures.read_text())
    assert [epoch["epoch"] for epoch in written["epochs"]] == [1, 2]
    assert written["test_accuracy"] == provenance["test_accuracy"]


def test_a_ternary_threshold_of_ones_own(run, refuse, tmp_path):
    target = tmp_path / "network.safetensors"
    run("train", "digits", "--model", "gsu", "--channels", "3", "--modes", "1", "--layers", "1", "--epochs",
        "1", "--limit", "64", "--threshold", "0.25", "-o", target)  # fmt: skip
    checkpoint = read_checkpoint(target)
    assert checkpoint.config.twentieths == 5
    assert "--threshold 0.25 " in checkpoint.provenance["command"]
    assert "--threshold 0.17 is no whole number of twentieths" in refuse(
        "train", "digits", "--threshold", "0.17"
    )
    assert "the model is prf; leave it at 3" in refuse(
        "train", "digits", "--model", "prf", "--threshold", "0.25"
    )


def test_bad_arguments(refuse, tmp_path):
    assert "no MNIST file" in refuse("train", "smnist", "--data", tmp_path)
    assert "unknown model 'lstm'" in refuse("train", "digits", "--model", "lstm")
    assert "surrogate" in refuse("train", "digits", "--surrogate", "staircase")
    assert "--class-weights 'much' is unknown; give none, balanced" in refuse(
        "train", "digits", "--class-weights", "much"
    )
    assert "epochs is 0" in refuse("train", "digits", "--epochs", 0)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--seed", -1], "seed is -1; give a whole number from 0 to 4294967295"),
        (["--seed", 1 << 64], "seed is 18446744073709551616; give"),
        (["--rate", "inf"], "rate is inf; it must be greater than 0, and finite"),
        (["--layers", 10**9], "layers is 1000000000; a network has at most 4096"),
        (["--channels", 10**8, "--modes", 10**5], "parameters, more than 268,435,456"),
    ],
)
def test_extreme_numbers_are_refused_at_once(refuse, tmp_path, options, told):
    x = np.random.default_rng(0).normal(size=(40, 12, 2))
    np.savez(tmp_path / "mine.npz", x=x, y=np.arange(40) % 2)
    assert told in refuse("train", tmp_path / "mine.npz", "-o", tmp_path / "out.safetensors", *options)


def test_data_that_overflows_and_labels_that_say_nothing_are_refused(refuse, tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 12, 1)) * 1e30
    np.savez(tmp_path / "huge.npz", x=x, y=np.arange(40) % 2)
    np.savez(tmp_path / "none.npz", x=x, y=np.full((40, 12), -1))
    np.savez(tmp_path / "values.npz", x=x, y=np.linspace(0, 1, 40))
    output = ["-o", tmp_path / "out.safetensors", *SIZES]
    assert "is not finite after epoch 1; train with" in refuse("train", tmp_path / "huge.npz", *output)
    sentence = refuse("train", tmp_path / "none.npz", "--head", "every_step", *output)
    assert "none.npz: no step has a label, all are -1" in sentence
    sentence = refuse("train", tmp_path / "values.npz", "--label-smoothing", 0.1, *output)
    assert "label_smoothing spreads labels, and the outputs of task values.npz are values" in sentence


def test_without_pytorch_it_says_what_to_install(refuse, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    sentence = refuse("train", "digits")
    assert "torch is not installed; run `pip install -e '.[train]'` in a clone of statespike" in sentence


def test_what_was_held_out_is_evaluated_alone(run, refuse, tmp_path):
    data, output, figures = (tmp_path / name for name in ("mine.npz", "out.safetensors", "out.json"))
    np.savez(data, x=np.random.default_rng(0).normal(size=(40, 12, 2)), y=np.arange(40) // 20)
    assert run("train", "mine", "--data", data, *SIZES, "-o", output).exit_code == 0
    arguments = ("--data", data, "--backend", "float", "--json", figures)
    found = {}
    for option in ([], ["--held-out"]):
        assert run("evaluate", output, *arguments, *option).exit_code == 0
        found[len(option)] = json.loads(figures.read_text())
    assert (found[0]["n"], found[1]["n"]) == (40, 4)
    assert found[1]["accuracy"] == read_checkpoint(output).provenance["test_accuracy"]["accuracy"]
    assert "--held-out belongs to data of your own" in refuse("evaluate", output, "digits", "--held-out")
