"""Layouts of trained networks by name, and the import itself."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantize.checkpoint import Checkpoint
from quantize.errors import look_up
from statespike.models.importers import s4d, statespike
from statespike.models.importers.failure import ImportFailure, some
from statespike.models.importers.families import family_of
from statespike.models.importers.options import Options
from statespike.models.importers.parts import Parts
from statespike.models.importers.s4d import Found
from statespike.models.importers.tensors import Tensors, read_tensors
from statespike.models.importers.weights import AVERAGED, Stack, chosen, stacks_of, unwrapped


@dataclass(frozen=True)
class Importer:
    """What the files of a layout are called in a sentence, and what reads them."""

    description: str
    read: Callable[[Parts, Stack, Options], Found]


IMPORTERS = {
    "s4d": Importer(s4d.KIND, s4d.read_s4d),
    "statespike": Importer(statespike.KIND, statespike.read_statespike),
}
"""Name of a layout -> its importer."""


@dataclass(frozen=True)
class Imported:
    """A trained network of another program.

    Parameters
    ----------
    checkpoint : Checkpoint
    layout : str
        One of `IMPORTERS`.
    notes : tuple of str
        What was taken, left out and assumed, a sentence each.
    """

    checkpoint: Checkpoint
    layout: str
    notes: tuple[str, ...]


def import_network(path: Path, layout: str, options: Options, provenance: dict[str, Any]) -> Imported:
    """Read a trained network of another program.

    Parameters
    ----------
    path : Path
        A state dict, or a training's checkpoint around it: `.pt`, `.pth`, `.ckpt` or `.safetensors`.
    layout : str
        One of `IMPORTERS`; found by the tensors if empty.
    options : Options
    provenance : dict
        What the checkpoint will say about where it comes from.

    Raises
    ------
    StatespikeError
        When the layout is unknown, or the file is not of it; in one sentence.
    """
    if layout:
        look_up(IMPORTERS, layout, "layout")
    tensors = read_tensors(path)
    return import_tensors(tensors, str(path), layout, options, provenance)


def import_tensors(
    tensors: Tensors, source: str, layout: str, options: Options, provenance: dict[str, Any]
) -> Imported:
    """Bring named tensors into a checkpoint; see `import_network`, `source` begins an error's sentence."""
    tensors = unwrapped(tensors)
    stacks = stacks_of(tensors, source)
    if not stacks:
        family = family_of(tensors)
        if family is not None:
            raise ImportFailure(f"{source}: {family.name}, which cannot be imported: {family.reason}")
        raise ImportFailure(
            f"{source}: no layers with diagonal state-space models are found (C beside log_dt or inv_dt); "
            f"the file holds {some(tensors)}"
        )
    stack = chosen(stacks, options.weights, source)
    bidirectional = family_of(name for name in tensors if name.startswith(stack.root))
    if bidirectional is not None:
        raise ImportFailure(
            f"{source}: {bidirectional.name}, which cannot be imported: {bidirectional.reason}"
        )
    found_layout = layout or ("statespike" if stack.inner == "ssm." else "s4d")
    parts = Parts(tensors, source)
    found = IMPORTERS[found_layout].read(parts, stack, options)
    left = parts.finish(stack)
    return Imported(
        Checkpoint(found.config, found.tensors, provenance),
        found_layout,
        (*_origin(stack, stacks, tensors), *found.notes, *_left_out(left)),
    )


def _origin(stack: Stack, stacks: list[Stack], tensors: Tensors) -> list[str]:
    """Which set of weights was taken."""
    if len(stacks) > 1:
        others = some(other.name for other in stacks if other != stack)
        return [f"weights: {stack.name}; the file has {others} too (--weights)"]
    if AVERAGED.search(stack.root) or any(name.split(".")[-1] == "n_averaged" for name in tensors):
        return ["weights: the running mean of a training's, the only ones in the file"]
    return []


def _left_out(names: list[str]) -> list[str]:
    """What of the file is no part of the network."""
    return [f"left out: {some(names)}, which the network does not need"] if names else []
