"""Comparisons with other projects, run as `python -m benchmarks.NAME`; not installed."""

import sys
from types import TracebackType

from quantize.extras import sentence_of_missing

_usual = sys.excepthook


def _tell_missing(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Tell of a missing package in a sentence, and end with status 2."""
    sentence = sentence_of_missing(error) if isinstance(error, ModuleNotFoundError) else None
    if sentence is None:
        return _usual(kind, error, traceback)
    print("error:", sentence, file=sys.stderr)
    raise SystemExit(2)


# Some benchmarks need such a package from their first line on.
sys.excepthook = _tell_missing
