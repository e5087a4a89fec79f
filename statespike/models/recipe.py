"""How a network is trained: one record that is logged, stored in the checkpoint, compared on resuming."""

import shlex
from dataclasses import dataclass
from typing import Any

from quantize.configuration import NetworkConfig
from quantize.constants import THRESHOLD_PARTS


@dataclass(frozen=True)
class ModelDefaults:
    """What a model is trained with unless a recipe says otherwise.

    Parameters
    ----------
    surrogate : str
        Surrogate gradient that trains it best (Stan & Rhodes 2024, Shen et al. 2024, and our own sMNIST
        runs); empty for a model without a step function.
    modes : int
    initialisation : str
        See `NetworkConfig`.
    """

    surrogate: str = ""
    modes: int = 8
    initialisation: str = "lin"


_MODEL_DEFAULTS = {
    "gsu": ModelDefaults("fast_sigmoid"),
    "gsu_lean": ModelDefaults("fast_sigmoid"),
    "binary_s4d": ModelDefaults("arctan"),
    "spiking_ssm": ModelDefaults("triangle"),
    "prf": ModelDefaults("arctan", modes=1, initialisation="spread"),
}


def model_defaults(model: str) -> ModelDefaults:
    """Return the defaults of a model by name."""
    return _MODEL_DEFAULTS.get(model, ModelDefaults())


@dataclass(frozen=True)
class Recipe:
    """Everything that, with the task and one thread, decides the trained weights.

    Parameters
    ----------
    model : str
        See `NetworkConfig`.
    channels, modes, layers : int
        The model's default for `modes` of 0.
    discretisation, initialisation, pooling : str
        See `NetworkConfig`; the model's default for an empty `initialisation`.
    surrogate : str
        Surrogate gradient; the model's default when empty.
    norm, norm_position, array : str
        See `NetworkConfig`.
    stride, time_constant : int
        See `NetworkConfig`.
    twentieths : int
        See `NetworkConfig`.
    pole_sets : int
        Distinct sets of poles that the channels share (the papers' n_ssm); one a channel for 0.
    trained_input : bool
        Whether to train B as well.
    epochs, batch : int
    rate : float
        Peak of the one-cycle learning rate.
    state_space_rate : float
        The same for log_dt, log_A_real and A_imag: a pole that moves fast leaves the useful range.
    seed : int
        Of the first weights and of the order of the sequences.
    start : str
        Checkpoint file of the same network to begin with, or the name of a shipped one; random weights if
        empty.
    quantize : int
        Bits of the words that the network is trained to be rounded to (`statespike.models.rounded`);
        0 for real numbers.
    validation : int
        Every how manieth training sequence chooses the epoch instead of training, the same share of each
        class; a task with a validation set of its own uses that. 0: none, and the last epoch's weights.
    balance : float
        Exponent p of the class weights, 1 / frequency**p in the loss: at 0 all sequences count alike, at 1
        all classes.
    label_smoothing : float
        Share of each target that is spread over all classes.
    dropout : float
        Share of the channels of a block's output that is left out, drawn for each sequence.
    activity_penalty : float
        What the loss adds for the mean share of activations that are not zero; 0 for nothing. Of kinds whose
        activations are spikes or ternary.
    limit : int
        Trained on the first so many sequences of the training set, enough for fine-tuning; on all for 0.
    """

    model: str = "gsu"
    channels: int = 32
    modes: int = 0
    layers: int = 2
    discretisation: str = "zoh"
    initialisation: str = ""
    pooling: str = "mean"
    surrogate: str = ""
    norm: str = "batch"
    norm_position: str = "pre"
    array: str = "s4d"
    stride: int = 0
    time_constant: int = 0
    twentieths: int = NetworkConfig.twentieths
    pole_sets: int = 0
    trained_input: bool = False
    epochs: int = 8
    batch: int = 64
    rate: float = 8e-3
    state_space_rate: float = 2e-3
    seed: int = 0
    start: str = ""
    quantize: int = 0
    validation: int = 10
    balance: float = 0.0
    label_smoothing: float = 0.0
    dropout: float = 0.0
    activity_penalty: float = 0.0
    limit: int = 0

    def __post_init__(self) -> None:
        defaults = model_defaults(self.model)
        for name in ("modes", "initialisation", "surrogate"):
            object.__setattr__(self, name, getattr(self, name) or getattr(defaults, name))

    def network_config(
        self, features: int, classes: int, output: str = NetworkConfig.output
    ) -> NetworkConfig:
        """Return the configuration of the network for a task's inputs and outputs."""
        return NetworkConfig(
            model=self.model,
            features=features,
            channels=self.channels,
            modes=self.modes,
            layers=self.layers,
            classes=classes,
            discretisation=self.discretisation,
            initialisation=self.initialisation,
            pooling=self.pooling,
            norm=self.norm,
            norm_position=self.norm_position,
            array=self.array,
            stride=self.stride,
            time_constant=self.time_constant,
            output=output,
            twentieths=self.twentieths,
        )

    @property
    def network_options(self) -> dict[str, Any]:
        """What a `Network` is trained with that its configuration does not tell."""
        return {
            "surrogate_name": self.surrogate,
            "pole_sets": self.pole_sets or None,
            "trained_input": self.trained_input,
            "dropout": self.dropout,
        }

    def command(self, task: str) -> str:
        """Return the command that trains this recipe again, on a task or data of one's own."""
        options = f"--surrogate {self.surrogate} " if self.surrogate else ""
        for name in (
            "norm", "norm_position", "array", "stride", "time_constant", "validation",
            "label_smoothing", "dropout", "activity_penalty",
        ):  # fmt: skip
            if getattr(self, name) != getattr(Recipe, name):
                options += f"--{name.replace('_', '-')} {getattr(self, name)} "
        if self.twentieths != Recipe.twentieths:
            options += f"--threshold {self.twentieths / THRESHOLD_PARTS:g} "
        options += f"--class-weights {self.balance:g} " if self.balance else ""
        options += f"--pole-sets {self.pole_sets} " if self.pole_sets else ""
        options += "--trained-input " if self.trained_input else ""
        options += f"--start {shlex.quote(self.start)} " if self.start else ""
        options += f"--quantize {self.quantize} " if self.quantize else ""
        options += f"--limit {self.limit} " if self.limit else ""
        return (
            f"statespike train {shlex.quote(task)} --model {self.model} --channels {self.channels} "
            f"--modes {self.modes} --layers {self.layers} --discretisation {self.discretisation} "
            f"--initialisation {self.initialisation} --pooling {self.pooling} "
            f"{options}--epochs {self.epochs} --batch {self.batch} "
            f"--rate {self.rate:g} --state-space-rate {self.state_space_rate:g} --seed {self.seed}"
        )
