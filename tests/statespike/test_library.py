"""`import statespike`: every function's example runs, and the table of names is right."""

import ast
import doctest
import inspect
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import statespike
from quantize.errors import StatespikeError
from tests.networks import random_checkpoint, random_network

SLOW = ("build", "Board")
"""What takes minutes, or compiles a board."""
FUNCTIONS = [name for name in statespike.__all__ if inspect.isfunction(getattr(statespike, name))]
WITH_EXAMPLES = [*FUNCTIONS, "Board"]


def run_examples(text, name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert example.examples
    report: list[str] = []
    failed, _ = doctest.DocTestRunner(verbose=False).run(example, out=report.append)
    assert failed == 0, "".join(report)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in WITH_EXAMPLES]
)
def test_the_example_of_a_function_runs(name, tmp_path, monkeypatch):
    run_examples(inspect.getdoc(getattr(statespike, name)), name, tmp_path, monkeypatch)


def test_the_example_of_the_whole_runs(tmp_path, monkeypatch):
    run_examples(inspect.getdoc(statespike), "statespike", tmp_path, monkeypatch)


def test_what_type_checkers_read_is_what_is_imported():
    tree = ast.parse(Path(statespike.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    told = {node.names[0].name: node.module for node in block.body if isinstance(node, ast.ImportFrom)}
    assert told == statespike._HOMES
    for name, module in told.items():
        assert getattr(statespike, name) is getattr(import_module(module), name)
        assert name in dir(statespike)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_types(name):
    signature = inspect.signature(getattr(statespike, name))
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'paint'; it has shipped_networks, load"):
        _ = statespike.paint


def test_a_name_that_is_nearly_that_of_a_shipped_network():
    with pytest.raises(StatespikeError, match=r"no shipped network of that name .*smnist-gsu") as caught:
        statespike.load("smnist-gsuu")
    assert len(str(caught.value)) < 400


def test_a_network_of_another_task_is_refused_on_import():
    state_dict = statespike.load("digits-gsu").tensors
    with pytest.raises(StatespikeError, match="1 feature a step and the task spoken_digits 16"):
        statespike.import_network(state_dict, task="spoken_digits")


def test_networks_of_different_shapes_are_not_compared():
    one, other = random_network("prf", 3, 2, 1, seed=1), random_network("prf", 3, 2, 2, seed=1)
    with pytest.raises(StatespikeError, match="they have different numbers of layers"):
        statespike.simulate(one, np.zeros((1, 2, 1)), against=other)


@pytest.mark.parametrize(
    ("tensor", "name"), [("decoder.weight", "the decoder"), ("layers.0.ssm.C", "array_0")]
)
def test_weights_that_all_count_as_0_are_warned_of(tensor, name):
    checkpoint = random_checkpoint("prf", 3, 2, 1, seed=1, features=2)
    tensors = dict(checkpoint.tensors)
    tensors[tensor] = tensors[tensor] * np.float32(1e-30)
    x = np.random.default_rng(1).normal(size=(4, 20, 2))
    with pytest.warns(UserWarning, match=f"all weights of {name} are too small for their format"):
        statespike.quantise(replace(checkpoint, tensors=tensors), x)


def test_tokens_that_nobody_asked_for_are_warned_of():
    checkpoint = random_checkpoint("prf", 3, 2, 1, seed=1, features=2)
    tokens = np.eye(2)[np.random.default_rng(2).integers(0, 2, (4, 20))]
    with pytest.warns(UserWarning, match="one-hot, so the network reads the numbers of 2 tokens"):
        statespike.quantise(checkpoint, tokens)
