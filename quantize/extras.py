"""Packages that only some commands need, and how to get them."""

EXTRAS = {
    "torch": "train",
    "sklearn": "train",
    "matplotlib": "plots",
    "da4ml": "benchmarks",
    "alkaid": "benchmarks",
    "optuna": "search",
    "sqlalchemy": "search",
    "distributed": "search",
    "spidev": "spi",
}
"""Module that may be missing -> the extra of the project that brings it."""


def how_to_get(module: str) -> str:
    """What to run for a missing module; no index serves the project, so it is installed from a clone."""
    return f"run `pip install -e '.[{EXTRAS[module]}]'` in a clone of statespike"


def sentence_of_missing(error: ModuleNotFoundError) -> str | None:
    """What to say of a failed import; None if the module is none of the extras: that is a defect."""
    module = (error.name or "").partition(".")[0]
    return f"{module} is not installed; {how_to_get(module)}" if module in EXTRAS else None
