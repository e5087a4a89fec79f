"""The surrogate dynamic network: it predicts an integrate-and-fire neuron's potential for all steps at once.

The hard reset makes a neuron's potential depend on its own spikes, so it has to be computed step by step.
Since the leak forgets fast, the last eight inputs almost decide it: a causal network of 153 weights reads
them and predicts the decayed potential tau u[t-1]. Shen et al., "SpikingSSMs" (2024).

    python -m statespike.models.surrogate_dynamics train      fit it on N(0, 1) inputs, write sdn.safetensors
    python -m statespike.models.surrogate_dynamics measure    share of equal spikes, and speed
"""

import argparse
import time
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import numba
import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn.functional import mse_loss, pad
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from statespike.models.lif import decayed_potential, fire, lif_step
from statespike.models.surrogates import surrogate

WINDOW = 8
WIDTH = 8
FILE = "sdn.safetensors"
_VALUES_AT_ONCE = 1 << 16
"""Values of a hidden layer that pass through all operations together: few enough to stay in the cache."""


class SurrogateDynamics(nn.Module):
    """Predict the decayed potential from the inputs of the eight steps before.

    A convolution 1 -> 8 over the window, then 8 -> 8 with a skip, then 8 -> 1, with a ReLU between them. All
    channels share the weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.window = nn.Linear(WINDOW, WIDTH)
        self.hidden = nn.Linear(WIDTH, WIDTH)
        self.readout = nn.Linear(WIDTH, 1)

    def forward(self, drive: Tensor) -> Tensor:
        """Map drives (B, T, H) to predictions (B, T, H); step t sees the steps t - 8 to t - 1."""
        batch, steps, channels = drive.shape
        columns = drive.transpose(0, 1).reshape(steps, batch * channels)
        past = pad(columns, (0, 0, WINDOW, 0))
        windows = past.as_strided((steps, WINDOW, past.shape[1]), (past.stride(0), *past.stride()))
        at_once = max(1, _VALUES_AT_ONCE // (WIDTH * past.shape[1]))
        parts = [self._predict(part) for part in windows.split(at_once)]
        return torch.cat(parts).reshape(steps, batch, channels).transpose(0, 1)

    def _predict(self, windows: Tensor) -> Tensor:
        """Map windows (T, 8, M) to predictions (T, M)."""
        first = torch.relu_(_apply(self.window, windows))
        second = torch.relu_(_apply(self.hidden, first) + first)
        return _apply(self.readout, second)[:, 0]

    @torch.no_grad()
    def predict(self, drive: Tensor) -> Tensor:
        """What `forward` gives, without a gradient, compiled, in single precision: (B, T, H) to (B, T, H)."""
        result = torch.empty(drive.shape)
        _predict_all(
            drive.float().contiguous().numpy(),
            self.window.weight.numpy(), self.window.bias.numpy(),
            self.hidden.weight.numpy(), self.hidden.bias.numpy(),
            self.readout.weight.numpy(), self.readout.bias.numpy(),
            result.numpy(),
        )  # fmt: skip
        return result.to(drive.dtype)


@numba.njit(inline="always")
def _weigh(weights, rows, m):
    """The sum over eight rows (8, M) in column m; written out, so that it is one pass over the columns."""
    return (
        weights[0] * rows[0, m] + weights[1] * rows[1, m] + weights[2] * rows[2, m]
        + weights[3] * rows[3, m] + weights[4] * rows[4, m] + weights[5] * rows[5, m]
        + weights[6] * rows[6, m] + weights[7] * rows[7, m]
    )  # fmt: skip


@numba.njit(fastmath=True, cache=True)
def _predict_all(drive, window, window_bias, hidden, hidden_bias, readout, readout_bias, result):
    """A step after the other of every sequence; a step's values stay in the cache."""
    sequences, steps, channels = drive.shape
    zero = np.float32(0)
    past = np.zeros((WINDOW + steps, channels), np.float32)
    first = np.empty((WIDTH, channels), np.float32)
    second = np.empty((WIDTH, channels), np.float32)
    for sequence in range(sequences):
        past[WINDOW:] = drive[sequence]
        for t in range(steps):
            rows = past[t : t + WINDOW]
            for j in range(WIDTH):
                for m in range(channels):
                    first[j, m] = max(_weigh(window[j], rows, m) + window_bias[j], zero)
            for j in range(WIDTH):
                for m in range(channels):
                    second[j, m] = max(_weigh(hidden[j], first, m) + hidden_bias[j] + first[j, m], zero)
            for m in range(channels):
                result[sequence, t, m] = _weigh(readout[0], second, m) + readout_bias[0]


def _apply(linear: nn.Linear, columns: Tensor) -> Tensor:
    """A linear map of the second axis: (T, in, M) -> (T, out, M)."""
    weight = linear.weight.to(columns.dtype).expand(len(columns), -1, -1)
    return torch.bmm(weight, columns).add_(linear.bias.to(columns.dtype)[:, None])


@cache
def shipped_dynamics() -> SurrogateDynamics:
    """Return the network that ships with the package, frozen."""
    network = SurrogateDynamics()
    network.load_state_dict(load((files("statespike.models") / FILE).read_bytes()))
    return network.requires_grad_(False)


def fit(
    updates: int, seed: int, neurons: int = 256, steps: int = 64, rate: float = 1e-2
) -> SurrogateDynamics:
    """Train the network on N(0, 1) inputs to predict the neuron's decayed potential (mean squared error)."""
    torch.manual_seed(seed)
    network = SurrogateDynamics()
    optimizer = AdamW(network.parameters(), weight_decay=0.0)
    schedule = OneCycleLR(optimizer, rate, total_steps=updates)
    for _ in range(updates):
        drive = torch.randn(1, steps, neurons)
        loss = mse_loss(network(drive), decayed_potential(drive))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network


@torch.no_grad()
def spike_agreement(network: SurrogateDynamics, drive: Tensor) -> float:
    """Share of steps, 0 to 1, at which the predicted potential fires exactly when the neuron does."""
    predicted = network(drive) + drive
    exact = decayed_potential(drive) + drive
    none = surrogate("")
    return (fire(predicted, none) == fire(exact, none)).double().mean().item()


def _through_time(drive: Tensor) -> Tensor:
    """The neuron step by step with gradients through time, as it would be trained without the network."""
    state = torch.zeros_like(drive[:, 0])
    spikes = []
    for t in range(drive.shape[1]):
        fired, state = lif_step(drive[:, t], state, surrogate("triangle"))
        spikes.append(fired)
    return torch.stack(spikes, 1)


def _step_by_step(drive: Tensor) -> Tensor:
    """The neuron step by step with the network's gradient, which does not go through time."""
    return fire(decayed_potential(drive) + drive, surrogate("triangle"))


def _in_parallel(drive: Tensor) -> Tensor:
    return fire(shipped_dynamics().predict(drive) + drive, surrogate("triangle"))


def _seconds(spikes_of: Callable[[Tensor], Tensor], drive: Tensor, repetitions: int = 5) -> float:
    """Shortest time of a forward and a backward pass."""
    best = float("inf")
    for _ in range(repetitions):
        started = time.perf_counter()
        spikes_of(drive).sum().backward()
        best = min(best, time.perf_counter() - started)
    return best


def measure() -> None:
    """Print the agreement of spikes and the speed of all ways, forward and backward, on N(0, 1) inputs."""
    generator = torch.Generator().manual_seed(1)
    agreement = spike_agreement(shipped_dynamics(), torch.randn(64, 1024, 32, generator=generator))
    print(f"spikes agree at {agreement:.3%} of the steps")
    for steps in (256, 784, 2048):
        drive = torch.randn(16, steps, 32, generator=generator, requires_grad=True)
        through_time, step_by_step, in_parallel = (
            _seconds(way, drive) for way in (_through_time, _step_by_step, _in_parallel)
        )
        print(
            f"{steps} steps of 16 x 32 neurons: {in_parallel * 1e3:.1f} ms in parallel, "
            f"{through_time / in_parallel:.1f} times as fast as step by step with gradients through time, "
            f"{step_by_step / in_parallel:.1f} times as fast as without them"
        )


def main() -> None:
    """Train or measure, as the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m statespike.models.surrogate_dynamics", description=__doc__
    )
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("--output", type=Path, default=Path(__file__).with_name(FILE))
    training.add_argument("--updates", type=int, default=6000)
    training.add_argument("--seed", type=int, default=0)
    commands.add_parser("measure")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.command == "train":
        network = fit(arguments.updates, arguments.seed)
        arguments.output.write_bytes(save(network.state_dict()))
        print(f"wrote {arguments.output}")
    else:
        measure()


if __name__ == "__main__":
    main()
