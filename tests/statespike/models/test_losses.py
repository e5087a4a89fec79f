"""Training towards labels and targets of steps, and values in their own unit."""

import numpy as np
import pytest
import torch

from quantize import float_reference
from quantize.answered import UNLABELLED, Answered
from quantize.errors import StatespikeError
from quantize.scores import score_answers
from statespike.models.losses import LOSSES, Scale, answered
from statespike.models.network import Network
from statespike.models.recipe import Recipe
from statespike.models.tasks.task import Sequences, Task, TaskError
from statespike.models.train import train
from statespike.models.training_sets import as_tensors

SMALL = Recipe(model="s4d", channels=6, modes=4, layers=1, epochs=3, batch=8, rate=2e-2, pooling="every_step")


def toy_task(output: str = "regression") -> Task:
    """Tell the input itself, in a unit with a large offset; the first step counts nowhere."""
    x = np.random.default_rng(0).normal(size=(160, 20, 1)).astype(np.float32)
    told = np.concatenate([np.full((160, 1, 1), np.nan), x[:, 1:]], axis=1)
    if output == "classification":
        y = np.where(np.isnan(told[..., 0]), UNLABELLED, told[..., 0] > 0).astype(np.int64)
        every = Sequences(x, y)
    elif output == "multi_label":
        holds = np.where(np.isnan(told), np.nan, np.concatenate([told > 0, told > 1], axis=2))
        every = Sequences(x, targets=holds)
    else:
        every = Sequences(x, targets=500.0 + 80.0 * told)
    classes = {"regression": 1}.get(output, 2)
    test = every.take(slice(0, 32))
    return Task(
        "toy", 1, classes, lambda: every.take(slice(32, None)), lambda: test, lambda: test, output=output
    )


@pytest.mark.parametrize("stride", [1, 3, None])
def test_answers_meet_their_labels_as_in_numpy(stride):
    generator = np.random.default_rng(1)
    lengths = np.array([7, 4, 1])
    logits = generator.normal(size=(3, 2) if stride is None else (3, -(-7 // stride), 2))
    sequences = [(np.array([0, 1, 1]), False), (generator.normal(size=(3, 2)), False)]
    if stride is not None:
        y = generator.integers(-1, 2, (3, 7))
        targets = generator.normal(size=(3, 7, 2))
        targets[0, 2] = np.nan
        sequences += [(y, True), (targets, True)]
    for wanted, of_steps in sequences:
        expected = Answered.of(logits, wanted, lengths, 7, stride, of_steps=of_steps)
        found = answered(
            torch.from_numpy(logits), torch.from_numpy(wanted), torch.from_numpy(lengths), 7, stride
        )
        np.testing.assert_array_equal(found[0].numpy(), expected.outputs)
        np.testing.assert_array_equal(found[1].numpy(), expected.wanted)


@pytest.mark.parametrize("output", LOSSES)
def test_a_training_learns_from_labels_and_targets_of_steps(output):
    checkpoint = train(toy_task(output), SMALL)
    assert checkpoint.config.output == output
    assert checkpoint.provenance["test_accuracy"]["accuracy"] > {"regression": 0.5}.get(output, 0.7)
    assert ("measure" in checkpoint.provenance["test_accuracy"]) == (output == "regression")


def test_a_network_of_values_gives_them_in_their_unit():
    task = toy_task()
    checkpoint = train(task, SMALL)
    test = task.test
    values = float_reference.forward(checkpoint, test.x.astype(float))["logits"]
    found = score_answers("regression", Answered.of(values, test.targets, None, 20, 1, of_steps=True))
    assert found.explained == pytest.approx(checkpoint.provenance["test_accuracy"]["accuracy"], abs=1e-4)


def test_a_scale_is_taken_over_and_taken_out_again():
    network = Network(SMALL.network_config(1, 1, "regression")).eval()
    scale = Scale.of(toy_task().train, "regression")
    x = torch.randn(2, 5, 1)
    before = network(x)
    scale.into(network)
    torch.testing.assert_close((network(x) - scale.offset) / scale.factor, before, rtol=1e-4, atol=1e-4)
    scale.out_of(network)
    torch.testing.assert_close(network(x), before, rtol=1e-4, atol=1e-4)
    assert Scale.of(toy_task("classification").train, "classification") is None


def test_labels_of_steps_need_a_head_that_answers_them():
    recipe = Recipe(model="s4d", channels=2, modes=1, layers=1, epochs=1)
    with pytest.raises(StatespikeError, match="train with --head every_step or running"):
        train(toy_task(), recipe)


def test_targets_are_needed_for_values():
    bare = Sequences(np.zeros((4, 3, 1), np.float32))
    task = Task("bare", 1, 1, lambda: bare, lambda: bare, lambda: bare, output="regression")
    with pytest.raises(TaskError, match="training needs a target for every answer"):
        train(task, SMALL)


def test_targets_take_the_place_of_labels_in_a_batch():
    _, wanted, _ = as_tensors(toy_task().test)
    assert wanted.shape == (32, 20, 1)
    assert wanted.dtype == torch.float32
