"""Points of a study of accuracy: a network trained by one recipe for all kinds, and its circuits.

A point's training is its dear part. Its checkpoint is kept, so that accuracy and circuits can be had again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hdl.devices.devices import Device
from hdl.network.top import Network
from hdl.planning.planner import Plan, plan_network
from hdl.primitives.drafts import drafts
from hdl.units.event_mixer import EventMixer
from quantize.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from quantize.configuration import parameter_count
from quantize.convert import Precision, quantise
from quantize.inputs import input_format
from quantize.network import QuantizedNetwork
from quantize.survey import observe
from statespike.library.circuits import cost
from statespike.library.energy import priced
from statespike.models.recipe import Recipe, model_defaults
from statespike.models.tasks.task import Task
from statespike.models.train import one_thread, train

BITS = 8
"""Of the integers."""
MODES = 4
"""Of every channel, but of kinds whose own number is one."""
LAYERS = 2
OF_CIRCUITS = (
    "clock_mhz", "cycles_per_step", "least_cycles_per_step", "steps_per_second", "latency_cycles",
    "multiplications_per_step", "schedule", "estimate", "shortfall", "energy_uj",
)  # fmt: skip
"""What of a cost is not said of the network already."""
ANY_RATE = 1.0
"""Steps a second that every circuit makes."""


@dataclass(frozen=True)
class Point:
    """What tells one training from the others.

    Parameters
    ----------
    task, model : str
    channels, seed, epochs, batch : int
    surrogate : str
        The model's own if empty.
    penalty : float
        Of activity, see `Recipe.activity_penalty`.
    """

    task: str
    model: str
    channels: int
    seed: int
    epochs: int
    batch: int
    surrogate: str = ""
    penalty: float = 0.0

    @property
    def recipe(self) -> Recipe:
        """How it is trained: the same for all kinds, and no sequence chooses an epoch."""
        return Recipe(
            model=self.model,
            channels=self.channels,
            modes=min(MODES, model_defaults(self.model).modes),
            layers=LAYERS,
            surrogate=self.surrogate,
            epochs=self.epochs,
            batch=self.batch,
            seed=self.seed,
            validation=0,
            activity_penalty=self.penalty,
        )

    @property
    def is_first(self) -> bool:
        """Whether it is the one whose circuits stand for its task, model and width."""
        return (
            self.seed == 0
            and not self.penalty
            and self.recipe.surrogate == model_defaults(self.model).surrogate
        )

    @property
    def name(self) -> str:
        """Of its files."""
        surrogate = self.recipe.surrogate
        other = "" if surrogate == model_defaults(self.model).surrogate else f"-{surrogate.replace(':', '_')}"
        other += f"-penalty{self.penalty:g}" if self.penalty else ""
        return f"{self.task}-{self.model}-{self.channels}{other}-seed{self.seed}"

    @property
    def identity(self) -> dict[str, Any]:
        """What a row says of it."""
        recipe = self.recipe
        return {
            "task": self.task,
            "model": self.model,
            "channels": self.channels,
            "seed": self.seed,
            "epochs": self.epochs,
            "batch": self.batch,
            "modes": recipe.modes,
            "surrogate": recipe.surrogate,
            "activity_penalty": recipe.activity_penalty,
        }


def trained(point: Point, task: Task, folder: Path) -> Checkpoint:
    """The checkpoint of a point: the one in the folder if its recipe is the same, else a new one."""
    path = folder / f"{point.name}.safetensors"
    if path.exists():
        found = read_checkpoint(path)
        if Recipe(**found.provenance["recipe"]) == point.recipe:
            return found
    with one_thread():
        checkpoint = train(task, point.recipe, log=folder / f"{point.name}.log", bars=False)
    write_checkpoint(path, checkpoint)
    return checkpoint


def integers(checkpoint: Checkpoint, task: Task) -> QuantizedNetwork:
    """The network in integers, in formats chosen by the task's calibration samples."""
    samples = task.calibration
    x = np.asarray(samples.x, np.float64)
    return quantise(checkpoint, x, input_format(x), Precision(BITS), samples.lengths)


def event_mixers(network: QuantizedNetwork, plan: Plan, activity: Sequence[float]) -> list[dict[str, Any]]:
    """Cycles of a step of each layer's mixer, if it lists what is not zero; no entries of other mixers.

    At the mean number of events, and when every channel has one, which is a walk over the whole table; beside
    them the cycles of the layer's array.
    """
    with drafts():
        return list(_event_mixers(Network(network, plan), activity))


def _event_mixers(circuit: Network, activity: Sequence[float]) -> Iterator[dict[str, Any]]:
    for block, share in zip(circuit.blocks, activity, strict=True):
        mixer = getattr(block.residual.unit, "mixer", None)
        if isinstance(mixer, EventMixer):
            events = share * mixer.channels
            yield {
                "lanes": mixer.lanes,
                "outputs": mixer.outputs,
                "activation_width": mixer.activation_width,
                "events": events,
                "cycles": mixer.cycles(round(events)),
                "table_cycles": mixer.cycles(mixer.channels),
                "array_cycles": block.paces["array"],
            }


def measured(point: Point, checkpoint: Checkpoint, task: Task, devices: Sequence[Device]) -> dict[str, Any]:
    """A row: what the integers reach on the whole test set, and the small build on each of the devices.

    The circuits are those of `statespike cost`, as fast as fits; of one that does not fit, the smallest.
    Each has the smallest circuit of the same build, which is the slowest, as "smallest", and both have what
    `event_mixers` tells.
    """
    network = integers(checkpoint, task)
    test = task.test
    observed = observe(network, test.x, test.y, test.lengths)

    def circuit(device: Device, rate: float | None = None) -> dict[str, Any]:
        plan = plan_network(network, device, rate=rate, oversize=True, streamed=False, folded=False)
        found = cost(network, plan=plan, observed=observed)
        mixers = event_mixers(network, plan, observed.activity)
        return {name: found[name] for name in OF_CIRCUITS} | {"event_mixers": mixers}

    circuits = {one.name: circuit(one) | {"smallest": circuit(one, ANY_RATE)} for one in devices}
    return point.identity | {
        "parameters": parameter_count(checkpoint.config),
        "float_accuracy": checkpoint.provenance["test_accuracy"]["accuracy"],
        "accuracy": observed.accuracy,
        "tested": observed.sequences,
        "steps": observed.steps,
        "activity": list(observed.activity),
        "accountings": priced(network, observed),
        "circuits": circuits,
    }
