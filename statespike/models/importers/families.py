"""Networks of other families: named, with the reason why they are refused."""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """A family of networks, by names that only its tensors have.

    Parameters
    ----------
    name : str
        "an S5 network": the beginning of the reason.
    reason : str
        Why it cannot be run here.
    patterns : tuple of str
        Regular expressions, each of which has to match the end of a tensor's name.
    """

    name: str
    reason: str
    patterns: tuple[str, ...]

    def matches(self, names: Iterable[str]) -> bool:
        """Whether each pattern is found among the names."""
        names = list(names)
        return all(any(re.search(rf"(^|\.){pattern}$", name) for name in names) for pattern in self.patterns)


FAMILIES = (
    Family(
        "an S5 network",
        "its dense input and output matrices couple all channels in one state",
        (r"Lambda_re", r"Lambda_im"),
    ),
    Family(
        "an LRU network",
        "its dense input and output matrices couple all channels in one state",
        (r"nu_log", r"theta_log"),
    ),
    Family(
        "a Mamba network",
        "its step sizes and matrices depend on the input, so no coefficient is constant",
        (r"A_log", r"x_proj\.weight"),
    ),
    Family(
        "a Mamba-2 network",
        "its step sizes and matrices depend on the input, so no coefficient is constant",
        (r"A_log", r"dt_bias"),
    ),
    Family(
        "a network of snnTorch",
        "its leaky neurons have no diagonal state-space model before them",
        (r"\w+\.beta", r"\w+\.threshold"),
    ),
    Family(
        "a network of Norse or spikingjelly",
        "its leaky neurons have no diagonal state-space model before them",
        (r"\w+\.(tau_mem_inv|tau_syn_inv|v_threshold)",),
    ),
    Family(
        "an S4 network with the DPLR kernel",
        "its state matrix is diagonal plus low rank, not diagonal; train it with the diagonal kernel (S4D)",
        (r"kernel(\.kernel)?\.P",),
    ),
    Family(
        "a network of GRU or LSTM cells",
        "its recurrence is dense and gated, not a diagonal state-space model",
        (r"weight_hh_l0",),
    ),
    Family(
        "a Transformer",
        "its attention needs all steps of a sequence at once",
        (r"(in_proj_weight|self_attn\.\w+\.weight|q_proj\.weight|attention\.self\.query\.weight)",),
    ),
    Family(
        "a bidirectional network",
        "its second kernel reads a sequence from the end, which no stream of samples can do",
        (r"(kernel_back|reverse|backward)\.\w+",),
    ),
)


def family_of(names: Iterable[str]) -> Family | None:
    """The family that the names of a file's tensors belong to, or None."""
    names = list(names)
    return next((family for family in FAMILIES if family.matches(names)), None)
