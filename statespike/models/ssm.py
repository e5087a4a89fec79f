"""Diagonal state-space models: a convolution to train with, a recurrence to stream with.

S4D, of complex modes:

    x_n[t] = Abar_n x_n[t-1] + Bbar_n u[t]
    y[t]   = 2 Re( sum_n C_n x_n[t] ) + D u[t]

S4D-Real, of real modes, each one a leaky sum of its input:

    x_n[t] = a_n x_n[t-1] + Bbar_n u[t]        a = exp(dt A), Bbar = (a - 1)/A, A = -exp(log_A_real)
    y[t]   = sum_n C_n x_n[t] + D u[t]

Gu, Gupta, Goel, Re: "On the Parameterization and Initialization of Diagonal
State Space Models" (2022).
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from quantize.errors import StatespikeError
from statespike.models.convolution import causal_convolution


def initial_poles(initialisation: str, channels: int, modes: int) -> Tensor:
    """Continuous poles at the start of training, complex (H, N).

    "lin": A_n = -1/2 + i pi n;  "inv": A_n = -1/2 + i (M/pi) (M/(2n+1) - 1) with M = 2N (S4D-Lin and S4D-Inv
    of the paper; half of each conjugate pair is stored, and all channels start alike);  "spread": those of
    S4D-Lin dealt out in turn, n = 0 to HN - 1, so that channels of a single mode resonate apart.
    """
    n = torch.arange(modes, dtype=torch.float64).expand(channels, modes)
    if initialisation == "lin":
        imaginary = math.pi * n
    elif initialisation == "inv":
        order = 2 * modes
        imaginary = order / math.pi * (order / (2 * n + 1) - 1)
    elif initialisation == "spread":
        imaginary = math.pi * torch.arange(channels * modes, dtype=torch.float64).reshape(modes, channels).T
    else:
        raise ValueError(f"unknown initialisation {initialisation!r}; choose 'lin', 'inv' or 'spread'")
    return torch.complex(torch.full_like(imaginary, -0.5), imaginary)


class StateSpace(nn.Module, ABC):
    """What a network asks of every kind of state-space model."""

    @abstractmethod
    def checkpoint_tensors(self) -> dict[str, Tensor]:
        """Return the tensors that a checkpoint holds."""

    @abstractmethod
    def forward(self, u: Tensor) -> Tensor:
        """Filter whole sequences: u (B, T, H) -> y (B, T, H), the skip D u included."""

    @abstractmethod
    def initial_state(self, batch: int) -> Tensor:
        """Return the state before the first step, (B, H, N)."""

    @abstractmethod
    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance by one step: u (B, H), state (B, H, N) -> y (B, H), next state."""


class DiagonalStateSpace(StateSpace):
    """One single-input single-output S4D neuron a channel.

    Parameters
    ----------
    channels, modes : int
        H channels of N complex modes each; a mode stands for a conjugate pair.
    discretisation : str
        "zoh":      Abar = exp(dt A),                  Bbar = (Abar - 1)/A;
        "bilinear": Abar = (1 + dt A/2)/(1 - dt A/2),  Bbar = dt/(1 - dt A/2);  both times B.
    initialisation : str
        "lin", "inv" or "spread", see `initial_poles`.
    pole_sets : int, optional
        Distinct sets of poles, repeated over the channels (the papers' n_ssm); one a channel by default.
    trained_input : bool
        Train B, one complex number a pole, instead of leaving it at 1.

    Raises
    ------
    StatespikeError
        If the channels are no multiple of the sets.

    Notes
    -----
    Parameters: C (H, N, 2), log_dt (H), log_A_real (S, N), A_imag (S, N), D (H) and, if trained, B (S, N, 2)
    for S sets of poles, with A = -exp(log_A_real) + i A_imag, so that no training step can move a pole over
    the imaginary axis. `checkpoint_tensors` is what a checkpoint holds: a set for every channel, B inside C.
    Poles and their powers are computed in double precision: after 784 steps a phase has grown to thousands of
    radians, where float32 keeps three decimals. The arrays are small, so it costs nothing.
    """

    def __init__(
        self,
        channels: int,
        modes: int,
        discretisation: str,
        initialisation: str,
        *,
        pole_sets: int | None = None,
        trained_input: bool = False,
    ) -> None:
        super().__init__()
        sets = channels if pole_sets is None else pole_sets
        if sets < 1 or channels % sets:
            raise StatespikeError(f"{channels} channels cannot share {sets} sets of poles; choose a divisor")
        if discretisation not in ("zoh", "bilinear"):
            raise ValueError(f"unknown discretisation {discretisation!r}; choose 'zoh' or 'bilinear'")
        self.discretisation = discretisation
        self.repeats = channels // sets
        poles = initial_poles(initialisation, sets, modes)
        shortest, longest = math.log(1e-3), math.log(1e-1)
        self.C = nn.Parameter(torch.randn(channels, modes, 2) * math.sqrt(0.5))
        self.log_dt = nn.Parameter(shortest + torch.rand(channels) * (longest - shortest))
        self.log_A_real = nn.Parameter(torch.log(-poles.real).float())
        self.A_imag = nn.Parameter(poles.imag.float().clone())
        self.D = nn.Parameter(torch.randn(channels))
        one = torch.tensor([1.0, 0.0]).repeat(sets, modes, 1)
        self.B = nn.Parameter(one) if trained_input else None

    def checkpoint_tensors(self) -> dict[str, Tensor]:
        """Return C (H, N, 2), log_dt (H), log_A_real (H, N), A_imag (H, N), D (H) of a layer with B = 1."""
        return {
            "C": torch.view_as_real(self.readout()).float(),
            "log_dt": self.log_dt,
            "log_A_real": self.log_A_real.repeat(self.repeats, 1),
            "A_imag": self.A_imag.repeat(self.repeats, 1),
            "D": self.D,
        }

    def readout(self) -> Tensor:
        """Return C B, complex128 (H, N)."""
        readout = torch.view_as_complex(self.C.double())
        if self.B is None:
            return readout
        return readout * torch.view_as_complex(self.B.double()).repeat(self.repeats, 1)

    def discretise(self) -> tuple[Tensor, Tensor]:
        """Return log(Abar) and C Bbar, both complex128 (H, N)."""
        poles = torch.complex(-torch.exp(self.log_A_real.double()), self.A_imag.double())
        poles = poles.repeat(self.repeats, 1)
        step = torch.exp(self.log_dt.double())[:, None]
        readout = self.readout()
        scaled = step * poles
        if self.discretisation == "zoh":
            return scaled, readout * (torch.exp(scaled) - 1) / poles
        denominator = 1 - scaled / 2
        return torch.log((1 + scaled / 2) / denominator), readout * step / denominator

    def kernel(self, length: int) -> Tensor:
        """Impulse response k[t] = 2 Re sum_n C_n Bbar_n Abar_n^t, float32 (H, length).

        With t = i r + j and r near sqrt(length), Abar^t = Abar^(i r) Abar^j: two Vandermonde factors of r
        columns and one matrix product take the place of `length` exponentials a mode.
        """
        exponent, readout = self.discretise()
        inner = math.ceil(math.sqrt(length))
        outer = math.ceil(length / inner)
        i = torch.arange(outer, dtype=torch.float64)
        j = torch.arange(inner, dtype=torch.float64)
        coarse = readout[:, None, :] * torch.exp(exponent[:, None, :] * (inner * i)[:, None])  # (H, outer, N)
        fine = torch.exp(exponent[:, :, None] * j)  # (H, N, inner)
        powers = 2 * torch.matmul(coarse, fine).real  # (H, outer, inner)
        return powers.reshape(len(exponent), outer * inner)[:, :length].float()

    def forward(self, u: Tensor) -> Tensor:
        """Filter whole sequences: u (B, T, H) -> y (B, T, H), the skip D u included."""
        steps = u.shape[1]
        taps = self.kernel(steps)
        skip = nn.functional.pad(self.D[:, None], (0, steps - 1))
        return causal_convolution(u, taps + skip)

    def initial_state(self, batch: int) -> Tensor:
        """Return the state before the first step, complex128 (B, H, N)."""
        return torch.zeros((batch, *self.C.shape[:2]), dtype=torch.complex128)

    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance by one step: u (B, H), state (B, H, N) -> y (B, H), next state.

        Bbar is folded into C, as in the circuit: the state takes the plain input.
        """
        exponent, readout = self.discretise()
        state = torch.exp(exponent) * state + u[..., None]
        y = 2 * (readout * state).sum(-1).real + self.D * u
        return y.to(u.dtype), state


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
