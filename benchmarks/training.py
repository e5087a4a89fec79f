"""Training speed: convolutions against a recurrence step by step, and against the public form of S4D.

    python -m benchmarks.training --json training.json

Every training step is forward, backward and AdamW on the same drawn sequences, in one thread; the contestants
take turns, and each one's fastest step counts. Seconds are of processor time: a busy machine favours none.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated

import torch
import typer
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.command import command
from statespike.models.network import Block, Network
from statespike.models.recipe import Recipe
from statespike.models.ssm import DiagonalStateSpace
from statespike.options import Json
from statespike.output import new_table, progress, show, write_json

FEATURES, CLASSES = 1, 10


class Recurrence(nn.Module):
    """A block of ours as libraries of spiking neurons compute it: a loop over the steps, all states carried.

    The norm, which looks at all steps, stays outside. In evaluation its outputs are the block's.
    """

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """Map x (B, T, H) to (B, T, H)."""
        block = self.block
        assert isinstance(block.ssm, DiagonalStateSpace)
        exponent, readout = (part.to(torch.complex64) for part in block.ssm.discretise())
        poles, readout = torch.exp(exponent), 2 * readout
        unit_state = block.unit.initial_state(len(x))
        state = torch.zeros(len(x), *poles.shape, dtype=torch.complex64)
        outputs = []
        for u in block.norm(x, valid).unbind(1):
            state = poles * state + u[..., None]
            out, unit_state = block.unit.step((readout * state).sum(-1).real + block.ssm.D * u, unit_state)
            outputs.append(out)
        return x + torch.stack(outputs, 1)


class PublicStateSpace(nn.Module):
    """S4D with its GELU and gated linear unit, channels before steps, as the public code computes it.

    After `s4d.py` of state-spaces/s4 (Gu et al. 2022): an exponential for each mode and step in the
    kernel, and a convolution through PyTorch's own gradients.
    """

    def __init__(self, channels: int, modes: int) -> None:
        super().__init__()
        self.log_step = nn.Parameter(torch.empty(channels).uniform_(math.log(1e-3), math.log(1e-1)))
        self.log_decay = nn.Parameter(torch.full((channels, modes), math.log(0.5)))
        self.frequency = nn.Parameter(math.pi * torch.arange(float(modes)).repeat(channels, 1))
        self.readout = nn.Parameter(torch.randn(channels, modes, 2) * math.sqrt(0.5))
        self.skip = nn.Parameter(torch.randn(channels))
        self.mix = nn.Conv1d(channels, 2 * channels, 1)

    def kernel(self, steps: int) -> Tensor:
        """Impulse response without the skip, (H, steps)."""
        continuous = torch.complex(-self.log_decay.exp(), self.frequency)
        scaled = continuous * self.log_step.exp()[:, None]
        readout = torch.view_as_complex(self.readout) * (scaled.exp() - 1) / continuous
        powers = torch.exp(scaled[..., None] * torch.arange(steps))
        return 2 * torch.einsum("hn,hnt->ht", readout, powers).real

    def forward(self, u: Tensor) -> Tensor:
        """Map u (B, H, T) to (B, H, T)."""
        steps = u.shape[-1]
        spectrum = torch.fft.rfft(u, n=2 * steps) * torch.fft.rfft(self.kernel(steps), n=2 * steps)
        y = torch.fft.irfft(spectrum, n=2 * steps)[..., :steps] + self.skip[:, None] * u
        return functional.glu(self.mix(functional.gelu(y)), dim=1)


class PublicNetwork(nn.Module):
    """The public example's frame: encoder, residual blocks with LayerNorm behind them, mean, decoder."""

    def __init__(self, channels: int, modes: int, layers: int) -> None:
        super().__init__()
        self.encoder = nn.Linear(FEATURES, channels)
        self.layers = nn.ModuleList(PublicStateSpace(channels, modes) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(layers))
        self.decoder = nn.Linear(channels, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Classify x (B, T, F)."""
        hidden = self.encoder(x).transpose(1, 2)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            hidden = norm((hidden + layer(hidden)).transpose(1, 2)).transpose(1, 2)
        logits: Tensor = self.decoder(hidden.mean(2))
        return logits


@dataclass(frozen=True)
class Size:
    """Of networks and batches."""

    channels: int
    modes: int
    layers: int
    steps: int
    batch: int


@dataclass(frozen=True)
class Result:
    """Training steps a second of a network here, and of the same written in another way."""

    network: str
    other: str
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs


def convolution(size: Size, model: str, norm: str = "batch", norm_position: str = "pre") -> Network:
    """A network of this project."""
    recipe = Recipe(
        model=model, channels=size.channels, modes=size.modes, layers=size.layers, norm=norm,
        norm_position=norm_position,
    )  # fmt: skip
    return Network(recipe.network_config(FEATURES, CLASSES))


def recurrence(size: Size, model: str) -> Network:
    """The same network as a loop over the steps; of models without a norm over the steps in their unit."""
    network = convolution(size, model)
    network.layers = nn.ModuleList(Recurrence(block) for block in network.layers if isinstance(block, Block))
    return network


def contests(size: Size) -> list[tuple[str, str, nn.Module, nn.Module]]:
    """Name of our network, of the other form, and both."""
    found: list[tuple[str, str, nn.Module, nn.Module]] = [
        (model, "recurrence", convolution(size, model), recurrence(size, model))
        for model in ("gsu", "binary_s4d", "spiking_ssm")
    ]
    public = PublicNetwork(size.channels, size.modes, size.layers)
    return [*found, ("s4d", "public form", convolution(size, "s4d", "layer", "post"), public)]


def training_step(network: nn.Module, size: Size) -> Callable[[], float]:
    """What takes a step of training and returns its seconds of processor time."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(size.batch, size.steps, FEATURES, generator=generator)
    labels = torch.randint(CLASSES, (size.batch,), generator=generator)

    def step() -> float:
        started = time.process_time()
        optimizer.zero_grad()
        functional.cross_entropy(network(x), labels).backward()
        optimizer.step()
        return time.process_time() - started

    return step


def main(
    channels: Annotated[int, typer.Option(min=1)] = 32,
    modes: Annotated[int, typer.Option(min=1)] = 8,
    layers: Annotated[int, typer.Option(min=1)] = 2,
    steps: Annotated[int, typer.Option(min=1, help="of a sequence")] = 784,
    batch: Annotated[int, typer.Option(min=1)] = 64,
    repeats: Annotated[int, typer.Option(min=1, help="training steps of each, after one to warm up")] = 5,
    json: Json = None,
) -> None:
    """Compare training steps a second.

    Example: python -m benchmarks.training --steps 784 --channels 64
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    size = Size(channels, modes, layers, steps, batch)
    results = []
    with progress() as bars:
        for name, other, *networks in bars.track(contests(size), description="training"):
            turns = [training_step(network, size) for network in networks]
            for step in turns:
                step()
            seconds = [[step() for step in turns] for _ in range(repeats)]
            ours, theirs = (1 / min(column) for column in zip(*seconds, strict=True))
            results.append(Result(name, other, ours, theirs))
    table = new_table("network", "against", "ours, steps/s", "theirs, steps/s", "ratio")
    for result in results:
        table.add_row(
            result.network, result.other, f"{result.ours:.2f}", f"{result.theirs:.2f}", f"{result.ratio:.1f}"
        )
    show(table)
    rows = [asdict(result) | {"ratio": result.ratio} for result in results]
    write_json(json, {"size": asdict(size), "torch": torch.__version__, "results": rows})


if __name__ == "__main__":
    command(main)
