"""The blocks that a memory is planned to take are those that Yosys takes."""

import json
import random
from pathlib import Path

import pytest
from amaranth.hdl import Module, signed
from amaranth.lib.wiring import Component, In, Out

from hdl.devices.devices import FAMILIES
from hdl.devices.ecp5 import ECP5
from hdl.devices.family import Family
from hdl.devices.gowin import GOWIN
from hdl.devices.ice40 import ICE40
from hdl.devices.memories import MemoryNeed
from hdl.primitives.memory import ram, rom
from hdl.primitives.single_port import SinglePortMemory
from hdl.toolchain.verilog import rtlil_text, run_yosys

LIBRARIES = {ICE40: "+/ice40/brams.txt", ECP5: "+/lattice/brams_16kd.txt", GOWIN: "+/gowin/brams.txt"}
"""What `memory_libmap` reads in each family's synthesis; what it makes is counted."""


class Store(Component):
    """One memory of a kind, behind ports."""

    def __init__(self, need: MemoryNeed):
        self.need = need
        address = range(need.depth)
        super().__init__(
            {
                "write_at": In(address), "read_at": In(address), "write": In(1),
                "value": In(signed(need.width)), "read": Out(signed(need.width)),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        need = self.need
        if need.single_port:
            m.submodules.memory = memory = SinglePortMemory(need.depth, need.width)
            m.d.comb += [
                memory.address.eq(self.read_at),
                memory.write.eq(self.write),
                memory.w_data.eq(self.value),
                self.read.eq(memory.r_data),
            ]
        elif need.written:
            write, read = ram(m, "memory", need.depth, need.width)
            m.d.comb += [
                write.addr.eq(self.write_at),
                write.en.eq(self.write),
                write.data.eq(self.value),
                read.addr.eq(self.read_at),
                self.read.eq(read.data),
            ]
        else:
            words = random.Random(need.depth * need.width)
            read = rom(
                m,
                "memory",
                [words.getrandbits(need.width) for _ in range(need.depth)],
                need.width,
                block=True,
            )
            m.d.comb += [read.addr.eq(self.read_at), self.read.eq(read.data)]
        return m


class Stores(Component):
    """Many memories side by side: one synthesis for all of them."""

    def __init__(self, needs: list[MemoryNeed]):
        self.needs = needs
        super().__init__({"control": In(64), "parity": Out(len(needs))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for index, need in enumerate(self.needs):
            m.submodules[f"store_{index}"] = store = Store(need)
            m.d.comb += [
                store.write_at.eq(self.control[:20]),
                store.read_at.eq(self.control[20:40]),
                store.write.eq(self.control[40]),
                store.value.eq(self.control.replicate(-(-need.width // 64))),
                self.parity[index].eq(store.read.xor()),
            ]
        return m


def blocks_found(needs: list[MemoryNeed], family: Family, folder: Path) -> list[int]:
    """Memory blocks that synthesis makes of each."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "design.il").write_text(rtlil_text(Stores(needs)))
    run_yosys(
        "read_rtlil design.il\nsetparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 r:CLK_ENABLE=1 %i\n"
        f"synth_{family.name} -top top -noflatten -run begin:map_ram\n"
        f"memory_libmap -lib {LIBRARIES[family]}\ntee -q -o cells.json stat -json\n",
        folder,
    )
    modules = json.loads((folder / "cells.json").read_text())["modules"]
    return [
        sum(
            number
            for name, module in modules.items()
            if f"{name}.".startswith(f"\\top.store_{index}.")
            for cell, number in module["num_cells_by_type"].items()
            if cell.startswith("$__")
        )
        for index in range(len(needs))
    ]


def drawn(count: int, seed: int) -> list[MemoryNeed]:
    """Memories of all shapes that go into blocks."""
    draw = random.Random(seed)
    needs: list[MemoryNeed] = []
    while len(needs) < count:
        width, depth = draw.randint(1, draw.choice((12, 40, 150))), round(2 ** draw.uniform(3, 13))
        if 128 <= width * depth <= 1 << 17:
            kind = draw.choice(("constant", "written", "one port"))
            written, single_port = kind != "constant", kind == "one port"
            needs.append(MemoryNeed(depth, width, block=True, written=written, single_port=single_port))
    return needs


def planned(needs: list[MemoryNeed], family: Family) -> list[int]:
    return [need.blocks(family) for need in needs]


def test_words_lie_across_blocks_where_that_takes_fewer():
    table = MemoryNeed(3200, 6, block=True, written=False)
    assert table.blocks(ICE40) == 5, "thirteen parts of six bits side by side in words of sixteen"
    assert MemoryNeed(3200, 7, block=True, written=False).blocks(ICE40) == 6
    assert table.blocks(ECP5) == 2


def test_every_family_is_compared():
    assert set(LIBRARIES) == set(FAMILIES)


@pytest.mark.synth
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_planned_blocks_are_those_of_synthesis(family, tmp_path):
    needs = [MemoryNeed(3200, 6, block=True, written=False), *drawn(24, seed=1)]
    assert planned(needs, family) == blocks_found(needs, family, tmp_path)


@pytest.mark.exhaustive
@pytest.mark.synth
@pytest.mark.parametrize("seed", [2, 3, 4])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_planned_blocks_are_those_of_synthesis_everywhere(family, seed, tmp_path):
    needs = drawn(150, seed)
    assert planned(needs, family) == blocks_found(needs, family, tmp_path)
