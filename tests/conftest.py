"""A tiny design with a network's ports, and its integer twin: what simulation needs to know of a network."""

from dataclasses import dataclass

import numpy as np
import pytest
from amaranth.hdl import Array, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from hdl.primitives.streams import Logit, Tap, beats
from quantize.formats import Integers
from quantize.store import FOLDER


@dataclass
class TinyTrace:
    """Same shape as a network's trace."""

    logits: Integers
    overruns: NDArray[np.bool_]
    taps: dict[str, Integers]
    answer_stride: int | None = None


class TinyNetwork(wiring.Component):
    """Sums each channel over a sequence: the sums are the logits.

    Taps are `in`, the beats, and `sum`, the running sums.
    While logits leave, no beat is taken; `pause` idle cycles follow each beat. `defect` breaks it on purpose:
    "value" (a wrong sum in step 2, channel 1), "missing" and "extra" (of beats of tap `sum`), "stuck",
    "gap" (a wrong sum after a cycle without a beat), "reset" (a wrong sum after a reset in mid-sequence).
    """

    def __init__(self, features: int, width: int = 8, total_width: int = 20, pause: int = 0, defect=""):
        self.features = features
        self.pause = pause
        self.defect = defect
        super().__init__(
            {
                "i": In(beats(width)),
                "o": Out(stream.Signature(Logit(total_width))),
                "tap_in": Out(Tap(width)),
                "tap_sum": Out(Tap(total_width)),
            }
        )

    def compute(self, x: Integers) -> TinyTrace:
        """`x` (sequences, steps, features) to the final and all running sums."""
        sums = np.cumsum(x, axis=1)
        return TinyTrace(sums[:, -1], np.zeros(len(x), dtype=np.bool_), {"in": x, "sum": sums})

    def elaborate(self, platform) -> Module:
        m = Module()
        width = self.tap_sum.value.shape().width
        sums = Array(Signal(signed(width), name=f"sum{k}") for k in range(self.features))
        channel = Signal(range(max(2, self.features)))
        step = Signal(16)
        answering = Signal()
        wait = Signal(8)
        beat = self.i.payload
        total = Signal(signed(width))
        last_channel = channel == self.features - 1
        moved = self.i.valid & self.i.ready

        m.d.comb += [
            self.i.ready.eq(~answering & (wait == 0)),
            total.eq(beat.value + Mux(beat.first, 0, sums[channel])),
            self.tap_in.valid.eq(moved),
            self.tap_in.value.eq(beat.value),
            self.tap_sum.valid.eq(moved),
            self.tap_sum.value.eq(total),
            self.o.valid.eq(answering),
            self.o.payload.value.eq(sums[channel]),
            self.o.payload.last.eq(last_channel),
        ]
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.If(moved | (self.o.valid & self.o.ready)):
            m.d.sync += channel.eq(Mux(last_channel, 0, channel + 1))
        with m.If(moved):
            m.d.sync += [sums[channel].eq(total), wait.eq(self.pause)]
            with m.If(last_channel):
                m.d.sync += [answering.eq(beat.last), step.eq(step + 1)]
        with m.If(self.o.valid & self.o.ready & last_channel):
            m.d.sync += answering.eq(0)

        hit = (step == 2) & (channel == 1) & moved
        if self.defect == "gap":
            waited = Signal()
            m.d.sync += waited.eq(self.i.ready & ~self.i.valid)
            m.d.comb += self.tap_sum.value.eq(total ^ waited)
        elif self.defect == "reset":
            begun = Signal(reset_less=True)
            with m.If(moved):
                m.d.sync += begun.eq(~(beat.last & last_channel))
            m.d.comb += self.tap_sum.value.eq(total ^ (begun & beat.first & (channel == 0)))
        elif self.defect == "value":
            m.d.comb += self.tap_sum.value.eq(total ^ hit)
        elif self.defect == "missing":
            m.d.comb += self.tap_sum.valid.eq(moved & ~hit)
        elif self.defect == "extra":
            m.d.comb += self.tap_sum.valid.eq(moved | (answering & self.o.ready & last_channel))
        elif self.defect == "stuck":
            m.d.comb += self.i.ready.eq(~answering & (step < 2))
        return m


@pytest.fixture(scope="session", autouse=True)
def _results_are_kept_here(tmp_path_factory):
    """Counts of circuits and the like are kept for this run alone, not in the user's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def tiny() -> type[TinyNetwork]:
    """The tiny network's class."""
    return TinyNetwork


@pytest.fixture
def draw():
    """Draws sequences of one length: (sequences, steps, features) of 8-bit integers, seeded."""

    def draw_sequences(sequences: int, steps: int, features: int, seed: int = 0) -> Integers:
        return np.random.default_rng(seed).integers(-128, 128, (sequences, steps, features))

    return draw_sequences
