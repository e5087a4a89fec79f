"""S4D-Real, the state-space model of real modes: each one a leaky sum of its input.

    x_n[t] = a_n x_n[t-1] + Bbar_n u[t]        a = exp(dt A), Bbar = (a - 1)/A, A = -exp(log_A_real)
    y[t]   = sum_n C_n x_n[t] + D u[t]

Gu, Gupta, Goel, Re: "On the Parameterization and Initialization of Diagonal State Space Models" (2022).
"""

import math

import torch
from torch import Tensor, nn

from quantize.errors import StatespikeError
from statespike.models.convolution import causal_convolution
from statespike.models.ssm import StateSpace


class RealStateSpace(StateSpace):
    """One single-input single-output neuron of real modes a channel.

    Parameters
    ----------
    channels, modes : int
        H channels of N real modes each.
    discretisation, initialisation : str
        "zoh" and "lin", the only ones there are; A_n = -(n + 1) at the start (S4D-Real).
    pole_sets : int, optional
    trained_input : bool
        Not for real modes; neither may be asked for.

    Raises
    ------
    StatespikeError
        If another option is asked for.

    Notes
    -----
    Parameters: C (H, N), log_dt (H), log_A_real (H, N) and D (H).
    """

    def __init__(
        self,
        channels: int,
        modes: int,
        discretisation: str = "zoh",
        initialisation: str = "lin",
        *,
        pole_sets: int | None = None,
        trained_input: bool = False,
    ) -> None:
        super().__init__()
        if pole_sets is not None or trained_input:
            raise StatespikeError("real modes have neither shared poles nor a trained input; leave both out")
        if (discretisation, initialisation) != ("zoh", "lin"):
            raise StatespikeError(
                f"real modes have no {discretisation!r} form that starts as {initialisation!r}; "
                "choose 'zoh' and 'lin'"
            )
        shortest, longest = math.log(1e-3), math.log(1e-1)
        self.C = nn.Parameter(torch.randn(channels, modes))
        self.log_dt = nn.Parameter(shortest + torch.rand(channels) * (longest - shortest))
        self.log_A_real = nn.Parameter(torch.log(torch.arange(1.0, modes + 1)).repeat(channels, 1))
        self.D = nn.Parameter(torch.randn(channels))

    def checkpoint_tensors(self) -> dict[str, Tensor]:
        """Return C (H, N), log_dt (H), log_A_real (H, N) and D (H)."""
        return {"C": self.C, "log_dt": self.log_dt, "log_A_real": self.log_A_real, "D": self.D}

    def discretise(self) -> tuple[Tensor, Tensor]:
        """Return log(a) and C Bbar, both double (H, N)."""
        poles = -torch.exp(self.log_A_real.double())
        scaled = torch.exp(self.log_dt.double())[:, None] * poles
        return scaled, self.C.double() * torch.expm1(scaled) / poles

    def forward(self, u: Tensor) -> Tensor:
        """Filter whole sequences: u (B, T, H) -> y (B, T, H), the skip D u included."""
        steps = u.shape[1]
        exponent, readout = self.discretise()
        times = torch.arange(steps, dtype=torch.float64)
        taps = torch.einsum("hn,hnt->ht", readout, torch.exp(exponent[:, :, None] * times)).float()
        return causal_convolution(u, taps + nn.functional.pad(self.D[:, None], (0, steps - 1)))

    def initial_state(self, batch: int) -> Tensor:
        """Return the state before the first step, double (B, H, N)."""
        return torch.zeros((batch, *self.C.shape), dtype=torch.float64)

    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance by one step: u (B, H), state (B, H, N) -> y (B, H), next state."""
        exponent, readout = self.discretise()
        state = torch.exp(exponent) * state + u[..., None]
        y = (readout * state).sum(-1) + self.D * u
        return y.to(u.dtype), state
