"""Contents of memories are the same by the fast way and by Amaranth's public one."""

import re

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Fragment, Module, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hdl.devices.ice40 import ICE40
from hdl.primitives import fast_contents
from hdl.primitives.drafts import drafts
from hdl.primitives.fast_contents import rtlil_of, set_words
from hdl.primitives.memory import ram, rom


class Tables(wiring.Component):
    """Tables of odd sizes and a buffer with first words."""

    def __init__(self):
        super().__init__({"address": In(3), "o": Out(70)})

    def elaborate(self, platform):
        m = Module()
        wide = [int(word) << 60 for word in np.random.default_rng(0).integers(0, 1 << 9, 5)]
        ports = [rom(m, "wide", wide, 69), rom(m, "rows", [0, 5, 99, 127, 64], 7), rom(m, "one", [1], 1)]
        write, read = ram(m, "kept", 6, 4, init=[-8, 7])
        m.d.comb += [write.data.eq(self.address), read.addr.eq(self.address)]
        m.d.comb += [port.addr.eq(self.address) for port in ports]
        m.d.comb += self.o.eq(ports[0].data ^ ports[1].data ^ ports[2].data ^ read.data)
        return m


@pytest.fixture
def other_internals(monkeypatch):
    """As if Amaranth kept memories in another way."""
    monkeypatch.setattr(fast_contents, "_keeps_plain_words", lambda: False)
    monkeypatch.setattr(fast_contents, "_writes_same_text", lambda: False)


def test_this_version_of_amaranth_is_written_the_fast_way():
    assert fast_contents._keeps_plain_words()
    assert fast_contents._writes_same_text()


@pytest.mark.parametrize("platform", [None, ICE40])
def test_the_text_is_amaranths_own(platform):
    public = rtlil.convert(Tables(), name="top", platform=platform, emit_src=False)
    assert rtlil_of(Tables(), "top", platform) == public


def test_other_internals_take_the_public_way(monkeypatch, other_internals):
    contents = "35'10000001111111110001100001010000000"
    monkeypatch.setattr(fast_contents, "_converted", lambda *_: pytest.fail("the fast way was taken"))
    assert contents in rtlil_of(Tables(), "top")


@pytest.mark.parametrize("public", [False, True])
def test_ports_may_have_other_names(public, request):
    if public:
        request.getfixturevalue("other_internals")
    text = rtlil_of(Tables(), "core", port=lambda path: f"my_{path[0]}")
    assert re.search(r"wire width 3 input \d+  \\my_address\n", text)
    assert re.search(r"wire width 70 output \d+  \\my_o\n", text)


def test_a_probe_that_fails_or_differs_is_not_trusted(monkeypatch):
    def missing(component, *_):
        Fragment.get(component, None)
        raise AttributeError("no such internal")

    def other(component, *_):
        Fragment.get(component, None)
        return "another text"

    probe = fast_contents._writes_same_text.__wrapped__
    monkeypatch.setattr(fast_contents, "_converted", missing)
    assert not probe()
    monkeypatch.setattr(fast_contents, "_converted", other)
    assert not probe()


@pytest.mark.parametrize("shape", [unsigned(9), signed(9)])
@pytest.mark.parametrize("public", [False, True])
def test_words_are_set_and_the_rest_is_left(shape, public, request):
    if public:
        request.getfixturevalue("other_internals")
    with drafts():
        memory = Memory(shape=shape, depth=5, init=[])
        set_words(memory, [7, 200, 0])
        words = list(memory.init)
        del memory  # while it may stay unused
    assert words == [7, 200, 0, 0, 0]


def test_set_words_are_simulated():
    memory = Memory(shape=unsigned(9), depth=5, init=[])
    port = memory.read_port(domain="comb")
    set_words(memory, [7, 300])
    seen = []

    async def bench(ctx):
        for address in range(3):
            ctx.set(port.addr, address)
            await ctx.delay(1e-9)
            seen.append(ctx.get(port.data))

    simulator = Simulator(memory)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [7, 300, 0]
