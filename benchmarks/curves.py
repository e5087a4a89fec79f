"""How the shipped networks learned: the training loss of each task's networks, drawn from their logs.

    python -m benchmarks.curves docs/learning-curves.svg

draws with matplotlib, which `pip install -e '.[plots]'` brings.
"""

from pathlib import Path
from typing import Annotated

import typer
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.command import command
from quantize.checkpoint import read_checkpoint
from statespike.models import ZOO
from statespike.models.report import LearningCurve, read_log

PANELS_A_ROW = 2


Sized = tuple[str, int]
"""A model and its channels."""


def trainings() -> dict[str, dict[Sized, LearningCurve]]:
    """Task -> model and channels -> curve, of the classifiers that began with random weights."""
    found: dict[str, dict[Sized, LearningCurve]] = {}
    for path in sorted(ZOO.glob("*.safetensors")):
        checkpoint = read_checkpoint(path)
        if not checkpoint.start and checkpoint.config.output == "classification":
            curves = found.setdefault(checkpoint.provenance["task"], {})
            config = checkpoint.config
            curves[config.model, config.channels] = read_log(path.with_suffix(".log"))
    return found


def draw(axes: Axes, task: str, curves: dict[Sized, LearningCurve], colours: dict[str, str]) -> None:
    """One task: the loss of every network over the epochs, its test accuracy in the legend.

    A model's second size is dashed and named with its channels.
    """
    drawn: set[str] = set()
    for (model, channels), curve in curves.items():
        again = model in drawn
        name = f"{model}, {channels} channels" if again else model
        score = "" if curve.test_accuracy is None else f", {curve.test_accuracy:.2%}"
        axes.semilogy(
            *zip(*curve.losses, strict=True), color=colours[model], linewidth=1.2,
            linestyle="dashed" if again else "solid", label=f"{name}{score}",
        )  # fmt: skip
        drawn.add(model)
    axes.set(title=task, xlabel="epochs", ylabel="training loss")
    axes.grid(which="both", alpha=0.3)
    axes.legend(
        title="test accuracy", fontsize="small", title_fontsize="small",
        loc="upper left", bbox_to_anchor=(1, 1),  # beside the panel, where no curve is behind it
    )  # fmt: skip


def run(
    picture: Annotated[
        Path, typer.Argument(metavar="FILE", help="picture to write, .svg or .png", show_default=False)
    ],
) -> None:
    """Draw the learning curves of all shipped networks."""
    tasks = trainings()
    models = sorted({model for curves in tasks.values() for model, _ in curves})
    colours = {model: f"C{index}" for index, model in enumerate(models)}
    rows = -(-len(tasks) // PANELS_A_ROW)
    figure = Figure(figsize=(7 * PANELS_A_ROW, 4 * rows), layout="constrained")
    for index, (task, curves) in enumerate(tasks.items()):
        draw(figure.add_subplot(rows, PANELS_A_ROW, index + 1), task, curves, colours)
    # The same logs give the same file; text stays text.
    with rc_context({"svg.hashsalt": "statespike", "svg.fonttype": "none"}):
        figure.savefig(picture, dpi=120, metadata={"Date": None} if picture.suffix == ".svg" else {})


if __name__ == "__main__":
    command(run)
