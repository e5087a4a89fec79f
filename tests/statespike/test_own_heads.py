"""A user's own labels and values, of steps or several at once: trained, evaluated, simulated, run."""

import json

import numpy as np
import pytest

from quantize.checkpoint import read_checkpoint
from tests.statespike.test_train import SIZES

STEPS = 6
RUNNING = ["--head", "running", "--stride", 2, "--time-constant", 2]


def wanted(kind, x):
    """What an answer should be: labels of steps, values of steps in a unit of theirs, or several labels."""
    level = x.mean(2)
    return {
        "labels": lambda: (level > 0).astype(int),
        "values": lambda: 1000 + 50 * level,
        "several values": lambda: np.stack([1000 + 50 * level, -3 * level], 2),
        "several labels": lambda: (x.mean(1) > 0).astype(int),
        "several labels of steps": lambda: x[:, :, [0, 1, 0]] > 0,
    }[kind]()


@pytest.fixture
def data(tmp_path):
    """Writes an .npz of a kind of labels, or a table, and returns its path."""

    def write(kind):
        x = np.random.default_rng(3).normal(size=(40, STEPS, 2))
        if kind == "labels in a table":
            rows = zip(
                np.repeat(np.arange(40), STEPS), *x.reshape(-1, 2).T, wanted("labels", x).ravel(), strict=True
            )
            text = "\n".join(["id,a,b,label", *(",".join(map(str, row)) for row in rows)])
            (tmp_path / "mine.csv").write_text(text)
            return tmp_path / "mine.csv"
        np.savez(tmp_path / "mine.npz", x=x, y=wanted(kind, x))
        return tmp_path / "mine.npz"

    return write


KINDS: list[tuple[str, list[object], set[str]]] = [
    ("labels", ["--head", "every_step"], {"accuracy", "confusion", "by_answer", "at_end"}),
    ("labels", RUNNING, {"accuracy", "kappa", "by_answer", "at_end"}),
    ("labels in a table", ["--head", "every_step"], {"accuracy", "by_answer"}),
    ("values", ["--head", "every_step"], {"root_mean_squared_error", "by_answer", "output_scale"}),
    ("several values", RUNNING, {"mean_absolute_error", "by_answer"}),
    ("several labels", [], {"exact_match", "f1"}),
    ("several labels of steps", ["--head", "every_step"], {"exact_match", "f1", "by_answer"}),
]


@pytest.mark.parametrize(
    ("kind", "head", "figures"), KINDS, ids=[" ".join(map(str, [kind, *head])) for kind, head, _ in KINDS]
)
def test_it_trains_and_is_evaluated_in_integers(run, data, tmp_path, kind, head, figures):
    path, trained, written = data(kind), tmp_path / "trained.safetensors", tmp_path / "written.json"
    result = run("train", path, *SIZES, "--model", "s4d", *head, "--rate", 0.05, "-o", trained)
    assert result.exit_code == 0, result.output
    config = read_checkpoint(trained).config
    assert config.output == (
        "classification"
        if kind in ("labels", "labels in a table")
        else "regression"
        if "values" in kind
        else "multi_label"
    )
    found = {}
    for backend in ("float", "reference"):
        result = run(
            "evaluate", trained, path, "--backend", backend, "--json", written, "--logits", tmp_path / "y.npy"
        )
        assert result.exit_code == 0, result.output
        found[backend] = json.loads(written.read_text())
        assert figures <= set(found[backend])
        logits = np.load(tmp_path / "y.npy")
        answers = (STEPS // (config.answer_stride or 1),) if config.answer_stride else ()
        assert logits.shape == (40, *answers, config.classes)
        if "values" in kind:  # in the unit of y, in integers too
            np.testing.assert_allclose(logits[..., 0].mean(), 1000, atol=30)
            assert found[backend]["root_mean_squared_error"] < 60


@pytest.mark.slow
def test_labels_of_steps_go_all_the_way_to_a_board(run, data, tmp_path):
    path, trained, board = data("labels"), tmp_path / "trained.safetensors", tmp_path / "board"
    assert run("train", path, *SIZES, "--model", "prf", *RUNNING, "-o", trained).exit_code == 0
    assert run("quantize", trained, "--calibrate", path, "-o", tmp_path / "q.safetensors").exit_code == 0
    for backend in ("cxxrtl", "verilator"):
        result = run(
            "simulate", tmp_path / "q.safetensors", path, "--limit", 5, "--backend", backend,
            "--input-gaps", 0.3, "--output-stalls", 0.3,
        )  # fmt: skip
        assert result.exit_code == 0, result.output
    assert run("build", tmp_path / "q.safetensors", "--no-bitstream", "-o", board).exit_code == 0
    result = run("run", board, path, "--limit", 3, "--virtual", "--check")
    assert result.exit_code == 0, result.output
    assert "all 18 logits equal the integer reference" in result.stdout
