"""Networks from files to integers: reading, importing, quantising, saving."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
from numpy.typing import NDArray

from quantize import convert
from quantize.checkpoint import Checkpoint, write_checkpoint
from quantize.convert import Precision
from quantize.errors import StatespikeError
from quantize.fidelity import Fidelity, fidelity
from quantize.file import save_network
from quantize.imposed import ImposedFormats
from quantize.inputs import EncoderChoice, input_format, require_sequences
from quantize.layers.embedding import EmbeddingSpec
from quantize.load import load as load_file
from quantize.network import QuantizedNetwork
from quantize.shared import with_shared_formats
from quantize.vanished import vanished_weights
from quantize.words import count
from statespike.models import SUFFIX, ZOO, network_file
from statespike.models.importers import registry
from statespike.models.importers.options import Options
from statespike.models.tasks.registry import TASKS, load_task
from statespike.models.tasks.task import Sequences


def shipped_networks() -> list[str]:
    """Names of the trained networks that ship: TASK-MODEL, some with a size or bits behind it.

    Examples
    --------
    >>> import statespike
    >>> "smnist-gsu" in statespike.shipped_networks()
    True
    """
    return sorted(path.stem for path in ZOO.glob(f"*{SUFFIX}"))


def load(name: str | os.PathLike[str]) -> Checkpoint | QuantizedNetwork:
    """Read a network: a checkpoint (real numbers) or a quantised network (integers), whichever the file is.

    Parameters
    ----------
    name : path or str
        A `.safetensors` file of this project, or the name of a shipped network.

    Raises
    ------
    StatespikeError
        If the file is missing, damaged, foreign, or of another version; in one sentence.

    Examples
    --------
    >>> import statespike
    >>> checkpoint = statespike.load("digits-gsu")
    >>> checkpoint.config.model, checkpoint.config.channels
    ('gsu', 8)
    """
    path = network_file(os.fspath(name))
    if not path.exists():
        close = get_close_matches(str(name), shipped_networks(), n=3, cutoff=0.6)
        similar = f" (there are {', '.join(close)})" if close else ""
        raise StatespikeError(
            f"{path}: no such file, and no shipped network of that name{similar}; give the path of a "
            "checkpoint or a quantised network, or a name that `statespike inspect` lists"
        )
    return load_file(path)


def save(network: Checkpoint | QuantizedNetwork, path: str | os.PathLike[str]) -> None:
    """Write a network to a `.safetensors` file, whole or not at all.

    Raises
    ------
    StatespikeError
        If a checkpoint's tensors do not suit its configuration.

    Examples
    --------
    >>> import statespike
    >>> checkpoint = statespike.load("digits-gsu")
    >>> statespike.save(checkpoint, "mine.safetensors")
    >>> statespike.load("mine.safetensors").config == checkpoint.config
    True
    """
    if isinstance(network, Checkpoint):
        write_checkpoint(path, network)
    else:
        save_network(network, Path(path))


def import_network(
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    layout: str = "",
    task: str | None = None,
    options: Options | None = None,
) -> registry.Imported:
    """Bring a trained network of another program into a checkpoint.

    Parameters
    ----------
    source : path or mapping of name to array
        A `.pt`, `.pth`, `.ckpt` or `.safetensors` file, or a state dict: arrays of numpy, or tensors of torch
        on the processor.
    layout : str
        One of `statespike.models.importers.registry.IMPORTERS`; found by the tensors if empty.
    task : str, optional
        What it was trained on, if that is a task of statespike.
    options : Options, optional
        What the tensors cannot tell.

    Returns
    -------
    Imported
        With the `checkpoint`, and `notes` on what was taken and assumed.

    Raises
    ------
    StatespikeError
        If it is no network that can be imported.

    Examples
    --------
    >>> import statespike
    >>> state_dict = statespike.load("digits-gsu").tensors
    >>> imported = statespike.import_network(state_dict)
    >>> imported.layout, imported.checkpoint.config.layers
    ('statespike', 2)
    """
    chosen = options or Options()
    origin = "state dict" if isinstance(source, Mapping) else Path(source).name
    provenance: dict[str, Any] = {"imported_from": {"file": origin}} | ({"task": task} if task else {})
    if isinstance(source, Mapping):
        tensors = {name: np.asarray(value) for name, value in source.items()}
        imported = registry.import_tensors(tensors, origin, layout, chosen, provenance)
    else:
        imported = registry.import_network(Path(source), layout, chosen, provenance)
    provenance["imported_from"] |= {"layout": imported.layout, "notes": list(imported.notes)}
    if task is not None:
        require_task(imported.checkpoint, task)
    return imported


def quantise(
    checkpoint: Checkpoint,
    samples: NDArray[np.floating] | None = None,
    lengths: NDArray[np.int64] | None = None,
    *,
    bits: int | None = None,
    state_bits: int = Precision.state,
    max_steps: int | None = None,
    encoder: EncoderChoice = EncoderChoice.AUTO,
    shared_formats: bool = False,
    formats_of: QuantizedNetwork | None = None,
) -> QuantizedNetwork:
    """Turn a checkpoint into a network of integers, without retraining.

    What `statespike quantize` tells comes as a `UserWarning`: integers that are much worse on the first
    samples, weights or inputs that count as 0, an encoder of tokens that nobody asked for, a `max_steps`
    without effect.

    Parameters
    ----------
    checkpoint : Checkpoint
    samples : real (sequences, steps, features), optional
        Training data on which the ranges of all values are measured; by default some of the task that the
        checkpoint was trained on.
    lengths : integers (sequences,), optional
        Valid steps of each sequence; all by default.
    bits : int, optional
        Of poles, output weights and mixers; by default those that the network was fine-tuned for, else 8.
    state_bits : int
        Of each of a mode's two states.
    max_steps : int, optional
        Of the longest sequence that the network shall take; by default the samples', rounded up to a power of
        two.
    encoder : EncoderChoice
        Of real numbers or of tokens; by default tokens if every step of the samples is one-hot, or zeros.
    shared_formats : bool
        All layers in one set of formats, which a circuit needs whose one engine serves them in turn.
    formats_of : QuantizedNetwork, optional
        The formats of a network of the same sizes, so that a circuit built for that one can be loaded with
        this one; `state_bits`, `max_steps` and `encoder` are then that network's, too.

    Raises
    ------
    StatespikeError
        If the samples do not suit the network, or a pole cannot be represented. If layers cannot share their
        formats, or not have those of the other network.

    Examples
    --------
    >>> import statespike
    >>> network = statespike.quantise(statespike.load("digits-gsu"), bits=6)
    >>> network.features, network.classes
    (1, 10)
    """
    y = None
    if samples is None:
        own = calibration_of(checkpoint)
        samples, lengths, y = own.x, own.lengths, own.y
    tuned = checkpoint.tuned_bits or Precision.coefficients
    precision = Precision(tuned if bits is None else bits, state_bits)
    made = quantised(
        checkpoint, samples, lengths, y, precision, max_steps, encoder, shared_formats=shared_formats,
        formats_of=formats_of,
    )  # fmt: skip
    for sentence in (*made.notes, *made.warnings):
        warn(sentence, stacklevel=2)
    return made.network


@dataclass(frozen=True)
class Quantised:
    """A network of integers, and what is to be said of it.

    Parameters
    ----------
    network : QuantizedNetwork
    fidelity : Fidelity
        Beside its checkpoint, on the samples.
    notes : tuple of str
        What was assumed, or had no effect.
    warnings : tuple of str
        What is probably not wanted.
    words_clipped : int or None
        Words of tables that the formats of another network clipped; None if it has its own.
    """

    network: QuantizedNetwork
    fidelity: Fidelity
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    words_clipped: int | None = None


def quantised(
    checkpoint: Checkpoint,
    samples: NDArray[np.floating],
    lengths: NDArray[np.int64] | None,
    labels: NDArray[np.int64] | None,
    precision: Precision,
    max_steps: int | None = None,
    encoder: EncoderChoice = EncoderChoice.AUTO,
    *,
    shared_formats: bool = False,
    formats_of: QuantizedNetwork | None = None,
) -> Quantised:
    """Quantise, and compare both networks on the samples, by labels if there are some. See `quantise`."""
    x = np.asarray(samples)
    lengths = require_sequences(x.shape, checkpoint.config.features, lengths, convert.CALIBRATION_DATA)
    formats = None if formats_of is None else ImposedFormats(formats_of)
    network = convert.quantise(
        checkpoint, x, input_format(x), precision, lengths, max_steps, encoder, formats
    )
    if shared_formats:
        network = with_shared_formats(network)
    found = fidelity(checkpoint, network, x, lengths, labels)
    notes = []
    if encoder is EncoderChoice.AUTO and isinstance(network.encoder, EmbeddingSpec):
        notes.append(
            f"every step of the {len(x)} calibration sequences is one-hot, so the network reads the numbers "
            f"of {network.features} tokens; the linear encoder takes any features (`--encoder linear`)"
        )
    if max_steps is not None and network.max_steps is None:
        notes.append("--max-steps has no effect: this network takes sequences of any length")
    if formats is not None:
        notes += formats.notes()
    warnings = (found.warning(), found.clipping.vanishing(), *vanished_weights(checkpoint, network))
    return Quantised(
        network,
        found,
        tuple(notes),
        tuple(one for one in warnings if one is not None),
        None if formats is None else formats.clipped,
    )


def calibration_of(checkpoint: Checkpoint, data: Path | None = None) -> Sequences:
    """Calibration samples of the task that a checkpoint was trained on, its files in the folder `data`.

    Raises
    ------
    StatespikeError
        If that is no task of statespike.
    """
    task = checkpoint.provenance.get("task")
    if task not in TASKS:
        trained = (
            "the checkpoint does not say what it was trained on"
            if task is None
            else f"the checkpoint was trained on {task!r}, which is no task of statespike"
        )
        raise StatespikeError(
            f"{trained}; quantise it on samples of its training data: "
            "`statespike quantize CHECKPOINT --data FILE.npz -o NETWORK`"
        )
    return load_task(task, data).calibration


@dataclass(frozen=True)
class _Ends:
    """What both kinds of networks say of their inputs and outputs."""

    features: int
    classes: int
    trained_on: Any


def _ends(network: Checkpoint | QuantizedNetwork) -> _Ends:
    sizes = network.config if isinstance(network, Checkpoint) else network
    return _Ends(sizes.features, sizes.classes, network.provenance.get("task"))


def require_task(network: Checkpoint | QuantizedNetwork, task: str, data: Path | None = None) -> str | None:
    """Make sure that a network can be run on a task; a warning if it was trained on another one.

    `data` is where the task's files are: some tasks have as many classes as these name.

    Raises
    ------
    StatespikeError
        If they differ in features or classes.
    """
    wanted, ends = load_task(task, data), _ends(network)
    for what, own, theirs in (
        (f"{count(ends.features, 'feature')} a step", ends.features, wanted.features),
        (count(ends.classes, "class"), ends.classes, wanted.classes),
    ):
        if own != theirs:
            raise StatespikeError(
                f"the network has {what} and the task {task} {theirs:,}; choose the task it was trained on"
                f"{f', {ends.trained_on}' if ends.trained_on else ''}"
            )
    if ends.trained_on in TASKS and whole_task(str(ends.trained_on)) != whole_task(task):
        return (
            f"the network was trained on {ends.trained_on}, not on {task}: "
            "its accuracy here says little about it"
        )
    return None


def whole_task(name: str) -> str:
    """The task that a task is a part of; itself, if of none."""
    return name.removesuffix("-sample")
