"""The parts of a network, found among the tensors of a file: each tensor is taken once, and none is lost."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from statespike.models.importers.failure import ImportFailure, some
from statespike.models.importers.tensors import Tensors
from statespike.models.importers.weights import NOISE, Stack

Array = NDArray[Any]


class Parts:
    """Tensors that are left to be taken.

    Parameters
    ----------
    tensors : mapping of name to array
    source : str
        Where they come from: the beginning of an error's sentence.
    """

    def __init__(self, tensors: Mapping[str, Array], source: str) -> None:
        self._left: Tensors = dict(tensors)
        self.source = source

    def below(self, prefix: str) -> list[str]:
        """Names of the tensors that are left below a prefix, without it; none that a training keeps."""
        return [
            name.removeprefix(prefix)
            for name in self._left
            if name.startswith(prefix) and not NOISE.search(name.removeprefix(prefix))
        ]

    def has(self, name: str) -> bool:
        """Whether a tensor is left."""
        return name in self._left

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor that is left."""
        self._require(name)
        return self._left[name].shape

    def take(self, name: str) -> Array:
        """Take a tensor out of what is left."""
        self._require(name)
        return self._left.pop(name)

    def take_as(self, name: str, *shapes: tuple[int, ...]) -> NDArray[np.float64]:
        """Take a real tensor that has one of these shapes, as the first of them.

        Raises
        ------
        ImportFailure
            When it is missing, complex, or of another shape.
        """
        found = self.take(name)
        if found.shape not in shapes or np.iscomplexobj(found):
            kind = "complex " if np.iscomplexobj(found) else ""
            raise ImportFailure(
                f"{self.source}: tensor {some([name])} has the {kind}shape {found.shape}; "
                f"the other tensors ask for {' or '.join(map(str, shapes))}"
            )
        return found.reshape(shapes[0]).astype(np.float64)

    def finish(self, stack: Stack) -> list[str]:
        """Names that are left outside the network's module: other sets of weights, a training's own state.

        Raises
        ------
        ImportFailure
            When a tensor of the network itself is left: its meaning would be lost.
        """
        lost = self.below(stack.root)
        if lost:
            raise ImportFailure(
                f"{self.source}: the tensors {some(lost)} have no place in an S4D network; without them "
                "the imported network would compute something else"
            )
        return list(self._left)

    def _require(self, name: str) -> None:
        if name not in self._left:
            raise ImportFailure(
                f"{self.source}: tensor {some([name])} is missing; the file holds {some(self._left)}"
            )
