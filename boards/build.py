"""A network on a board: Verilog, bitstream and manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from amaranth.lib.wiring import Component

from boards.boards import SPI, Board
from boards.clocking import BoardShell
from boards.link import Link
from boards.spi import most_sck_mhz
from boards.top import BoardTop, LineTop, SpiTop
from boards.uart import divisor
from hdl.devices.devices import Device
from hdl.devices.family import Pll
from hdl.devices.memories import MemoryNeed
from hdl.devices.resources import Resources
from hdl.emit.build_folder import build_folder
from hdl.emit.header import header_of
from hdl.emit.ports import ports_of
from hdl.toolchain import Expected, Synthesis, dense_seeds, place_and_route, synthesise, write_bitstream
from hdl.toolchain.verilog import rtlil_text, write_verilog
from quantize.errors import StatespikeError
from quantize.file import save_network
from quantize.network import QuantizedNetwork

DESIGN = "design.v"
NETWORK = "network.safetensors"
"""File of the quantised network, by which a host turns real data into the circuit's integers."""


@dataclass(frozen=True)
class Build:
    """A finished build.

    Parameters
    ----------
    folder : Path
    bitstream : Path or None
        Inside the folder; None if none was asked for.
    manifest : dict
        What `manifest.json` holds.
    """

    folder: Path
    bitstream: Path | None
    manifest: dict


def build(
    network: Component,
    link: Link,
    board: Board,
    folder: Path,
    *,
    clock_mhz: float | None = None,
    seeds: Sequence[int] = (1, 2, 3),
    expected: Expected | None = None,
    no_collisions: bool = False,
    facts: Mapping[str, Any] | None = None,
    integers: QuantizedNetwork | None = None,
    buffer_in_block: bool = False,
) -> Build:
    """Build a network for a board.

    Parameters
    ----------
    network : Component
        With ports `i` and `o`.
    link : Link
        The network's.
    board : Board
    folder : Path
        Receives `design.v`, the bitstream, `manifest.json` and the tools' logs, all or nothing.
    clock_mhz : float, optional
        By default the board's usual one, which is its oscillator's unless that is too fast; any other than
        the oscillator's is made by the PLL.
    seeds : sequence of int
        Of the placer; the fastest result becomes the bitstream. Without any there is none: what is written
        then serves a virtual board.
    expected, no_collisions
        See `synthesise`; of the network alone. The link's buffer, which has no collisions either, is added.
    facts : mapping, optional
        Further entries of the manifest.
    integers : QuantizedNetwork, optional
        Kept in the folder, for the host.
    buffer_in_block : bool
        The link's buffer leaves single-port memories to the network.

    Raises
    ------
    StatespikeError
        If a tool is missing or fails, the design does not fit, or no seed reaches the clock.
    """
    shell, clock = shell_of(network, link, board, clock_mhz, buffer_in_block=buffer_in_block)
    if expected is not None:
        expected = _with_buffer(expected, link, board.device, in_block=buffer_in_block)

    manifest = _manifest_of(link, board, clock, facts or {})
    with build_folder(folder) as unfinished_build:
        unfinished = unfinished_build.folder
        tools = unfinished / "tools"
        header = header_of(manifest) if "network_sha256" in manifest else ()
        written = write_verilog(shell, tools / DESIGN, header=header)
        written.rename(unfinished / DESIGN)
        manifest["top"] = ports_of(written.with_suffix(".il").read_text(), board.pins)
        if integers is not None:
            save_network(integers, unfinished / NETWORK)
            manifest["files"] |= {"network": NETWORK}
        if seeds:
            source = rtlil_text(shell, platform=board.device.family)
            synthesis = synthesise(source, board.device, tools, expected, no_collisions)
            manifest |= _write_fastest(synthesis, board, clock, seeds, unfinished)
            manifest["files"] |= {"bitstream": manifest["bitstream"]}
        unfinished_build.manifest = manifest
    name = manifest["bitstream"]
    return Build(folder, None if name is None else folder / name, unfinished_build.manifest)


def _manifest_of(link: Link, board: Board, clock: float, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says before synthesis."""
    hidden = ("interface", "module", "ports")  # of the network alone: the link hides them
    manifest = {
        **{name: fact for name, fact in facts.items() if name not in hidden},
        "board": board.name,
        "device": board.device.name,
        "clock_mhz": clock,
        "clock_from": "board",
        "line": board.line,
        **({"sck_mhz": most_sck_mhz(clock)} if board.line == SPI else {"baud": board.baud}),
        "link": link.facts,
        "resources": facts.get("estimate"),
        "resources_from": "estimate",
        "fmax_mhz": [],
        "dense_seeds": [],
        "bitstream": None,
        "files": {"verilog": DESIGN},
    }
    if "cycles_per_step" in manifest:  # the plan's speed is that of the device's planning clock
        manifest["steps_per_second"] = clock * 1e6 / manifest["cycles_per_step"]
    return manifest


def _write_fastest(
    synthesis: Synthesis, board: Board, clock: float, seeds: Sequence[int], folder: Path
) -> dict[str, Any]:
    """Place and route, and write the bitstream of the fastest result; what the manifest says of it.

    Raises
    ------
    StatespikeError
        See `build`.
    """
    tools = folder / "tools"
    routed = place_and_route(synthesis, tools, seeds, clock, board.write_constraints(tools))
    best = max(routed, key=lambda one: one.fmax_mhz)
    if best.fmax_mhz < clock:
        raise StatespikeError(
            f"the design reaches {best.fmax_mhz:.1f} MHz at best on {board.name}, not {clock:g} MHz"
        )
    return {
        "resources": synthesis.resources.as_dict(),
        "resources_from": "synthesis",
        "fmax_mhz": [one.fmax_mhz for one in routed],
        "utilisation": best.utilisation,
        "dense_seeds": dense_seeds(routed),
        "bitstream": write_bitstream(best, board.device, folder).name,
    }


def shell_of(
    network: Component,
    link: Link,
    board: Board,
    clock_mhz: float | None = None,
    *,
    buffer_in_block: bool = False,
) -> tuple[BoardShell, float]:
    """The top module of a board around a network, and its clock in MHz; see `build`."""
    pll = pll_for(board, clock_mhz)
    clock = pll.clock_mhz if pll else board.clock_mhz
    top: LineTop
    features = replace(board.device.features, buffers_in_blocks=buffer_in_block)
    if board.line == SPI:
        top = SpiTop(network, link, features)
    else:
        top = BoardTop(network, link, divisor(clock * 1e6, board.baud), features)
    return BoardShell(top, board, pll), clock


def pll_for(board: Board, clock_mhz: float | None) -> Pll | None:
    """What makes a clock of a board's oscillator, or the board's usual one; None if that is the oscillator's.

    Raises
    ------
    StatespikeError
        If the device cannot have that clock, or no PLL makes it.
    """
    wanted = clock_mhz if clock_mhz is not None else board.design_mhz or board.clock_mhz
    if wanted == board.clock_mhz:
        return None
    board.device.require_clock(wanted)
    return board.device.family.pll(board.clock_mhz, wanted, at_pad=board.clock_at_pll)


def _with_buffer(expected: Expected, link: Link, device: Device, *, in_block: bool) -> Expected:
    """What synthesis must infer with the link's buffer added to the network."""
    buffer = buffer_of(link, device, in_block=in_block)
    return replace(
        expected,
        bram=None if expected.bram is None else expected.bram + buffer.bram,
        spram=None if expected.spram is None else expected.spram + buffer.spram,
    )


def buffer_of(link: Link, device: Device, *, in_block: bool = False) -> Resources:
    """The memories of a device that the link's buffer takes; `in_block`: single-port ones are for others."""
    buffer = MemoryNeed(link.buffer_bytes, 8, block=True, written=True, single_port=True)
    if device.sprams and not in_block:
        return Resources(0, 0, bram=0, spram=buffer.single_port_blocks(device.family), dsp=0)
    return Resources(0, 0, bram=buffer.blocks(device.family), spram=0, dsp=0)
