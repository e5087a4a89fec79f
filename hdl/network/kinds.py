"""The kinds of arrays, units and heads that a network is built of, found where their components declare them.

A module with a component ends with a declaration, such as `KIND = UnitKind(GluSpec, Glu)`. It covers the
specification that it names and all subclasses of it. A kind that differs from another one only in the
function of a table therefore needs no declaration.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any, Protocol, TypeVar

import hdl.head
import hdl.ssm
import hdl.units
from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.head.pool import HeadKind
from hdl.norm.streamed_step_norm import PRODUCTS
from hdl.ssm.component import ArrayKind
from hdl.units.gsu.unit import StreamedGsu
from hdl.units.unit import Unit, UnitKind
from quantize import kinds
from quantize.layers.unit import UnitSpec
from quantize.specification import Specification


class _Registered(Protocol):
    """A kind in a table of `quantize.kinds`."""

    @property
    def specification(self) -> type[Specification]: ...


Declared = TypeVar("Declared", ArrayKind, UnitKind, HeadKind)


def values_in(package: ModuleType) -> Iterator[object]:
    """All that the modules of a package define; their declarations are among it."""
    for module in walk_packages(package.__path__, f"{package.__name__}."):
        yield from vars(import_module(module.name)).values()


def components_of(registered: Mapping[str, _Registered], declared: Sequence[Declared]) -> dict[str, Declared]:
    """Kind of each specification that is registered -> what is declared for it or its nearest base.

    Raises
    ------
    TypeError
        If a specification has two declarations.
    """
    by_class: dict[type[Specification], Declared] = {}
    for kind in declared:
        if by_class.setdefault(kind.specification, kind) is not kind:
            raise TypeError(f"{kind.specification.__name__} has two declarations; keep one")
    found = {}
    for specification in (kind.specification for kind in registered.values()):
        bases = [base for base in specification.__mro__ if base in by_class]
        if bases:
            found[specification.kind] = by_class[bases[0]]
    return found


ARRAYS = components_of(kinds.ARRAYS, [kind for kind in values_in(hdl.ssm) if isinstance(kind, ArrayKind)])
"""Kind of an array's specification -> its components."""
UNITS = components_of(kinds.UNITS, [kind for kind in values_in(hdl.units) if isinstance(kind, UnitKind)])
"""Kind of a unit's specification -> its components."""
HEADS = components_of(kinds.HEADS, [kind for kind in values_in(hdl.head) if isinstance(kind, HeadKind)])
"""Kind of a head's specification -> its component."""


def make_unit(
    spec: UnitSpec,
    lanes: int,
    *,
    streamed: bool,
    sequential: bool = False,
    norm_multipliers: int = PRODUCTS,
    target: DeviceFeatures = MULTIPLIER_BLOCKS,
    others: Sequence[UnitSpec] = (),
) -> Unit:
    """A specification's component, in the build that takes a channel a cycle if wanted and there is one.

    It serves `others` in turn behind the specification, if there are any.
    """
    kind = UNITS[spec.kind]
    component = kind.streamed if streamed and kind.streamed is not None else kind.component
    options: dict[str, Any] = {"sequential": True} if sequential else {}
    if others:
        options["others"] = others
    if component is StreamedGsu:
        options["norm_multipliers"] = norm_multipliers
    return component(spec, lanes, target, **options)
