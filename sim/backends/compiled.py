"""Running a design that was compiled into a library with `driver.cpp`: one call plays a whole stimulus."""

import ctypes
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from quantize.errors import StatespikeError
from quantize.formats import Integers
from sim.backends.base import DRAIN, QUIET, WATCHDOG, stuck
from sim.ports import Ports
from sim.recording import columns_of
from sim.stimulus import Stimulus
from sim.trace import Run, logits_by_answer

DRIVER = Path(__file__).with_name("driver.cpp")
"""C++ source of the library's other half."""

_LISTS = 8
"""Lists of a result before those of the taps (see driver.cpp)."""


def ports_header(ports: Ports, mangled: Callable[[str], str]) -> str:
    """The driver's view of the ports, `ports.h`; see driver.cpp.

    Parameters
    ----------
    ports : Ports
    mangled : str to str
        Name of the C++ member that the compiler makes of a port.
    """
    names = ("clk", "rst", "i__valid", "i__payload", "i__ready", "o__valid", "o__payload", "o__ready")
    lines = [f"#define PORT_{name.upper()} {mangled(name)}" for name in names]
    lines += [
        f"#define LOGIT_OFFSET {ports.logit.offset}",
        f"#define LOGIT_WIDTH {ports.logit.width}",
        f"#define LOGIT_LAST_OFFSET {ports.logit_last.offset}",
        f"#define OVERRUN_OFFSET {ports.overrun.offset}",
        f"#define ENDS_OFFSET {ports.ends.offset}",
    ]
    taps = [
        f"X({index}, {mangled(f'tap_{name}__valid')}, {mangled(f'tap_{name}__value')}, {width})"
        for index, (name, width) in enumerate(ports.taps.items())
    ]
    return "\n".join([*lines, f"#define TAP_COUNT {len(taps)}", f"#define TAPS(X) {' '.join(taps)}", ""])


class _Request(ctypes.Structure):
    """`Request` of driver.cpp."""

    _fields_ = (
        ("payloads", ctypes.c_void_p),
        ("starts", ctypes.c_void_p),
        ("beats", ctypes.c_uint64),
        ("sequences", ctypes.c_uint64),
        ("reset_after", ctypes.c_int64),
        ("reset_wait", ctypes.c_uint64),
        ("gap_state", ctypes.c_uint64),
        ("gap_threshold", ctypes.c_uint64),
        ("stall_state", ctypes.c_uint64),
        ("stall_threshold", ctypes.c_uint64),
        ("watchdog", ctypes.c_uint64),
        ("drain", ctypes.c_uint64),
        ("record", ctypes.c_uint64),
        ("state", ctypes.c_void_p),
        ("words", ctypes.c_uint64),
        ("open", ctypes.c_uint64),
    )


def play(
    library: Path,
    ports: Ports,
    name: str,
    stimulus: Stimulus,
    watchdog: int = WATCHDOG,
    record: bool = False,
    state: Integers | None = None,
) -> Run:
    """Run a stimulus on a compiled design; Python's lock is free meanwhile.

    Parameters
    ----------
    library : Path
        A design compiled with the driver.
    ports : Ports
    name : str
        Backend to note in the run.
    stimulus, watchdog, record
        See `Prepared`.
    state : (words,), optional
        Of the run that this one goes on from; it begins with a reset without.

    Raises
    ------
    StatespikeError
        If the watchdog runs out, the answers have unequal numbers of logits, or the state is no state of
        the design.
    """
    code = ctypes.CDLL(str(library.resolve()))
    code.play.restype = ctypes.c_void_p
    code.items.restype = ctypes.POINTER(ctypes.c_int64)
    code.length.restype = ctypes.c_size_t
    code.taken.restype = ctypes.c_int64

    beats = stimulus.beats()
    payloads = ports.payloads(beats)
    starts = beats.starts.astype(np.uint8)
    gap, stall = stimulus.dice()
    request = _Request(
        payloads=payloads.ctypes.data,
        starts=starts.ctypes.data,
        beats=len(payloads),
        sequences=len(stimulus.lengths),
        reset_after=-1 if stimulus.reset_after is None else stimulus.reset_after,
        reset_wait=stimulus.reset_wait,
        gap_state=gap.state,
        gap_threshold=gap.threshold,
        stall_state=stall.state,
        stall_threshold=stall.threshold,
        watchdog=watchdog,
        drain=QUIET if stimulus.open_end else DRAIN,
        record=record,
        state=None if state is None else state.ctypes.data,
        words=0 if state is None else len(state),
        open=stimulus.open_end,
    )
    failed = ctypes.c_int32()
    start = time.thread_time()
    handle = ctypes.c_void_p(code.play(ctypes.byref(request), ctypes.byref(failed)))
    seconds = time.thread_time() - start
    try:
        lists = [_copy(code, handle, index) for index in range(_LISTS + len(ports.taps))]
        taken = code.taken(handle)
    finally:
        code.forget(handle)
    logits, logit_last, overruns, ends, step_cycles, answer_cycles, recording, after, *taps = lists
    if failed.value == 2:
        raise StatespikeError("the saved state is of another circuit; save it again")
    if failed.value:
        raise stuck(watchdog, taken, len(payloads), int(ends.sum()), len(stimulus.lengths))
    return Run(
        backend=name,
        logits=logits_by_answer(logits, logit_last != 0),
        overruns=overruns != 0,
        ends=ends != 0,
        taps=dict(zip(ports.taps, taps, strict=True)),
        cycles=int(max(step_cycles[-1], answer_cycles.max(initial=0))) + 1,
        step_cycles=step_cycles,
        answer_cycles=answer_cycles,
        lengths=stimulus.lengths,
        seconds=seconds,
        recording=recording.reshape(-1, len(columns_of(ports))) if record else None,
        state=after if stimulus.open_end else None,
    )


def _copy(code: ctypes.CDLL, handle: ctypes.c_void_p, index: int) -> Integers:
    """One list of a result as an array of our own."""
    length = code.length(handle, index)
    if not length:
        return np.zeros(0, dtype=np.int64)
    return np.ctypeslib.as_array(code.items(handle, index), (length,)).copy()
