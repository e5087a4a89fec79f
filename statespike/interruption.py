"""Signals: what ends a command also ends its tools and removes its temporary folders."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from quantize.files import STOPPING_SIGNALS

TOOLS = "hdl.toolchain.tools"


@contextmanager
def unwound_by_signals() -> Iterator[None]:
    """Turn the signals that stop a program into an exception, and leave with the usual status, 128 and more.

    A KeyboardInterrupt, for nothing on its way takes that for a failure of its own.
    """
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        # Without it nothing runs; it is not imported here, for it takes long.
        getattr(sys.modules.get(TOOLS), "end_tools", lambda: None)()
        raise KeyboardInterrupt

    for number in STOPPING_SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    except BaseException:  # click makes an Abort of it
        if not received:
            raise
        raise SystemExit(128 + received[0]) from None
