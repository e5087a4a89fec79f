"""quantize, inspect and evaluate: what they print, write, and return as exit status."""

import json
from dataclasses import replace

import numpy as np
import pytest

from quantize.checkpoint import read_checkpoint, write_checkpoint
from quantize.file import load_network
from quantize.float_reference import forward
from quantize.formats import stored_width
from statespike import shipped_networks
from tests.networks import random_checkpoint, random_samples, random_tokens
from tests.recordings import noise_recordings, write_recordings


def test_quantize_writes_a_network_of_the_bits_asked_for(run, checkpoint, tmp_path):
    output, figures = tmp_path / "out.safetensors", tmp_path / "out.json"
    result = run("quantize", checkpoint, "--bits", 6, "--state-bits", 12, "-o", output, "--json", figures)
    assert result.exit_code == 0, result.output
    network = load_network(output)
    assert network.blocks[0].array.state_width == 12
    assert stored_width(network.blocks[0].unit.weight) <= 6
    written = json.loads(figures.read_text())
    assert (written["bits"], written["state_bits"]) == (6, 12)
    assert written["input"] == {"width": network.input.width, "fraction": network.input.fraction}


def test_what_was_fine_tuned_gets_the_bits_it_was_tuned_for(run, checkpoint, tmp_path):
    tuned, output = tmp_path / "tuned.safetensors", tmp_path / "out.safetensors"
    trained = read_checkpoint(checkpoint)
    recipe = trained.provenance["recipe"] | {"quantize": 4}
    write_checkpoint(tuned, replace(trained, provenance=trained.provenance | {"recipe": recipe}))
    assert "4 bits, states of 14" in run("quantize", tuned, "-o", output).output
    assert "to 4 bits and states of 14" in run("evaluate", tuned, "digits", "--limit", 2).output
    assert "5 bits, states of 14" in run("quantize", tuned, "--bits", 5, "-o", output).output


def test_quantize_calibrates_on_a_file(run, checkpoint, data, tmp_path):
    output = tmp_path / "out.safetensors"
    result = run("quantize", checkpoint, "--data", data, "--max-steps", 100, "-o", output)
    assert result.exit_code == 0, result.output
    network = load_network(output)
    assert (network.input.width, network.input.fraction) == (9, 8)
    assert network.max_steps == 100


@pytest.mark.parametrize(("encoder", "kind", "told"), [("auto", "token", True), ("linear", "linear", False)])
def test_a_choice_that_the_samples_made_is_told(run, tmp_path, encoder, kind, told):
    source, data, figures = (tmp_path / name for name in ("in.safetensors", "x.npz", "out.json"))
    write_checkpoint(source, random_checkpoint("gsu", 4, 2, 1, seed=1, features=5))
    np.savez(data, x=random_tokens(4, 12, 5, seed=2))
    output = tmp_path / "out.safetensors"
    result = run("quantize", source, "--data", data, "--encoder", encoder, "-o", output, "--json", figures)
    assert result.exit_code == 0, result.output
    assert f"{kind} encoder" in result.stdout
    assert ("so the network reads the numbers of 5 tokens" in result.stderr) == told
    written = json.loads(figures.read_text())
    assert (written["encoder"], written["encoder_choice"]) == (kind, encoder)


def test_a_checkpoint_is_calibrated_from_where_its_tasks_files_are(run, tmp_path):
    folder = write_recordings(tmp_path / "elsewhere", noise_recordings())
    source, output = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    checkpoint = random_checkpoint("gsu", 4, 2, 1, seed=1, features=16, classes=10)
    write_checkpoint(source, replace(checkpoint, provenance={"task": "spoken_digits"}))
    for arguments in (("quantize", source, "-o", output), ("evaluate", source, "spoken_digits")):
        result = run(*arguments, "--data", folder)
        assert result.exit_code == 0, result.output
    network = load_network(output)
    assert (network.input.width, network.input.fraction) == (9, 8)
    assert network.max_steps == 64


def test_inspect_names_every_layer(run, network, tmp_path):
    figures = tmp_path / "out.json"
    result = run("inspect", network, "--json", figures)
    assert result.exit_code == 0, result.output
    names = ["encoder", "array_0", "unit_0", "array_1", "unit_1", "pool", "decoder"]
    for name in names:
        assert name in result.stdout
    assert "table 8x8, -1..1" in result.stdout
    written = json.loads(figures.read_text())
    assert list(written["layers"]) == names
    assert set(written["bounds"]) >= {"array_0", "unit_0", "array_1", "unit_1", "pool", "decoder"}
    assert "limit cycles" in result.stdout


@pytest.mark.parametrize("backend", ["float", "reference"])
def test_evaluate_measures_accuracy_and_writes_logits(run, checkpoint, data, backend, tmp_path):
    figures, logits = tmp_path / "out.json", tmp_path / "logits.npy"
    result = run(
        "evaluate", checkpoint, "--data", data, "--backend", backend, "--json", figures, "--logits", logits
    )
    assert result.exit_code == 0, result.output
    written = json.loads(figures.read_text())
    computed = np.load(logits)
    assert computed.shape == (6, 10)
    assert written["accuracy"] == (computed.argmax(1) == np.arange(6)).mean()
    assert (written["n"], written["backend"]) == (6, backend)
    assert written["images_per_second"] > 0
    if backend == "float":
        with np.load(data) as arrays:
            expected = forward(read_checkpoint(checkpoint), arrays["x"], arrays["lengths"])["logits"]
        np.testing.assert_allclose(computed, expected, rtol=1e-4)


def test_evaluate_tells_what_each_class_became(run, network, data, tmp_path):
    figures, logits = tmp_path / "out.json", tmp_path / "logits.npy"
    result = run("evaluate", network, "--data", data, "--json", figures, "--logits", logits)
    assert result.exit_code == 0, result.output
    predictions = np.load(logits).argmax(1)
    written = json.loads(figures.read_text())
    expected = np.zeros((10, 10), int)
    np.add.at(expected, (np.arange(6), predictions), 1)
    np.testing.assert_array_equal(written["confusion"], expected)
    assert written["sensitivity"][6:] == [None] * 4
    assert f"macro F1 {written['macro_f1']:.2%}, Cohen's kappa {written['kappa']:.3f}" in result.stdout
    assert "sensitivity" in result.stdout


def test_labels_that_the_network_does_not_know_are_refused(refuse, network, tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x=np.zeros((2, 5, 1)), y=np.array([3, 10]))
    assert "label 10 is none of the network's 10 classes, 0 to 9" in refuse(
        "evaluate", network, "--data", path
    )
    np.savez(path, x=np.zeros((2, 5, 1)), y=np.array([3.0, 9.5]))
    assert "the network tells 10 classes apart" in refuse("evaluate", network, "--data", path)


@pytest.mark.parametrize("targets", [np.array([0.5, -1.0, 2.0, 0.0]), np.array([1, 0, 2, 0])])
def test_a_network_of_one_output_has_an_error_and_no_accuracy(run, tmp_path, targets):
    source, data, figures = (tmp_path / name for name in ("in.safetensors", "x.npz", "out.json"))
    write_checkpoint(source, random_checkpoint("gsu", 4, 2, 1, seed=1, classes=1))
    np.savez(data, x=random_samples(4, 12, seed=2), y=targets)
    found = {}
    for backend in ("float", "reference"):
        result = run(
            "evaluate",
            source,
            "--data",
            data,
            "--backend",
            backend,
            "--json",
            figures,
            "--logits",
            tmp_path / "y",
        )
        assert result.exit_code == 0, result.output
        assert "in the unit of y on 4 sequences" in result.stdout
        written = json.loads(figures.read_text())
        assert written["accuracy"] is None
        found[backend] = written["mean_squared_error"], written["mean_absolute_error"]
        if backend == "float":
            error = np.load(tmp_path / "y")[:, 0] - targets
            np.testing.assert_allclose(found[backend], [(error**2).mean(), np.abs(error).mean()], rtol=1e-5)
    np.testing.assert_allclose(found["reference"], found["float"], rtol=0.1)


def test_a_checkpoint_quantised_on_the_way_is_announced(run, checkpoint):
    result = run("evaluate", checkpoint, "digits", "--limit", 3)
    assert result.exit_code == 0, result.output
    assert "quantised on the way to 8 bits" in result.stderr
    assert "on 3 sequences" in result.stdout


def test_unlabelled_sequences_have_no_accuracy(run, network, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 5, 1)))
    result = run("evaluate", network, "--data", tmp_path / "x.npz", "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out.json").read_text())["accuracy"] is None


def test_a_network_of_another_task_is_told(run, tmp_path):
    figures = tmp_path / "out.json"
    for backend in ("float", "reference"):
        arguments = ("--limit", 2, "--backend", backend, "--json", figures)
        result = run("evaluate", "smnist-gsu", "digits", *arguments)
        assert result.exit_code == 0, result.output
        sentence = "smnist-gsu: the network was trained on smnist, not on digits"
        assert f"warning: {sentence}" in result.stderr
        (warning,) = json.loads(figures.read_text())["warnings"]
        assert warning.startswith(sentence)


def test_the_own_task_and_its_sample_are_not_warned_of(run, checkpoint, tmp_path):
    figures = tmp_path / "out.json"
    for network, task in ((checkpoint, "digits"), ("smnist-gsu", "smnist-sample")):
        result = run("evaluate", network, task, "--limit", 1, "--backend", "float", "--json", figures)
        assert result.exit_code == 0, result.output
        assert "warning" not in result.stderr
        assert "warnings" not in json.loads(figures.read_text())


@pytest.mark.parametrize("command", ["evaluate", "simulate"])
def test_a_task_of_other_sizes_is_refused(refuse, checkpoint, tmp_path, command):
    folder = write_recordings(tmp_path / "recordings", noise_recordings())
    sentence = refuse(command, checkpoint, "spoken_digits", "--data", folder)
    assert "the network has 1 feature a step and the task spoken_digits 16" in sentence
    assert "it was trained on, digits" in sentence


def test_integers_are_not_quantised_again(refuse, network, tmp_path):
    sentence = refuse("quantize", network, "-o", tmp_path / "out.safetensors")
    assert "holds integers already" in sentence
    assert "statespike import" not in sentence
    assert "give the one that it was made from" in refuse("report", network)


def test_a_checkpoint_without_a_task_asks_for_samples(refuse, checkpoint, tmp_path):
    path = tmp_path / "mine.safetensors"
    write_checkpoint(path, replace(read_checkpoint(checkpoint), provenance={}))
    sentence = refuse("quantize", path, "-o", tmp_path / "out.safetensors")
    assert "the checkpoint does not say what it was trained on; quantise it on samples" in sentence
    assert "None" not in sentence


def test_without_a_network_the_shipped_ones_are_listed(run, tmp_path):
    figures = tmp_path / "out.json"
    result = run("inspect", "--json", figures)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    networks = json.loads(figures.read_text())["networks"]
    assert list(networks) == shipped_networks()
    for name in networks:
        assert f" {name} " in result.stdout


def test_integers_that_are_much_worse_are_told(run, tmp_path):
    figures = tmp_path / "q.json"
    output = ["-o", tmp_path / "q.safetensors", "--json", figures]
    result = run("quantize", "digits-gsu", "--bits", 3, "--state-bits", 6, *output)
    found = json.loads(figures.read_text())
    assert "the integers are much worse: on 128 calibration sequences" in result.stderr
    assert found["warnings"][0] in result.stderr
    assert found["calibration"]["right_integer"] < found["calibration"]["right_float"] - 6
    result = run("quantize", "digits-gsu", *output)
    found = json.loads(figures.read_text())
    assert "much worse" not in result.stderr
    assert found["calibration"]["right_integer"] >= found["calibration"]["right_float"] - 6


def test_training_starts_from_a_shipped_network(run, tmp_path):
    size = ["--model", "gsu", "--channels", 8, "--modes", 3, "--epochs", 1, "--limit", 300, "--validation", 0]
    result = run("train", "digits", "--start", "digits-gsu", *size, "-o", tmp_path / "tuned.safetensors")
    assert result.exit_code == 0, result.output
    assert read_checkpoint(tmp_path / "tuned.safetensors").start.endswith("digits-gsu")
