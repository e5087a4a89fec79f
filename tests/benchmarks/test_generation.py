"""The benchmark of generation measures every phase, and refuses what is no size."""

import pytest

from benchmarks.generation import PHASES, measure, shape_of, table_of
from quantize.errors import StatespikeError


def test_every_phase_is_measured():
    result = measure("1x3x2", "up5k")
    assert set(result["phases"]) == set(PHASES)
    assert result["phases"]["write"]["processor_seconds"] > 0  # elaborates, and runs Yosys
    assert result["processor_seconds"] == pytest.approx(
        sum(phase["processor_seconds"] for phase in result["phases"].values()), abs=0.01
    )
    assert result["memory_bits"] > 0
    assert result["verilog_bytes"] > 1000
    assert result["shortfall"] == []
    assert table_of([result]).row_count == 1


@pytest.mark.parametrize("size", ["6x256", "6x0x3", "ax2x3", "6"])
def test_no_size(size):
    with pytest.raises(StatespikeError, match="a size is layersxchannelsxmodes"):
        shape_of(size)
