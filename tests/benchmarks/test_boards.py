"""The sweep over boards goes on where it stopped, and tells of what it could not finish."""

from benchmarks.boards import as_page, renewed

ROW = {
    "board": "icebreaker", "device": "up5k", "network": "digits-prf", "clock_mhz": 12.0, "seeds": [1],
    "fmax_mhz": [40.04, 38.0], "resources": {"lut": 1500, "ff": 10, "bram": 3, "spram": 1, "dsp": 4},
    "bitstream_bytes": 104_090,
}  # fmt: skip


def test_a_row_replaces_that_of_its_board_and_boards_keep_their_order():
    other = ROW | {"board": "ulx3s-25f"}
    rows = renewed(renewed(renewed([], other), ROW), ROW | {"seeds": [1, 2]})
    assert [(row["board"], row["seeds"]) for row in rows] == [("icebreaker", [1, 2]), ("ulx3s-25f", [1])]


def test_the_page_has_figures_reasons_and_what_is_missing():
    failed = {key: ROW[key] for key in ("device", "network", "clock_mhz")} | {
        "board": "icesugar", "error": "the design does not fit",
    }  # fmt: skip
    page = as_page([ROW, failed])
    assert "| iCEBreaker | `up5k` | 12 | 40.0, 38.0 | 1,500 | 10 | 3 | 1 | 4 | 104,090 |" in page
    assert "| iCESugar | `up5k` | 12 | the design does not fit |" in page
    assert "Not measured yet: UPduino v3, " in page
