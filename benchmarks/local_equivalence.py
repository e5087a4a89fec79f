"""Whether a module of a circuit and a faulty copy do the same, whatever surrounds them.

The two stand side by side at the same inputs, which are free, and so is the reset. A source of a stream keeps
what it offers until it is taken, as every component does (`tests.formal.claims`); and what a stream carries
is compared where it is valid, for no component depends on the rest (`tests/hdl/test_streams.py`).
"""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.formal.for_ever import Verdict, decide

MODULE = re.compile(r"^module \\(\S+)\n.*?^end$", re.MULTILINE | re.DOTALL)
PORT = re.compile(r"^  wire width (\d+) (input|output) \d+ +(?:signed )?\\(\S+)$", re.MULTILINE)
NAMED = re.compile(r"^(module|  cell) \\top\b", re.MULTILINE)
NUMBER = re.compile(r"\$\d+")
SECONDS = 10
"""Of a search in one module."""
READ = """\
read_rtlil one.il
read_rtlil other.il
read_verilog -sv -formal claim.v
hierarchy -top claim
proc
setundef -init -zero
prep -flatten -top claim
"""


def modules_of(text: str) -> dict[str, str]:
    """The modules of an RTLIL text, by name: the path from the top."""
    return {found[1]: found[0] for found in MODULE.finditer(text)}


def differing(one: dict[str, str], other: dict[str, str]) -> str | None:
    """The innermost module that holds all differences of two circuits; None without any."""
    names = [
        name
        for name in one.keys() | other.keys()
        if _renumbered(one.get(name, "")) != _renumbered(other.get(name, ""))
    ]
    if not names:
        return None
    paths = [name.split(".") for name in names]
    common = [level[0] for level in zip(*paths, strict=False) if len(set(level)) == 1]
    while ".".join(common) not in one or ".".join(common) not in other:
        common.pop()
    return ".".join(common)


def _renumbered(module: str) -> str:
    """A module with the numbers in its names in order: they count over the whole design."""
    numbers: dict[str, str] = {}
    return NUMBER.sub(lambda found: numbers.setdefault(found[0], f"${len(numbers)}"), module)


@dataclass(frozen=True)
class Port:
    """A port of a module.

    Parameters
    ----------
    name : str
    width : int
    driven : bool
        From outside.
    """

    name: str
    width: int
    driven: bool

    @property
    def plain(self) -> str:
        """The name without the number that tells it from others of its design."""
        return re.sub(r"\$\d+$", "", self.name)

    def written(self, prefix: str = "") -> str:
        """As a name in Verilog."""
        return f"\\{prefix}{self.name} "


def ports_of(module: str) -> list[Port]:
    """The ports of a module's RTLIL."""
    return [Port(name, int(width), way == "input") for width, way, name in PORT.findall(module)]


def claim(name: str, ports: list[Port], others: list[Port]) -> str:
    """Verilog of both modules side by side, and what is claimed of them.

    Parameters
    ----------
    name : str
    ports, others : list of Port
        Of both, in the same order, with names that may have other numbers.
    """
    inputs, outputs = [p for p in ports if p.driven], [p for p in ports if not p.driven]
    declared = [f"input [{p.width - 1}:0] {p.written()}" for p in inputs if p.plain != "clk"]
    lines = [f"module claim({', '.join(['input clk', *declared])});"]
    for copy, top, own in (("one", "top", ports), ("other", "other", others)):
        lines += [f"  wire [{p.width - 1}:0] {p.written(copy)};" for p in outputs]
        wired = [
            f".{inside.written()}({p.written('' if p.driven else copy)})"
            for p, inside in zip(ports, own, strict=True)
        ]
        lines.append(f"  \\{top}{name.removeprefix('top')}  {copy}({', '.join(wired)});")
    streams = {p.plain: p for p in ports}
    for port in outputs:
        valid = streams.get(port.plain.replace("__payload", "__valid").replace("__value", "__valid"))
        one, other = port.written("one"), port.written("other")
        told = (
            f"{valid.written('one')} && "
            if valid is not None and valid is not port and not valid.driven
            else ""
        )
        lines.append(f"  always @* assert(!({told}{one} != {other}));")
    reset = streams.get("rst")
    for valid in inputs:
        ready = streams.get(valid.plain.replace("__valid", "__ready"))
        payload = streams.get(valid.plain.replace("__valid", "__payload"))
        if not valid.plain.endswith("__valid") or ready is None or ready.driven:
            continue
        stem = valid.plain.removesuffix("__valid")
        waits = f"{valid.written()} && !{ready.written('one')}" + (f" && !{reset.written()}" if reset else "")
        lines += [
            f"  reg {stem}_waits = 0;",
            f"  always @(posedge clk) {stem}_waits <= {waits};",
            f"  always @* if ({stem}_waits) assume({valid.written()});",
        ]
        if payload is not None and payload.driven:
            lines += [
                f"  reg [{payload.width - 1}:0] {stem}_held;",
                f"  always @(posedge clk) {stem}_held <= {payload.written()};",
                f"  always @* if ({stem}_waits) assume({payload.written()} == {stem}_held);",
            ]
    return "\n".join([*lines, "endmodule", ""])


def alike(one: dict[str, str], other: dict[str, str], folder: Path) -> str | None:
    """The innermost module around all differences that does the same in both circuits, if one is found.

    Parameters
    ----------
    one, other : dict
        `modules_of` both.
    folder : Path
        Receives what is proved.

    Returns
    -------
    str or None
        Its path; "" if nothing differs.
    """
    name = differing(one, other)
    if name is None:
        return ""
    while name != "top":
        ports, others = ports_of(one[name]), ports_of(other[name])
        if _renumbered(str(ports)) == _renumbered(str(others)):
            folder.mkdir(exist_ok=True)
            (folder / "one.il").write_text(_below(one, name))
            (folder / "other.il").write_text(NAMED.sub(r"\1 \\other", _below(other, name)))
            (folder / "claim.v").write_text(claim(name, ports, others))
            if decide(READ, folder, SECONDS) is Verdict.HOLDS:
                return name
        name = name.rpartition(".")[0]
    return None


def _below(modules: dict[str, str], name: str) -> str:
    """A module and all that it is made of."""
    return (
        "\n".join(text for path, text in modules.items() if path == name or path.startswith(f"{name}."))
        + "\n"
    )
