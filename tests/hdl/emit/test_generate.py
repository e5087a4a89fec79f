"""What a manifest says after place and route."""

import pytest

from hdl.emit.generate import clocks

MANIFEST = {"clock_mhz": 27.0, "clock_from": "planned", "steps_per_second": 2.7e6, "cycles_per_step": 10}


@pytest.mark.parametrize(
    ("untimed", "fmax", "clock", "origin"),
    [
        ("", [60.0, 50.0], 50.0, "measured"),
        ("multipliers", [60.0, 50.0], 27.0, "planned"),
        ("multipliers", [60.0, 20.0], 20.0, "measured"),
    ],
)
def test_cells_that_the_placer_does_not_time_promise_no_clock(untimed, fmax, clock, origin):
    manifest = MANIFEST | {"untimed": untimed}
    manifest |= clocks(manifest, fmax, asked_mhz=27.0)
    assert (manifest["clock_mhz"], manifest["clock_from"], manifest["fmax_mhz"]) == (clock, origin, fmax)
    assert manifest["steps_per_second"] == clock * 1e5
