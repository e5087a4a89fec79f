"""How a network is trained: one record that is logged, stored in the checkpoint, compared on resuming."""

from dataclasses import dataclass

from quantize.checkpoint import NetworkConfig

DEFAULT_SURROGATES = {"gsu": "fast_sigmoid", "binary_s4d": "arctan"}
"""The surrogate that trains a model best (Stan & Rhodes 2024, and our own sMNIST runs)."""


@dataclass(frozen=True)
class Recipe:
    """Everything that, with the task and one thread, decides the trained weights.

    Parameters
    ----------
    model : str
        "gsu" or "binary_s4d".
    channels, modes, layers : int
    discretisation, initialisation, pooling : str
        See `NetworkConfig`.
    surrogate : str
        Surrogate gradient; the model's default when empty.
    epochs, batch : int
    rate : float
        Peak of the one-cycle learning rate.
    state_space_rate : float
        The same for log_dt, log_A_real and A_imag: a pole that moves fast leaves the useful range.
    seed : int
        Of the first weights and of the order of the sequences.
    """

    model: str = "gsu"
    channels: int = 32
    modes: int = 8
    layers: int = 2
    discretisation: str = "zoh"
    initialisation: str = "lin"
    pooling: str = "mean"
    surrogate: str = ""
    epochs: int = 8
    batch: int = 64
    rate: float = 8e-3
    state_space_rate: float = 2e-3
    seed: int = 0

    @property
    def surrogate_name(self) -> str:
        """The surrogate in use."""
        return self.surrogate or DEFAULT_SURROGATES[self.model]

    def network_config(self, features: int, classes: int) -> NetworkConfig:
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
        )

    def command(self, task: str) -> str:
        """Return the command that trains this recipe again."""
        return (
            f"statespike train {task} --model {self.model} --channels {self.channels} --modes {self.modes} "
            f"--layers {self.layers} --discretisation {self.discretisation} "
            f"--initialisation {self.initialisation} --pooling {self.pooling} "
            f"--surrogate {self.surrogate_name} --epochs {self.epochs} --batch {self.batch} "
            f"--rate {self.rate:g} --state-space-rate {self.state_space_rate:g} --seed {self.seed}"
        )
