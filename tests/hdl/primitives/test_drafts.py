"""Drafts: components that are asked for their schedule alone."""

import pytest
from amaranth.hdl import Module

from hdl.primitives.drafts import drafts
from hdl.primitives.serial_multiplier import SerialMultiplier


def test_a_draft_has_a_schedule_and_no_ports():
    with drafts():
        draft = SerialMultiplier(12, 9)
        assert draft.cycles == 10
        assert not hasattr(draft, "i")
        del draft


def test_what_is_made_behind_drafts_has_its_ports_even_after_an_error():
    with pytest.raises(ValueError, match="bits"), drafts():
        raise ValueError("bits")
    component = SerialMultiplier(12, 9)
    assert isinstance(component.elaborate(None), Module)
    assert list(component.signature.members) == ["i", "o"]
