"""What every layer's specification shares: typed fields that check themselves and go to a file and back.

A specification is one object with two realisations: its `compute` here, in integers, and a component in
`hdl/`. Both read every constant from it; neither computes a constant that the other needs.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, ClassVar, Self

import numpy as np

from quantize.errors import StatespikeError
from quantize.formats import Format, Integers, stored_width

MOST_EXPONENT = 256
"""Most fraction bits, of either sign, of a format in a file: what goes beyond is no number at all."""


class QuantizedNetworkError(StatespikeError):
    """A quantised network, or its file, that cannot be used: says what is wrong and where."""


def words(shape: str, width: int, *, unsigned: bool = False) -> Any:
    """A field of integers: `shape` names other fields, letter by letter of `Specification.shapes`."""
    low, high = (0, (1 << width) - 1) if unsigned else (-(1 << (width - 1)), (1 << (width - 1)) - 1)
    return field(metadata={"shape": shape, "low": low, "high": high})


def trits(shape: str) -> Any:
    """A field of ternary values -1, 0, 1, two bits each in the file: a plane of non-zeros, one of signs."""
    return field(metadata={"shape": shape, "low": -1, "high": 1, "trits": True})


def integer(low: int, high: int, earlier: int | None = None) -> Any:
    """A field of one integer within `low..high`; `earlier` is what files mean that were written before it."""
    return field(default=MISSING if earlier is None else earlier, metadata={"low": low, "high": high})


def _stored_type(low: int, high: int) -> np.dtype:
    for name in ("int8", "uint8", "int16", "uint16", "int32", "int64"):
        if np.iinfo(name).min <= low and high <= np.iinfo(name).max:
            return np.dtype(name)
    raise ValueError(f"no stored type for {low}..{high}")


def pack_trits(values: Integers) -> np.ndarray:
    """Ternary (rows, columns) as bits: uint8 (2, rows, ceil(columns / 8)), non-zeros then negatives."""
    return np.stack([np.packbits(values != 0, axis=1), np.packbits(values < 0, axis=1)])


def unpack_trits(planes: np.ndarray, columns: int) -> Integers:
    """The inverse of `pack_trits`."""
    nonzero, negative = (np.unpackbits(plane, axis=1, count=columns).astype(np.int64) for plane in planes)
    return nonzero * (1 - 2 * negative)


@dataclass(frozen=True, eq=False)
class Specification(ABC):
    """Base of all specifications.

    Subclasses are frozen dataclasses whose fields are `Format`, `integer(...)`, `words(...)` or
    `trits(...)`; `shapes()` gives the sizes that the letters of the array fields' shapes stand for.

    Raises
    ------
    QuantizedNetworkError
        If a field is out of its range or of the wrong shape.
    """

    kind: ClassVar[str]
    any_contents: ClassVar[bool] = False
    """Whether widths leave room for any contents of the tables; of copies that `for_any_contents` made."""

    @abstractmethod
    def shapes(self) -> Mapping[str, int]:
        """Size of each letter used in the shapes of this specification's fields."""

    @property
    def table_bits(self) -> int:
        """Bits of all tables, each in the narrowest word that holds its numbers; a trit takes two."""
        tables = (getattr(self, item.name) for item in fields(self) if "shape" in item.metadata)
        return sum(table.size * stored_width(table) for table in tables)

    @property
    def state_bits(self) -> int:
        """Bits that are kept from one step to the next."""
        return 0

    def changed(self, **changes: Any) -> Self:
        """A copy with other fields, made for any contents if this one is."""
        copy = replace(self, **changes)
        return copy.for_any_contents() if self.any_contents else copy

    def for_any_contents(self) -> Self:
        """A copy whose widths hold whatever its tables may be given, in the same formats and shapes.

        It computes the same. A circuit of it can be loaded with other tables (`hdl.network.reloadable`).
        """
        copy = replace(self)
        for name in set(vars(copy)) - {item.name for item in fields(self)}:
            del vars(copy)[name]  # what was found of its own contents
        vars(copy)["any_contents"] = True
        return copy

    def magnitudes(self, words: Integers, width: int) -> Integers:
        """Magnitudes of a table's words: its own, or the largest of signed words of so many bits."""
        return np.full_like(words, 1 << (width - 1)) if self.any_contents else np.abs(words)

    def built_for(self) -> dict[str, Any]:
        """Kind, formats, numbers and sizes: what a datapath is built for, beside the contents of tables."""
        numbers = {
            item.name: getattr(self, item.name) for item in fields(self) if "shape" not in item.metadata
        }
        return {"kind": self.kind} | numbers | {f"size {name}": size for name, size in self.shapes().items()}

    def cleared(self, sequences: int) -> Integers:
        """What is kept from step to step, before the first one: (sequences, ...), or (sequences, 0)."""
        return np.zeros((sequences, 0), dtype=np.int64)

    def __post_init__(self) -> None:
        for item in fields(self):
            value, limits = getattr(self, item.name), item.metadata
            where = f"{self.kind}.{item.name}"
            if "shape" in limits:
                value = np.asarray(value, dtype=np.int64)
                value.setflags(write=False)
                object.__setattr__(self, item.name, value)
            elif item.type is int and (isinstance(value, bool) or not isinstance(value, int)):
                raise QuantizedNetworkError(f"{where} must be an integer, not {value!r}")
            if "low" in limits and np.size(value):
                worst = min(np.min(value), limits["low"]), max(np.max(value), limits["high"])
                if worst != (limits["low"], limits["high"]):
                    found = worst[0] if worst[0] < limits["low"] else worst[1]
                    raise QuantizedNetworkError(
                        f"{where} holds {found}, outside {limits['low']}..{limits['high']}"
                    )
        for item in fields(self):
            if "shape" in item.metadata:
                expected = tuple(self.shapes()[letter] for letter in item.metadata["shape"])
                found = getattr(self, item.name).shape
                if found != expected:
                    raise QuantizedNetworkError(
                        f"{self.kind}.{item.name} has shape {found}, expected {expected}"
                    )

    def describe(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """This specification as a JSON description and named tensors.

        An entry with the meaning that earlier files gave to its absence is left out, as they do.
        """
        description: dict[str, Any] = {"kind": self.kind}
        tensors: dict[str, np.ndarray] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.default is not MISSING and value == item.default:
                continue
            if "trits" in item.metadata:
                tensors[item.name] = pack_trits(value)
            elif "shape" in item.metadata:
                tensors[item.name] = value.astype(_stored_type(item.metadata["low"], item.metadata["high"]))
            elif isinstance(value, Format):
                description[item.name] = {"width": value.width, "fraction": value.fraction}
            else:
                description[item.name] = value
        return description, tensors

    @classmethod
    def restore(cls, description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Self:
        """The specification that `describe` gave.

        Raises
        ------
        QuantizedNetworkError
            If an entry or tensor is missing, left over, of a wrong type, or out of range.
        """
        names = {item.name for item in fields(cls)}
        earlier = {item.name: item.default for item in fields(cls) if item.default is not MISSING}
        description = earlier | dict(description)
        array_names = {item.name for item in fields(cls) if "shape" in item.metadata}
        entries = (set(description) - {"kind"}, names - array_names), (set(tensors), array_names)
        for given, wanted in entries:
            for name in sorted(given ^ wanted):
                state = "lacks" if name in wanted else "has an unknown"
                raise QuantizedNetworkError(f"the {cls.kind} layer {state} entry {name!r}")
        values: dict[str, Any] = {}
        for item in fields(cls):
            if "shape" in item.metadata:
                values[item.name] = cls._restore_tensor(item.name, item.metadata, tensors[item.name])
            elif item.type is Format:
                entry = description[item.name]
                values[item.name] = cls._restore_format(item.name, entry)
            else:
                values[item.name] = description[item.name]
        return cls(**values)

    @classmethod
    def _restore_format(cls, name: str, entry: Any) -> Format:
        width, fraction = (
            (entry.get("width"), entry.get("fraction")) if isinstance(entry, dict) else (None, None)
        )
        if type(width) is int and type(fraction) is int and abs(fraction) <= MOST_EXPONENT:
            with suppress(ValueError):
                return Format(width, fraction)
        raise QuantizedNetworkError(f"{cls.kind}.{name} is not a format: {entry!r}")

    @classmethod
    def _restore_tensor(cls, name: str, limits: Mapping[str, Any], tensor: np.ndarray) -> np.ndarray:
        if not np.issubdtype(tensor.dtype, np.integer):
            raise QuantizedNetworkError(f"{cls.kind}.{name} holds {tensor.dtype}, expected integers")
        if "trits" not in limits:
            return tensor.astype(np.int64)
        if tensor.ndim != 3 or tensor.shape[0] != 2 or tensor.dtype != np.uint8:
            raise QuantizedNetworkError(f"{cls.kind}.{name} is not a pair of bit planes")
        # The table is square or a list of square ones: its columns are as many as its rows.
        if tensor.shape[2] != -(-tensor.shape[1] // 8):
            raise QuantizedNetworkError(
                f"{cls.kind}.{name} has {tensor.shape[2]} bytes a row, not a square table"
            )
        return unpack_trits(tensor, tensor.shape[1])
