"""Training: it learns, it is repeatable, and an interruption leaves no trace in the weights."""

import io
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
import torch

from quantize.checkpoint import read_checkpoint, write_checkpoint
from quantize.convert import Precision, quantise
from quantize.errors import StatespikeError
from quantize.inputs import input_format
from quantize.rounded import rounded_tensors
from quantize.survey import Samples, activity
from statespike.models import ZOO
from statespike.models.kinds import UNITS
from statespike.models.network import Network
from statespike.models.recipe import Recipe
from statespike.models.resume import MAGIC
from statespike.models.rounded import RoundedNetwork
from statespike.models.tasks.registry import load_task
from statespike.models.tasks.task import Sequences, Task, TaskError
from statespike.models.train import evaluate, parameter_groups, train
from statespike.models.training_sets import as_tensors, class_weights, training_sets

RECIPE = Recipe(channels=4, modes=2, layers=1, epochs=4, batch=16, seed=7)


class Interruption(Exception):
    """Stands for a power cut."""


def toy_task(labelled: bool = True) -> Task:
    """Tell sequences that rise from sequences that fall."""
    generator = np.random.default_rng(11)
    y = generator.integers(0, 2, 96)
    slope = np.where(y == 1, 1.0, -1.0)[:, None] * np.linspace(-1, 1, 24)
    x = (slope + generator.normal(0, 0.3, (96, 24)))[:, :, None].astype(np.float32)
    whole = Sequences(x, y if labelled else None)
    train_set, test_set = whole.take(slice(64)), whole.take(slice(64, None))
    return Task("toy", 1, 2, lambda: train_set, lambda: test_set, lambda: train_set)


@pytest.mark.parametrize("model", UNITS)
def test_it_learns(model):
    checkpoint = train(toy_task(), Recipe(model=model, channels=6, modes=2, layers=1, epochs=12, batch=8))
    assert checkpoint.provenance["test_accuracy"]["accuracy"] > 0.9


def test_resuming_gives_the_weights_of_an_uninterrupted_run(tmp_path):
    recipe = replace(RECIPE, dropout=0.3)
    whole = train(toy_task(), recipe)
    state, log = tmp_path / "run.state", tmp_path / "run.log"

    def interrupt(result):
        if result.epoch == 2:
            raise Interruption

    with pytest.raises(Interruption):
        train(toy_task(), recipe, resume=state, log=log, on_epoch=interrupt)
    epochs = []
    resumed = train(toy_task(), recipe, resume=state, log=log, on_epoch=lambda r: epochs.append(r.epoch))
    assert epochs == [3, 4]
    for name, tensor in whole.tensors.items():
        np.testing.assert_array_equal(resumed.tensors[name], tensor, err_msg=name)
    assert resumed.provenance == whole.provenance
    lines = log.read_text().splitlines()
    epochs_told = [line.split()[1] for line in lines if "validation accuracy" in line]
    assert epochs_told == ["1/4", "2/4", "3/4", "4/4"]
    assert lines[-1].startswith(f"weights of epoch {whole.provenance['chosen_epoch']}: test accuracy ")


def test_a_limit_trains_on_the_first_sequences_alone():
    task = toy_task()
    first = Task("toy", 1, 2, lambda: task.train.take(slice(20)), lambda: task.test, lambda: task.calibration)
    limited, cut = train(task, replace(RECIPE, limit=20)), train(first, RECIPE)
    for name, tensor in cut.tensors.items():
        np.testing.assert_array_equal(limited.tensors[name], tensor, err_msg=name)
    with pytest.raises(StatespikeError, match="limit is -1; give a number of sequences, or 0 for all"):
        train(task, replace(RECIPE, limit=-1))


def validated_task(labels) -> Task:
    """The toy task with its training set, labelled by a function, for validation."""
    task = toy_task()
    return replace(task, load_validation=lambda: replace(task.train, y=labels(task.train.y)))


def test_the_best_validated_epoch_gives_the_weights(monkeypatch):
    evaluated = []

    def watched(network, sequences):
        evaluated.append(len(sequences))
        return evaluate(network, sequences)

    monkeypatch.setattr("statespike.models.train.evaluate", watched)
    # With every label wrong, the epoch that has learned least validates best.
    task, results = validated_task(lambda y: 1 - y), []
    checkpoint = train(task, replace(RECIPE, epochs=6), on_epoch=results.append)
    accuracies = [result.accuracy for result in results]
    best = len(accuracies) - accuracies[::-1].index(max(accuracies))
    assert best < 6
    assert checkpoint.provenance["chosen_epoch"] == best
    assert checkpoint.provenance["validation_accuracy"] == {"accuracy": max(accuracies), "n": 64}
    assert task.validation is not None
    assert evaluate(Network.from_checkpoint(checkpoint), task.validation) == max(accuracies)
    assert evaluated == [64] * 6 + [32], "the test set is used once, at the end"


def test_without_validation_the_last_epoch_gives_the_weights():
    results = []
    task = validated_task(lambda y: y)
    checkpoint = train(task, replace(RECIPE, validation=0), on_epoch=results.append)
    assert (checkpoint.provenance["chosen_epoch"], checkpoint.provenance["validation_accuracy"]) == (4, None)
    assert checkpoint.provenance["selection"].startswith("weights after the last epoch")
    assert [result.accuracy for result in results] == [None] * 4
    assert "--validation 0" in checkpoint.provenance["command"]


def test_validation_sequences_are_drawn_from_every_class_and_train_nothing():
    task = toy_task()
    sequences, validation = training_sets(task, replace(RECIPE, validation=4))
    assert validation is not None
    parts = [{row.tobytes() for row in part.x} for part in (sequences, validation)]
    assert parts[0] | parts[1] == {row.tobytes() for row in task.train.x}
    assert not parts[0] & parts[1]
    np.testing.assert_allclose(np.bincount(validation.y) * 4, np.bincount(task.train.y), atol=2)


def test_labels_of_no_class_and_classes_without_labels_are_refused():
    task = toy_task()
    with pytest.raises(StatespikeError, match="label 1 is none of the network's 1 classes"):
        train(replace(task, classes=1), RECIPE)
    with pytest.raises(TaskError, match=r"task toy: no sequence of class 2 is among the [0-9]+ that train"):
        train(replace(task, classes=3), RECIPE)


@pytest.mark.parametrize(("exponent", "expected"), [(1.0, [2 / 3, 2, 0]), (0.5, [0.845, 1.464, 0])])
def test_rare_classes_weigh_more(exponent, expected):
    sequences = Sequences(np.zeros((8, 1, 1), np.float32), np.array([0, 0, 0, 1, 0, 0, 1, 0]))
    weights = class_weights(sequences, 3, exponent)
    assert weights is not None
    np.testing.assert_allclose(weights, expected, atol=1e-2)
    assert class_weights(sequences, 3, 0.0) is None


def test_augmentation_and_smoothing_act_on_training_alone():
    seen: list[int] = []

    def augment(sequences, generator):
        seen.append(len(sequences))
        return replace(
            sequences, inputs=sequences.x + generator.normal(0, 0.1, sequences.x.shape).astype(np.float32)
        )

    losses = []
    for recipe in (RECIPE, replace(RECIPE, label_smoothing=0.5)):
        train(
            replace(toy_task(), augment=augment), recipe, on_epoch=lambda result: losses.append(result.loss)
        )
    assert sum(seen) == 2 * RECIPE.epochs * len(training_sets(toy_task(), RECIPE)[0])
    assert losses[3] < losses[7]


@pytest.mark.parametrize("model", ["binary_s4d", "gsu_lean"])
def test_a_penalty_of_activity_lowers_it(model):
    recipe = Recipe(model=model, channels=6, modes=2, layers=1, epochs=12, batch=8)
    samples = Samples(toy_task().test.x, toy_task().test.y, None)
    shares = {}
    for penalty in (0.0, 2.0):
        checkpoint = train(toy_task(), replace(recipe, activity_penalty=penalty))
        network = quantise(checkpoint, samples.x, input_format(samples.x), Precision(8))
        (shares[penalty],) = activity(network, samples)
        assert checkpoint.provenance["recipe"]["activity_penalty"] == penalty
        assert ("--activity-penalty 2.0" in checkpoint.provenance["command"]) == (penalty > 0)
    assert shares[2.0] < 0.9 * shares[0.0]


@pytest.mark.parametrize("model", ["s4d", "tanh", "sigmoid"])
def test_a_penalty_of_real_activations_is_refused(model):
    with pytest.raises(
        StatespikeError, match=f"activity_penalty counts spikes .* activations of {model} are real numbers"
    ):
        train(toy_task(), replace(RECIPE, model=model, activity_penalty=0.1))


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_a_penalty_that_is_no_number_from_0_on_is_refused(value):
    with pytest.raises(StatespikeError, match=f"activity_penalty is {value}; it must be 0 or greater"):
        train(toy_task(), replace(RECIPE, activity_penalty=value))


def test_a_state_of_an_earlier_version_goes_on(tmp_path):
    """It has no entry of what came later."""
    state = tmp_path / "run.state"
    first = train(toy_task(), RECIPE, resume=state)
    content = torch.load(io.BytesIO(state.read_bytes()[len(MAGIC) + 32 :]), weights_only=True)
    del content["recipe"]["activity_penalty"]
    packed = io.BytesIO()
    torch.save(content, packed)
    state.write_bytes(MAGIC + sha256(packed.getvalue()).digest() + packed.getvalue())
    assert train(toy_task(), RECIPE, resume=state).provenance == first.provenance


@pytest.mark.parametrize(
    ("name", "value"), [("balance", -1), ("balance", float("nan")), ("dropout", 1), ("label_smoothing", 1.5)]
)
def test_shares_outside_their_range_are_refused(name, value):
    title = "exponent of the class weights" if name == "balance" else name
    with pytest.raises(StatespikeError, match=f"{title} is {value}; it must lie between 0 and 1"):
        train(toy_task(), replace(RECIPE, **{name: value}))


def test_a_validation_of_every_sequence_is_refused():
    with pytest.raises(StatespikeError, match="validation is 1; give 0 for none, or at least 2"):
        train(toy_task(), replace(RECIPE, validation=1))


def test_a_finished_state_gives_the_checkpoint_again(tmp_path):
    state = tmp_path / "run.state"
    first = train(toy_task(), RECIPE, resume=state)
    second = train(toy_task(), RECIPE, resume=state)
    assert first.provenance == second.provenance
    np.testing.assert_array_equal(first.tensors["decoder.weight"], second.tensors["decoder.weight"])


def test_a_state_of_another_recipe_is_refused(tmp_path):
    state = tmp_path / "run.state"
    train(toy_task(), Recipe(channels=4, modes=2, layers=1, epochs=1), resume=state)
    with pytest.raises(StatespikeError, match="the state of another task or recipe"):
        train(toy_task(), RECIPE, resume=state)


@pytest.mark.parametrize("content", [b"", b"no state at all"])
def test_a_file_that_is_no_state_is_refused(tmp_path, content):
    state = tmp_path / "run.state"
    state.write_bytes(content)
    with pytest.raises(StatespikeError, match="not a training state"):
        train(toy_task(), RECIPE, resume=state)


def test_training_without_labels_is_refused():
    with pytest.raises(TaskError, match="training tells classes apart"):
        train(toy_task(labelled=False), RECIPE)


def test_a_loss_that_explodes_is_told():
    with pytest.raises(StatespikeError, match=r"the loss became .* train with a lower --rate"):
        train(toy_task(), Recipe(channels=4, modes=2, layers=1, epochs=3, batch=8, rate=1e30))


@pytest.mark.parametrize("name", ["epochs", "batch", "rate"])
def test_a_recipe_of_nothing_is_refused(name):
    nothing: dict[str, Any] = {name: 0}
    with pytest.raises(StatespikeError, match=f"{name} is 0; it must be greater than 0"):
        train(toy_task(), replace(RECIPE, **nothing))


def test_a_recipe_fills_in_what_its_model_is_trained_with():
    recipe = Recipe(model="prf")
    assert (recipe.modes, recipe.initialisation, recipe.surrogate) == (1, "spread", "arctan")
    assert Recipe(model="prf", modes=3, surrogate="triangle").modes == 3
    assert "--surrogate" not in Recipe(model="s4d").command("digits")


def test_a_command_names_every_option_that_is_set():
    command = Recipe(pole_sets=2, trained_input=True).command("digits")
    assert "--surrogate fast_sigmoid --pole-sets 2 --trained-input --epochs" in command


def test_poles_and_time_steps_learn_slowly_and_do_not_decay():
    network = Network(RECIPE.network_config(1, 2))
    fast, slow = parameter_groups(network, RECIPE)
    assert slow["lr"] == RECIPE.state_space_rate
    assert slow["weight_decay"] == 0
    assert sum(p.numel() for p in slow["params"]) == 4 + 4 * 2 + 4 * 2
    assert sum(p.numel() for p in fast["params"]) + 20 == network.parameter_count


@pytest.mark.parametrize("path", sorted(ZOO.glob("digits-*.safetensors")), ids=lambda path: path.stem)
def test_the_shipped_digits_networks_score_what_they_say(path):
    checkpoint = read_checkpoint(path)
    claimed = checkpoint.provenance["test_accuracy"]
    test = load_task("digits").test
    assert len(test) == claimed["n"]
    network: torch.nn.Module = Network.from_checkpoint(checkpoint)
    if bits := checkpoint.tuned_bits:
        network = RoundedNetwork.calibrated(
            Network.from_checkpoint(checkpoint), bits, load_task("digits").calibration
        )
    found = evaluate(network, test)
    assert found == pytest.approx(claimed["accuracy"], abs=0.01)


@pytest.mark.parametrize("model", ["gsu", "s4d"])
def test_fine_tuning_learns_on_rounded_numbers(model, tmp_path):
    recipe = Recipe(model=model, channels=6, modes=2, layers=1, epochs=12, batch=8)
    write_checkpoint(start := tmp_path / "trained.safetensors", train(toy_task(), recipe))
    tuned = train(toy_task(), replace(recipe, epochs=4, quantize=3, start=str(start)))
    assert f"--start {start} --quantize 3" in tuned.provenance["command"]
    started = Network.from_checkpoint(read_checkpoint(start))
    arrays = RoundedNetwork.calibrated(started, 3, toy_task().calibration).arrays
    accuracy = evaluate(RoundedNetwork(Network.from_checkpoint(tuned), 3, arrays), toy_task().test)
    assert accuracy == tuned.provenance["test_accuracy"]["accuracy"]
    assert accuracy > 0.8


def test_rounding_is_that_of_the_conversion_and_passes_the_gradient():
    network = Network.from_checkpoint(train(toy_task(), replace(RECIPE, epochs=1)))
    x, labels, _ = as_tensors(toy_task().test)
    trained = RoundedNetwork.calibrated(network, 3, toy_task().calibration)
    out = trained.eval()(x)
    checkpoint = network.to_checkpoint({})
    rounded = rounded_tensors(checkpoint, 3, trained.arrays)
    table = rounded.pop("layers.0.unit.weight") - checkpoint.tensors["layers.0.unit.weight"]
    tensors = {name: rounded.get(name, value) for name, value in checkpoint.tensors.items()}
    reference = Network.from_checkpoint(replace(checkpoint, tensors=tensors))
    reference.layers[0].unit.weight_moved = torch.from_numpy(table).float()
    np.testing.assert_allclose(out.detach(), reference(x).detach(), atol=1e-4)
    torch.nn.functional.cross_entropy(out, labels).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    write_checkpoint(start := tmp_path / "other.safetensors", train(toy_task(), replace(RECIPE, epochs=1)))
    with pytest.raises(StatespikeError, match=r"another network \(modes\)"):
        train(toy_task(), replace(RECIPE, modes=3, start=str(start)))


def test_only_a_trained_network_is_fine_tuned():
    with pytest.raises(StatespikeError, match="name its checkpoint with --start"):
        train(toy_task(), replace(RECIPE, quantize=4))


def test_fine_tuning_keeps_the_statistics_that_conversion_folds():
    checkpoint = train(toy_task(), replace(RECIPE, epochs=1))
    network = RoundedNetwork.calibrated(Network.from_checkpoint(checkpoint), 4, toy_task().calibration)
    x, _, _ = as_tensors(toy_task().test)
    trained = network.train()(x)
    torch.testing.assert_close(trained, network.eval()(x))


def test_folded_parameters_are_not_rounded():
    with pytest.raises(StatespikeError, match="without --pole-sets"):
        train(toy_task(), replace(RECIPE, quantize=4, pole_sets=2))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda state: state["progress"]["weights"].popitem(),
            "not the state of this training .*Missing key",
        ),
        (lambda state: state["progress"].update(epochs=99), "epoch . of 99 of 4"),
        (lambda state: state["progress"].update(best="1"), "not the state of this training"),
        (lambda state: state.pop("recipe"), "not a training state .*no entry 'recipe'"),
    ],
)
def test_a_state_with_other_entries_is_refused(tmp_path, change, sentence):
    path = tmp_path / "run.state"
    train(toy_task(), RECIPE, resume=path)
    begin = len(MAGIC) + 32
    state = torch.load(io.BytesIO(path.read_bytes()[begin:]), weights_only=True)
    change(state)
    content = io.BytesIO()
    torch.save(state, content)
    path.write_bytes(MAGIC + sha256(content.getvalue()).digest() + content.getvalue())
    with pytest.raises(StatespikeError, match=sentence):
        train(toy_task(), RECIPE, resume=path)
