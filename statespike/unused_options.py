"""Options that a command was given and has no use for: they are told, never ignored in silence."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

Parameters = Mapping[str, Any]


class Unused(NamedTuple):
    """When options of a command have no effect.

    Parameters
    ----------
    options : tuple of str
        Names of parameters.
    holds : callable
        Whether the parameters of the command leave them without effect.
    why : str
        In words, behind "has no effect".
    """

    options: tuple[str, ...]
    holds: Callable[[Parameters], bool]
    why: str


_OF_A_SEARCH = (
    "device", "objectives", "budget", "sampler", "batch", "rate", "space", "sequences", "validation", "html",
)  # fmt: skip

_OF_A_BOARD = (
    Unused(("port", "spi"), lambda given: given["virtual"], "with --virtual"),
    Unused(("keep",), lambda given: not given["virtual"], "without --virtual"),
)

UNUSED: dict[str, tuple[Unused, ...]] = {
    "generate": (Unused(("seeds",), lambda given: not given["pnr"], "without --pnr"),),
    "cost": (Unused(("seeds",), lambda given: not given["pnr"], "without --pnr"),),
    "build": (Unused(("seeds",), lambda given: not given["bitstream"], "with --no-bitstream"),),
    "simulate": (
        Unused(("keep", "jobs"), lambda given: given["backend"] == "amaranth", "with --backend amaranth"),
        Unused(
            ("seed",),
            lambda given: given["input_gaps"] == 0 and given["output_stalls"] == 0,
            "where there are neither gaps nor stalls",
        ),
    ),
    "report": (Unused(("device",), lambda given: given["output"] is None, "without -o"),),
    "run": _OF_A_BOARD,
    "load": _OF_A_BOARD,
    "train": (
        Unused(
            ("surrogate",),
            lambda given: given["model"] in ("s4d", "tanh", "sigmoid"),
            "on a model without spikes",
        ),
    ),
    "explore": (
        Unused(
            ("seeds",), lambda given: given["finish"] is None, "without --finish"
        ),
        Unused(_OF_A_SEARCH, lambda given: given["finish"] is not None, "with --finish"),
        Unused(
            (*_OF_A_SEARCH, "seed", "epochs", "workers", "scheduler"),
            lambda given: given["apply"] is not None,
            "with --apply",
        ),
    ),
}  # fmt: skip
"""Name of a command -> what it may be given in vain."""


def told(rules: Iterable[Unused], parameters: Parameters, given: Callable[[str], bool]) -> Iterator[str]:
    """Sentences on the options that were given and have no effect.

    Parameters
    ----------
    rules : iterable of Unused
    parameters : mapping
        Of the command, by name.
    given : callable
        Whether an option stands on the command line.
    """
    for rule in rules:
        for name in rule.options:
            if given(name) and rule.holds(parameters):
                yield f"--{name.replace('_', '-')} has no effect {rule.why}"
