"""Faulty circuits: copies of an Amaranth design that differ from it in one place.

The places are those of the elaborated design, statement by statement: constants, operators, the choice of a
multiplexer, assignments, initial values of registers, and words of memories.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from amaranth.hdl import Const, Fragment, Signal, Value
from amaranth.hdl._ast import Assign, Operator, Switch, SwitchValue
from amaranth.hdl._mem import MemoryInstance
from amaranth.lib.wiring import Component

REPLACED = {
    "+": "-", "-": "+", "&": "|", "|": "&", "^": "&", "==": "!=", "!=": "==",
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "<<": ">>", ">>": "<<", "~": "+",
}  # fmt: skip
"""Operator -> what a fault makes of it."""
SWAPPED = ("-", "<", "<=", ">", ">=")
"""Operators whose two operands a fault exchanges."""
FIRST_WORDS = 4
"""Words of a memory that faults may change, so that large tables do not outweigh the logic."""


@dataclass(frozen=True)
class Fault:
    """One place of a design, and what is wrong there.

    Parameters
    ----------
    kind : str
        "constant", "operator", "operands", "choice", "assignment", "initial value" or "memory".
    place : str
        Submodules from the top, and the line of the source.
    change : str
        What becomes of what.
    apply : callable
        Changes the elaborated design.
    """

    kind: str
    place: str
    change: str
    apply: Callable[[], None]


def faults(fragment: Fragment) -> list[Fault]:
    """All single faults of an elaborated design, in an order that only depends on the design."""
    seen: set[int] = set()
    return list(_of_fragment(fragment, "top", seen))


def faulty(design: Component, index: int) -> Component:
    """The design with its fault number `index`; whatever elaborates it gets the fault."""
    elaborate = design.elaborate

    def elaborate_with_fault(platform: object) -> Fragment:
        fragment = Fragment.get(elaborate(platform), platform)
        faults(fragment)[index].apply()
        return fragment

    design.elaborate = elaborate_with_fault
    return design


def _of_fragment(fragment: Fragment, path: str, seen: set[int]) -> Iterator[Fault]:
    if isinstance(fragment, MemoryInstance):
        yield from _of_memory(fragment, path)
    for domain, statements in fragment.statements.items():
        yield from _of_statements(statements, domain, path, seen)
    for index, (below, name, _) in enumerate(fragment.subfragments):
        yield from _of_fragment(below, f"{path}.{name or index}", seen)


def _of_memory(memory: MemoryInstance, path: str) -> Iterator[Fault]:
    raw = memory._data.init._raw
    for row in range(min(len(raw), FIRST_WORDS)):
        changed = int(raw[row]) ^ 1

        def apply(row=row, changed=changed) -> None:
            raw[row] = changed

        yield Fault("memory", path, f"word {row}: {int(raw[row])} becomes {changed}", apply)


def _of_statements(statements, domain: str, path: str, seen: set[int]) -> Iterator[Fault]:
    for index, statement in enumerate(statements):
        if isinstance(statement, Assign):
            place = _place(path, statement)
            if domain != "comb" and isinstance(statement.lhs, Signal) and id(statement.lhs) not in seen:
                seen.add(id(statement.lhs))
                yield _initial(statement.lhs, place)
            yield Fault(
                "assignment", place, f"{_name(statement.lhs)} is left out", _left_out(statements, index)
            )
            yield from _of_value(statement.rhs, place, seen)
        elif isinstance(statement, Switch):
            yield from _of_value(statement.test, _place(path, statement), seen)
            for case in statement.cases:
                yield from _of_statements(case[1], domain, path, seen)


def _left_out(statements, index: int) -> Callable[[], None]:
    def apply() -> None:
        del statements[index]

    return apply


def _initial(signal: Signal, place: str) -> Fault:
    changed = signal.init ^ 1 if len(signal) else signal.init
    if Const(changed, signal.shape()).value != changed:
        changed = 0

    def apply() -> None:
        signal._init = changed

    return Fault("initial value", place, f"{signal.name}: {signal.init} becomes {changed}", apply)


def _of_value(value: Value, place: str, seen: set[int]) -> Iterator[Fault]:
    if id(value) in seen or isinstance(value, Signal):
        return
    seen.add(id(value))
    place = _place(place.partition(" ")[0], value) if getattr(value, "src_loc", None) else place
    if isinstance(value, Const) and len(value):
        changed = Const(value.value ^ 1, value.shape()).value
        yield Fault("constant", place, f"{value.value} becomes {changed}", _set(value, "_value", changed))
    elif isinstance(value, Operator):
        new = REPLACED.get(value.operator)
        if new is not None and not (new == ">>" and value.operands[1].shape().signed):
            yield Fault("operator", place, f"{value.operator} becomes {new}", _set(value, "_operator", new))
        if value.operator in SWAPPED and len(value.operands) == 2:
            turned = value.operands[::-1]
            yield Fault("operands", place, f"of {value.operator} exchanged", _set(value, "_operands", turned))
        for operand in value.operands:
            yield from _of_value(operand, place, seen)
    elif isinstance(value, SwitchValue):
        patterns, _ = zip(*value.cases, strict=True)
        for kept, (_, branch) in enumerate(value.cases):
            cases = tuple((pattern, branch) for pattern in patterns)
            yield Fault("choice", place, f"always branch {kept}", _set(value, "_cases", cases))
        yield from _of_value(value.test, place, seen)
        for _, branch in value.cases:
            yield from _of_value(branch, place, seen)
    else:
        for part in (
            *getattr(value, "parts", ()),
            getattr(value, "value", None),
            getattr(value, "offset", None),
        ):
            if isinstance(part, Value):
                yield from _of_value(part, place, seen)


def _set(value: Value, name: str, new: object) -> Callable[[], None]:
    return lambda: setattr(value, name, new)


def _place(path: str, item) -> str:
    file, line = item.src_loc[:2]
    return f"{path} {'/'.join(file.split('/')[-2:])}:{line}"


def _name(value: Value) -> str:
    return value.name if isinstance(value, Signal) else type(value).__name__.lower()
