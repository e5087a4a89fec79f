"""Components that nobody builds: those that are only asked for their schedule, and others."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from amaranth.hdl import UnusedElaboratable

from hdl.primitives.component import DRAFTING


@contextmanager
def unused() -> Iterator[None]:
    """Components made here may stay unused; Amaranth would warn that nobody builds them.

    The warning comes when a component is collected, so they are collected here. What was there before is
    kept out of that collection, which would otherwise walk through every object of the process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedElaboratable)
        gc.freeze()
        try:
            yield
        finally:
            gc.collect()
            gc.unfreeze()


@contextmanager
def drafts() -> Iterator[None]:
    """Components made here have no ports: they are asked for their schedule and never built."""
    before = DRAFTING.set(True)
    try:
        with unused():
            yield
    finally:
        DRAFTING.reset(before)
