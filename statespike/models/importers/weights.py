"""The sets of weights in a file: what a training keeps beside them, and which set is taken."""

import re
from dataclasses import dataclass
from itertools import takewhile

from statespike.models.importers.failure import ImportFailure, some
from statespike.models.importers.tensors import Tensors

AVERAGED = re.compile(r"(^|[._])(ema|averag\w*|avg|swa|shadow|polyak)", re.IGNORECASE)
"""Names of sets that are running means of the trained weights."""
NOISE = re.compile(
    r"(^|\.)(n_averaged|num_batches_tracked|num_updates|decay|epoch|global_step|"
    r"(train|val|valid|test)_\w+|(\w+_)?acc(_\w+)?|"
    r"\w*(criterion|loss|metric|accuracy|optimi[sz]er|scheduler|scaler|confusion|auroc|f1)\w*|"
    r"callbacks|loops|param_groups|exp_avg|exp_avg_sq|momentum_buffer)(\.|$)",
    re.IGNORECASE,
)
"""Names of what a training keeps for itself."""

WRAPPERS = re.compile(r"(^|(?<=\.))(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""Modules that compilation and sharding put around others, anywhere in a name."""

KERNEL = re.compile(r"^(?P<root>.*?)(?P<container>[A-Za-z_]\w*)\.(?P<layer>\d+)\.(?P<inner>(?:[\w]+\.)*)C$")
"""The output matrix of a layer's state-space model; the layers are numbered in a container."""
STEPS = ("log_dt", "inv_dt")


@dataclass(frozen=True)
class Stack:
    """The layers of one network in a file.

    Parameters
    ----------
    root : str
        What stands before the container's name: `state_dict.model.`, or nothing.
    container : str
        `s4_layers`, `layers`, ...
    inner : str
        From a layer to its state-space model: `kernel.`, `layer.layer.kernel.`, `ssm.`, or nothing.
    layers : int
    """

    root: str
    container: str
    inner: str
    layers: int

    @property
    def name(self) -> str:
        """What the set of weights is called in a sentence and chosen by."""
        return self.root.removesuffix(".") or "the file's only one"

    def prefix(self, layer: int) -> str:
        """What the names of a layer's tensors begin with."""
        return f"{self.root}{self.container}.{layer}."


def unwrapped(tensors: Tensors) -> Tensors:
    """The tensors without the names of wrapping modules; as they are if two would then be called alike."""
    plain = {WRAPPERS.sub("", name): tensor for name, tensor in tensors.items()}
    return plain if len(plain) == len(tensors) else tensors


def stacks_of(tensors: Tensors, source: str) -> list[Stack]:
    """Every stack of layers with diagonal state-space models, in the order of the file.

    Raises
    ------
    ImportFailure
        When the layers of a stack are not numbered from 0 without a gap.
    """
    found: dict[tuple[str, str, str], set[int]] = {}
    for name in tensors:
        match = KERNEL.match(name)
        if match is None or not any(f"{name[:-1]}{step}" in tensors for step in STEPS):
            continue
        key = match["root"], match["container"], match["inner"]
        found.setdefault(key, set()).add(int(match["layer"]))
    stacks = []
    for (root, container, inner), numbers in found.items():
        if numbers != set(range(len(numbers))):
            raise ImportFailure(
                f"{source}: the layers {root}{container} are numbered {some(map(str, numbers))}, "
                "not from 0 without a gap; the file is no whole network"
            )
        stacks.append(Stack(root, container, inner, len(numbers)))
    return stacks


def chosen(stacks: list[Stack], wanted: str, source: str) -> Stack:
    """The stack to take: the one asked for, or the trained weights rather than their running mean.

    Raises
    ------
    ImportFailure
        When no set of that name exists, or several would do.
    """
    names = [stack.name for stack in stacks]
    # What all roots begin with, `ema.` of a library say, tells no set from another.
    modules = zip(*(stack.root.split(".") for stack in stacks), strict=False)
    alike = takewhile(lambda names: len(set(names)) == 1, modules) if len(stacks) > 1 else ()
    common = sum(len(names[0]) + 1 for names in alike)
    if wanted:
        suitable = [stack for stack in stacks if wanted.strip(".") in stack.root]
        if len(stacks) == 1 and not suitable and not AVERAGED.search(wanted):
            suitable = stacks if wanted == stacks[0].name else []
    else:
        suitable = [stack for stack in stacks if not AVERAGED.search(stack.root[common:])] or stacks
    if len(suitable) == 1:
        return suitable[0]
    if not suitable:
        raise ImportFailure(f"{source}: no set of weights is called {wanted!r}; the file has {some(names)}")
    raise ImportFailure(
        f"{source}: several sets of weights would do: {some(stack.name for stack in suitable)}; "
        "choose one with --weights"
    )
