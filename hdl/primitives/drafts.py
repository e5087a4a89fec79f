"""Components that are only asked for their schedule."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from amaranth.hdl import UnusedElaboratable


@contextmanager
def drafts() -> Iterator[None]:
    """Components made here may stay unused; Amaranth would warn that nobody builds them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedElaboratable)
        yield
        gc.collect()
