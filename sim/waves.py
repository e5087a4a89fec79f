"""A run as a file for a viewer of waveforms: the network's streams and layers, values as real numbers.

Scopes and signals have the names of the architecture: `network.i`, `network.encoder`,
`network.layer_0.array`, and so on. Beside each stream's `word`, the integer on the wire, is its `value`, the
real number that it stands for; `step` and `place` count the beats, `place` within a step. They keep those of
the last beat while nothing is transferred.

The file is the same whichever simulator made the run.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vcd import VCDWriter

from quantize.errors import StatespikeError
from quantize.files import scratch_folder, write_whole
from quantize.formats import Format, Integers
from quantize.network import QuantizedNetwork
from sim.ports import Field, Ports
from sim.recording import columns_of
from sim.trace import Run

CYCLE_NS = 10
"""Of the clock in the file; the circuit's own is another."""


@dataclass(frozen=True)
class Wave:
    """One signal.

    Parameters
    ----------
    scope : str
        Names joined by dots.
    name : str
    values : (cycles,)
        Of integers, or of real numbers.
    width : int
        Bits; 0 of a real number.
    """

    scope: str
    name: str
    values: NDArray[Any]
    width: int

    def changes(self) -> Iterator[tuple[int, Any]]:
        """Each cycle in which the value is another, with the value."""
        moved = np.flatnonzero(np.diff(self.values)) + 1
        for cycle in (0, *moved.tolist()):
            yield cycle, self.values[cycle].item()


def waves_of(run: Run, ports: Ports, network: QuantizedNetwork) -> list[Wave]:
    """Every signal of a run whose ports were kept.

    Parameters
    ----------
    run : Run
    ports : Ports
        Of the design that ran; one without taps has the network's streams alone.
    network : QuantizedNetwork
        Whose formats the values have.
    """
    assert run.recording is not None, "the run was recorded"
    columns = dict(zip(columns_of(ports), run.recording.T, strict=True))
    decoder = network.decoder
    waves = [
        *_stream("i", columns, {"first": ports.first, "last": ports.last}),
        *_beats("i", columns, ports.value, network.input, network.beats_per_step),
        *_stream("o", columns, {"last": ports.logit_last, "overrun": ports.overrun}),
        *_beats("o", columns, ports.logit, Format(decoder.logit_width, decoder.fraction), network.classes),
    ]
    for name, form in network.tap_formats().items():
        if name in ports.taps:
            valid = columns[f"{name}_valid"]
            scope = f"network.{_place_of(name)}"
            waves.append(Wave(scope, "valid", valid, 1))
            waves += _values(scope, valid, columns[f"{name}_value"], form, network.channels)
    return waves


def _place_of(tap: str) -> str:
    """Where a tap is in the architecture: `array_0` is the array of `layer_0`, `layer_0` its output."""
    kind, _, index = tap.partition("_")
    if not index:
        return tap
    return f"layer_{index}.{'output' if kind == 'layer' else kind}"


def _bits(payload: Integers, field: Field) -> Integers:
    return (payload >> field.offset) & ((1 << field.width) - 1)


def _stream(name: str, columns: dict[str, Integers], marks: dict[str, Field]) -> list[Wave]:
    """The handshake of a stream, and marks in its payload."""
    scope = f"network.{name}"
    waves = [Wave(scope, part, columns[f"{name}_{part}"], 1) for part in ("valid", "ready")]
    payload = columns[f"{name}_payload"]
    return waves + [Wave(scope, mark, _bits(payload, place), 1) for mark, place in marks.items()]


def _beats(name: str, columns: dict[str, Integers], place: Field, form: Format, beats: int) -> list[Wave]:
    """What a stream transfers."""
    bits = _bits(columns[f"{name}_payload"], place)
    words = bits - (bits >> (place.width - 1) << place.width)
    moved = columns[f"{name}_valid"] & columns[f"{name}_ready"]
    return _values(f"network.{name}", moved, words, form, beats)


def _values(scope: str, moved: Integers, words: Integers, form: Format, beats: int) -> list[Wave]:
    """The beats of a step: each one's word, value, step and place in the step, until the next one."""
    count = np.cumsum(moved)
    latest = np.maximum(count - 1, 0)
    held = np.append(words[moved != 0], 0)[latest] if count[-1] else np.zeros_like(words)
    held = np.where(count > 0, held, 0)
    return [
        Wave(scope, "word", held, form.width),
        Wave(scope, "value", form.real(held), 0),
        Wave(scope, "step", latest // beats, 32),
        Wave(scope, "place", latest % beats, 16),
    ]


def require_writer(path: Path) -> None:
    """Make sure that a trace can be written.

    Raises
    ------
    StatespikeError
        If it is neither .vcd nor .fst, or the writer of FST is not installed.
    """
    if path.suffix not in _WRITERS:
        raise StatespikeError(f"a trace is a .vcd or .fst file, not {path.name}")
    if path.suffix == ".fst" and find_spec("pylibfst") is None:
        raise StatespikeError(
            "pylibfst is not installed; to write .fst files: pip install pylibfst; or write a .vcd"
        )


def write_waves(path: Path, waves: list[Wave]) -> None:
    """Write a `.vcd` or `.fst` file, whole or not at all.

    Raises
    ------
    StatespikeError
        See `require_writer`.
    OSError
        If the file cannot be written.
    """
    require_writer(path)
    with scratch_folder() as temporary:
        file = temporary / path.name
        _WRITERS[path.suffix](file, waves)
        write_whole(path, file.read_bytes())


def _events(waves: list[Wave]) -> Iterator[tuple[int, int, Any]]:
    """Every change as (cycle, number of the wave, value), in the order of time."""

    def numbered(number: int, wave: Wave) -> Iterator[tuple[int, int, Any]]:
        return ((cycle, number, value) for cycle, value in wave.changes())

    return heapq.merge(*(numbered(number, wave) for number, wave in enumerate(waves)))


def _write_vcd(path: Path, waves: list[Wave]) -> None:
    cycles = len(waves[0].values)
    with path.open("w") as file, VCDWriter(file, timescale="1 ns", date="", version="statespike") as writer:
        clock = writer.register_var("network", "clk", "wire", 1, init=1)
        variables = [
            writer.register_var(wave.scope, wave.name, "real", init=0.0)
            if wave.width == 0
            else writer.register_var(wave.scope, wave.name, "wire", wave.width, init=0)
            for wave in waves
        ]
        events = _events(waves)
        pending = next(events, None)
        for cycle in range(cycles):
            writer.change(clock, cycle * CYCLE_NS, 1)
            while pending is not None and pending[0] == cycle:
                _, number, value = pending
                writer.change(variables[number], cycle * CYCLE_NS, value)
                pending = next(events, None)
            writer.change(clock, cycle * CYCLE_NS + CYCLE_NS // 2, 0)


def _write_fst(path: Path, waves: list[Wave]) -> None:
    from pylibfst import ffi, lib

    context = lib.fstWriterCreate(str(path).encode(), 1)
    lib.fstWriterSetTimescaleFromString(context, b"1ns")
    lib.fstWriterSetDate(context, b"")
    lib.fstWriterSetVersion(context, b"statespike")
    lib.fstWriterSetScope(context, lib.FST_ST_VCD_MODULE, b"network", ffi.NULL)
    clock = lib.fstWriterCreateVar(context, lib.FST_VT_VCD_WIRE, lib.FST_VD_IMPLICIT, 1, b"clk", 0)
    handles, scope = [], ["network"]
    for wave in waves:
        scope = _enter(context, scope, wave.scope.split("."))
        kind = lib.FST_VT_VCD_WIRE if wave.width else lib.FST_VT_VCD_REAL
        handles.append(
            lib.fstWriterCreateVar(context, kind, lib.FST_VD_IMPLICIT, wave.width or 8, wave.name.encode(), 0)
        )
    _enter(context, scope, [])
    events = _events(waves)
    pending = next(events, None)
    for cycle in range(len(waves[0].values)):
        lib.fstWriterEmitTimeChange(context, cycle * CYCLE_NS)
        lib.fstWriterEmitValueChange(context, clock, b"1")
        while pending is not None and pending[0] == cycle:
            _, number, value = pending
            width = waves[number].width
            if width:
                bits = format(value & ((1 << width) - 1), f"0{width}b").encode()
                lib.fstWriterEmitValueChange(context, handles[number], bits)
            else:
                lib.fstWriterEmitValueChange(context, handles[number], ffi.new("double *", value))
            pending = next(events, None)
        lib.fstWriterEmitTimeChange(context, cycle * CYCLE_NS + CYCLE_NS // 2)
        lib.fstWriterEmitValueChange(context, clock, b"0")
    lib.fstWriterClose(context)


def _enter(context: Any, now: list[str], wanted: list[str]) -> list[str]:
    """Leave and enter scopes of an FST file; returns where it is then."""
    from pylibfst import ffi, lib

    common = 0
    while now[common : common + 1] == wanted[common : common + 1] != []:
        common += 1
    for _ in now[common:]:
        lib.fstWriterSetUpscope(context)
    for name in wanted[common:]:
        lib.fstWriterSetScope(context, lib.FST_ST_VCD_MODULE, name.encode(), ffi.NULL)
    return wanted


_WRITERS = {".vcd": _write_vcd, ".fst": _write_fst}
