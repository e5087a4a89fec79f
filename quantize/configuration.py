"""The configuration of a network: its kind and sizes, and the tensors that follow from them."""

from dataclasses import dataclass
from math import prod

from quantize.constants import MOST_STEPS, MOST_TIME_SHIFT, THRESHOLD_PARTS, TWENTIETHS
from quantize.errors import StatespikeError
from quantize.kinds import ARRAYS, HEADS, OUTPUTS, UNITS
from quantize.shapes import Shape

MODELS = tuple(UNITS)
ARRAY_NAMES = tuple(ARRAYS)
DISCRETISATIONS = ("zoh", "bilinear")
INITIALISATIONS = ("lin", "inv", "spread")
POOLINGS = ("mean", "last")
"""Heads that answer once, at the end of a sequence."""
NORMS = ("batch", "layer")
NORM_POSITIONS = ("pre", "post")
FINAL_NORMS = ("batch", "layer")

TIME_CONSTANTS = tuple(1 << shift for shift in range(1, MOST_TIME_SHIFT + 1))
"""Of a running mean, in steps."""

RUNNING_STATISTICS = ("running_mean", "running_var")
"""What a BatchNorm measures rather than learns."""


class CheckpointError(StatespikeError):
    """A file that is not a checkpoint, or a checkpoint that cannot be used."""


MOST_LAYERS = 1 << 12


@dataclass(frozen=True)
class NetworkConfig:
    """Shape and kind of a sequence classifier.

    Parameters
    ----------
    model : str
        One of `quantize.kinds.UNITS`: the unit behind the state-space model of every block.
    features, channels, modes, layers, classes : int
        Inputs a step, channels H, complex modes a channel N, blocks L, and outputs.
    discretisation : str
        "zoh" or "bilinear".
    initialisation : str
        "lin", "inv" or "spread": where the poles started.
    pooling : str
        The head, one of `quantize.kinds.HEADS`: the "mean" over the valid steps, the "last" valid step,
        "every_step", or the "running" mean.
    norm : str
        What normalises a block: "batch" (a channel over all steps) or "layer" (a step over its channels).
    norm_position : str
        "pre", `x + unit(ssm(norm(x)))`, or "post", `norm(x + unit(ssm(x)))`.
    final_norm : str
        "batch" or "layer": what normalises the stream behind the last block, before the pooling.
    array : str
        One of `quantize.kinds.ARRAYS`: the state-space model of every block; or one for each layer, with
        commas.
    stride : int
        Steps between two answers of a running mean; 0 with any other head.
    time_constant : int
        Of a running mean, in steps: a power of two; 0 with any other head.
    output : str
        What the outputs are, one of `quantize.kinds.OUTPUTS`.
    twentieths : int
        Ternary threshold of a Gated Spiking Unit, in twentieths of the largest magnitude: 3 is the papers'
        0.15. The lean unit compares its weights alone with it.
    """

    model: str
    features: int
    channels: int
    modes: int
    layers: int
    classes: int
    discretisation: str = "zoh"
    initialisation: str = "lin"
    pooling: str = "mean"
    norm: str = "batch"
    norm_position: str = "pre"
    final_norm: str = "batch"
    array: str = "s4d"
    stride: int = 0
    time_constant: int = 0
    output: str = "classification"
    twentieths: int = TWENTIETHS

    def __post_init__(self) -> None:
        for name in ("features", "channels", "modes", "layers", "classes"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise CheckpointError(f"{name} is {value!r}; it must be a whole number of at least 1")
        if self.layers > MOST_LAYERS:
            raise CheckpointError(f"layers is {self.layers}; a network has at most {MOST_LAYERS} of them")
        choices = {
            "model": MODELS,
            "discretisation": DISCRETISATIONS,
            "initialisation": INITIALISATIONS,
            "pooling": tuple(HEADS),
            "norm": NORMS,
            "norm_position": NORM_POSITIONS,
            "final_norm": FINAL_NORMS,
            "output": tuple(OUTPUTS),
        }
        for name, allowed in choices.items():
            value = getattr(self, name)
            if value not in allowed:
                raise CheckpointError(f"unknown {name} {value!r}; choose one of {', '.join(allowed)}")
        for kind in self.arrays:
            if kind not in ARRAY_NAMES:
                raise CheckpointError(f"unknown array {kind!r}; choose one of {', '.join(ARRAY_NAMES)}")
        if "s4d_real" in self.arrays and (self.discretisation, self.initialisation) != ("zoh", "lin"):
            raise CheckpointError(
                "real modes need the discretisation 'zoh' and the initialisation 'lin', not "
                f"{self.discretisation!r} and {self.initialisation!r}"
            )
        self._check_head()
        self._check_threshold()
        if len(self.arrays) != self.layers:
            raise CheckpointError(
                f"array names {len(self.arrays)} kinds for {self.layers} layers; name one for each, or one"
            )

    def _check_head(self) -> None:
        for name in ("stride", "time_constant"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise CheckpointError(f"{name} is {value!r}; it must be a whole number")
            if self.pooling != "running" and value:
                raise CheckpointError(
                    f"{name} is {value}, but only a running mean has one, and the head is {self.pooling}; "
                    "choose the head 'running', or 0"
                )
        if self.pooling != "running":
            return
        if not 1 <= self.stride <= MOST_STEPS:
            raise CheckpointError(
                f"stride is {self.stride}; a running mean answers every 1 to {MOST_STEPS} steps"
            )
        if self.time_constant not in TIME_CONSTANTS:
            raise CheckpointError(
                f"time_constant is {self.time_constant}; choose a power of two from {TIME_CONSTANTS[0]} to "
                f"{TIME_CONSTANTS[-1]} steps"
            )

    def _check_threshold(self) -> None:
        value = self.twentieths
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < THRESHOLD_PARTS:
            raise CheckpointError(
                f"twentieths is {value!r}; a ternary threshold is 1 to {THRESHOLD_PARTS - 1} twentieths of "
                "the largest magnitude"
            )
        if value != TWENTIETHS and not UNITS[self.model].ternary:
            raise CheckpointError(
                f"twentieths is {value}, but only a Gated Spiking Unit has a ternary threshold, and "
                f"the model is {self.model}; leave it at {TWENTIETHS}"
            )

    @property
    def answer_stride(self) -> int | None:
        """Steps between two answers; None if there is one, at the end of a sequence (`quantize.answers`)."""
        return {"every_step": 1, "running": self.stride}.get(self.pooling)

    @property
    def arrays(self) -> tuple[str, ...]:
        """The kind of array of each layer."""
        named = tuple(self.array.split(","))
        return named * self.layers if len(named) == 1 else named

    @property
    def folds_norm(self) -> bool:
        """Whether the norm of a block is a gain and an offset at the input of its state-space model."""
        return (self.norm, self.norm_position) == ("batch", "pre")


def tensor_shapes(config: NetworkConfig) -> dict[str, Shape]:
    """Every tensor of a checkpoint with its shape, in the order of the data flow."""
    features, channels, modes = config.features, config.channels, config.modes
    layer_norm: dict[str, Shape] = {"weight": (channels,), "bias": (channels,)}
    batch_norm = layer_norm | {"running_mean": (channels,), "running_var": (channels,)}
    block_norm = batch_norm if config.norm == "batch" else layer_norm
    shapes: dict[str, Shape] = {"encoder.weight": (channels, features), "encoder.bias": (channels,)}
    for layer in range(config.layers):
        block: dict[str, Shape] = {f"norm.{name}": shape for name, shape in block_norm.items()}
        of_array = ARRAYS[config.arrays[layer]].tensors(channels, modes)
        block |= {f"ssm.{name}": shape for name, shape in of_array.items()}
        block |= {f"unit.{name}": shape for name, shape in UNITS[config.model].tensors(channels).items()}
        shapes |= {f"layers.{layer}.{name}": shape for name, shape in block.items()}
    final_norm = batch_norm if config.final_norm == "batch" else layer_norm
    shapes |= {f"norm.{name}": shape for name, shape in final_norm.items()}
    return shapes | {"decoder.weight": (config.classes, channels), "decoder.bias": (config.classes,)}


def parameter_count(config: NetworkConfig) -> int:
    """Trained numbers; the running statistics of the norms are not among them."""
    shapes = tensor_shapes(config)
    return sum(prod(shape) for name, shape in shapes.items() if not name.endswith(RUNNING_STATISTICS))
