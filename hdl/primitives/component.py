"""What all components of a network are: Amaranth's, but without ports where only a schedule is asked for."""

from contextvars import ContextVar
from typing import Any

from amaranth.lib import wiring

DRAFTING: ContextVar[bool] = ContextVar("DRAFTING", default=False)
"""Whether components are made for their schedule alone; see `hdl.primitives.drafts.drafts`."""


class Component(wiring.Component):
    """A component that has its ports unless it is a draft.

    The planner asks hundreds of components for their cycles, and two thirds of the time to make one go into
    the signals of its ports.

    Parameters
    ----------
    signature : Signature or dict
        See `amaranth.lib.wiring.Component`.
    """

    def __init__(self, signature: Any) -> None:
        if not DRAFTING.get():
            super().__init__(signature)
