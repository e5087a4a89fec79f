"""NETWORK and TASK arguments: what the files and names on the command line stand for."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from hdl.planning.planner import Plan, plan_network
from quantize.checkpoint import Checkpoint
from quantize.convert import Precision
from quantize.errors import StatespikeError, naming
from quantize.inputs import EncoderChoice, require_sequences
from quantize.network import QuantizedNetwork
from quantize.shared import difference, with_shared_formats
from quantize.survey import Observation, observe
from quantize.words import count
from statespike.library import networks as library
from statespike.library import quantising
from statespike.models import ZOO
from statespike.models.tasks.own import OwnData
from statespike.models.tasks.readers import read_own
from statespike.models.tasks.registry import SAMPLE, TASKS, load_task, own_path
from statespike.models.tasks.task import UNLABELLED, Sequences
from statespike.output import note, progress, remark, warn
from statespike.remembered import (
    keep_observation,
    keep_quantised,
    name_of_observation,
    name_of_quantised,
    recall_observation,
    recall_quantised,
)


def sequences_of(
    task: str | None, data: Path | None, limit: int | None, *, held_out: bool = False
) -> OwnData:
    """The sequences to evaluate: of the user's own data, or the test set of a task."""
    own = own_path(task, data)
    if own is not None:
        found = read_own(own, None if held_out else limit)
        sequences, which = found.to_evaluate(held_out=held_out)
        for line in (*found.notes, which):
            remark(line)
        return replace(found, sequences=sequences.take(slice(limit)), sets=None)
    if held_out:
        raise StatespikeError("--held-out belongs to data of your own; a task has a test set of its own")
    if task is None:
        raise StatespikeError("nothing to run on; name a task, or give data of your own with --data")
    known = load_task(task, data)
    return OwnData(task, task, known.test.take(slice(limit)), known.class_names)


def class_names_of(network: Checkpoint | QuantizedNetwork) -> tuple[str, ...]:
    """The names of the classes that a network was trained on; empty if it does not say."""
    names = network.provenance.get("class_names")
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def require_suited(source: str, sequences: Sequences, network: Checkpoint | QuantizedNetwork) -> None:
    """Refuse sequences of another shape than a network takes; the sentence tells where they are from.

    Raises
    ------
    StatespikeError
    """
    with naming(source):
        features = network.config.features if isinstance(network, Checkpoint) else network.features
        valid = require_sequences(sequences.inputs.shape, features, sequences.lengths)
        if isinstance(network, QuantizedNetwork):
            network.require_lengths(valid)


def labels_for(data: OwnData, network: Checkpoint | QuantizedNetwork) -> Sequences:
    """The sequences with the labels that a network knows.

    Classes that have names are matched by these: a folder that lacks a word that the network was trained on
    would number the others otherwise.

    Raises
    ------
    StatespikeError
        If they do not suit the network, or a class is none of its own.
    """
    require_suited(data.source, data.sequences, network)
    trained = class_names_of(network)
    sequences = data.sequences
    if not trained or not data.class_names or trained == data.class_names:
        return sequences
    unknown = [name for name in data.class_names if name not in trained]
    if unknown:
        raise StatespikeError(
            f"{data.source}: class {unknown[0]!r} is none of those that the network was trained on, "
            f"{', '.join(trained)}; leave it out"
        )
    if sequences.targets is not None:
        absent = [name for name in trained if name not in data.class_names]
        if absent:
            raise StatespikeError(
                f"{data.source}: no column of label {absent[0]!r}, which the network gives; add it"
            )
        return replace(
            sequences, targets=sequences.targets[..., [data.class_names.index(name) for name in trained]]
        )
    if sequences.y is None:
        return sequences
    remark(f"{data.source}: {len(data.class_names)} of the {len(trained)} classes of the network, by name")
    # Behind the last class, where -1 finds it, stands that a step has none.
    index = np.array([*(trained.index(name) for name in data.class_names), UNLABELLED])
    return replace(sequences, y=index[sequences.y])


def calibration_of(checkpoint: Checkpoint, data: Path | None) -> Sequences:
    """The sequences that choose a network's number formats: of the user's own data, or its own task's."""
    task = checkpoint.provenance.get("task")
    # Without --data the name of what it was trained on is no path of this folder.
    own = None if data is None else own_path(task, data)
    if own is None:
        return quantising.calibration_of(checkpoint, data)
    found = read_own(own)
    for line in found.notes:
        remark(line)
    samples = found.to_calibrate()
    require_suited(found.source, samples, checkpoint)
    return samples


def quantise_checkpoint(
    checkpoint: Checkpoint,
    samples: Sequences,
    precision: Precision,
    max_steps: int | None = None,
    encoder: EncoderChoice = EncoderChoice.AUTO,
    *,
    shared_formats: bool = False,
    formats_of: QuantizedNetwork | None = None,
) -> quantising.Quantised:
    """Quantise, with a bar while it lasts, and compare both on the samples.

    Says what was assumed and had no effect, and warns if the integers are much worse.
    """
    with progress() as bars:
        bars.add_task("quantising", total=None)
        made = quantising.quantised(
            checkpoint, samples.x, samples.lengths, samples.y, precision, max_steps, encoder,
            shared_formats=shared_formats, formats_of=formats_of,
        )  # fmt: skip
    _tell(made.notes, made.warnings)
    return made


def _tell(notes: Iterable[str], warnings: Iterable[str]) -> None:
    for line in notes:
        remark(line)
    for warning in warnings:
        warn(warning)


def _quantised_once(
    checkpoint: Checkpoint,
    samples: Sequences,
    precision: Precision,
    *,
    shared_formats: bool,
    formats_of: QuantizedNetwork | None,
) -> QuantizedNetwork:
    """As `quantise_checkpoint`; what an earlier run made is not made again."""
    name = name_of_quantised(
        checkpoint, samples, precision, shared_formats=shared_formats, formats_of=formats_of
    )
    found = recall_quantised(name)
    if found is None:
        with progress() as bars:
            bars.add_task("quantising", total=None)
            made = quantising.quantised(
                checkpoint, samples.x, samples.lengths, samples.y, precision,
                shared_formats=shared_formats, formats_of=formats_of,
            )  # fmt: skip
        found = made.network, made.notes, made.warnings
        keep_quantised(name, found)
    network, notes, warnings = found
    _tell(notes, warnings)
    return network


def network_for(path: Path, task: str | None, data: Path | None) -> Checkpoint | QuantizedNetwork:
    """The network of a NETWORK argument, for the sequences of `sequences_of`.

    Another task than the one it was trained on is told.

    Raises
    ------
    StatespikeError
        If network and task differ in features or classes.
    """
    network = library.load(path)
    if task is not None and own_path(task, data) is None:
        warning = library.require_task(network, task, data)
        if warning is not None:
            warn(f"{name_of(path)}: {warning}")
    return network


def integers_of(
    path: Path,
    task: str | None = None,
    data: Path | None = None,
    *,
    shared_formats: bool = False,
    formats_of: QuantizedNetwork | None = None,
) -> QuantizedNetwork:
    """The quantised network of a NETWORK argument.

    A checkpoint is quantised on the way, to the bits that it was fine-tuned for, else to 8; on its own task's
    calibration samples, or on sequences drawn from the user's own data when it was trained on something else.
    Otherwise `data` is where the files of `task` are, and those of the checkpoint's own task if that is
    the same. A checkpoint's layers are given `shared_formats` if wanted, or the `formats_of` another network;
    integers stay as they are.
    """
    network = network_for(path, task, data)
    if isinstance(network, QuantizedNetwork):
        if not network.verified:
            note(
                f"{path} is of an earlier version, without a checksum: damaged numbers go unnoticed; "
                "quantise its checkpoint again to have one"
            )
        return network
    trained, own = network.provenance.get("task"), own_path(task, data)
    if own is None:
        samples = calibration_of(network, data if trained == task else None)
    else:
        samples = calibration_of(network, own if trained not in TASKS else None)
    precision = Precision(network.tuned_bits or Precision.coefficients)
    note(
        f"{name_of(path)} is a checkpoint: quantised on the way to {precision.coefficients} bits and states "
        f"of {precision.state}, with {count(len(samples), 'calibration sequence')}"
        f"{', all layers in one set of formats' if shared_formats else ''}"
        f"{', in the formats of the network that was built' if formats_of is not None else ''}"
    )
    return _quantised_once(network, samples, precision, shared_formats=shared_formats, formats_of=formats_of)


MOST_OBSERVED = 100
"""Test sequences, the first ones, on which a network is observed."""
MOST_OBSERVED_STEPS = 100_000
"""Of all of them together, beyond the first."""


def observation_of(network: QuantizedNetwork) -> Observation | None:
    """What a network does with the first test sequences of its own task, or of the part of them that ships.

    None if they are not at hand.
    """
    own = str(network.provenance.get("task"))
    for name in (own, f"{own}{SAMPLE}"):
        if name in TASKS:
            try:
                test = load_task(name).test
            except (StatespikeError, OSError):
                continue
            chosen = test.take(slice(max(1, min(MOST_OBSERVED, MOST_OBSERVED_STEPS // test.x.shape[1]))))
            labels = chosen.y if chosen.y is not None and chosen.y.ndim == 1 else None
            observed = Sequences(chosen.x, labels, chosen.lengths)
            key = name_of_observation(network, observed)
            found = recall_observation(key)
            if found is None:
                found = observe(network, chosen.x, labels, chosen.lengths)
                keep_observation(key, found)
            return found
    return None


def tell_smaller(network: QuantizedNetwork, plan: Plan, rate: float | None) -> None:
    """Note that a smaller circuit makes a rate where nothing but the layers' formats rules it out."""
    if rate is None or plan.folded or difference(network) is None:
        return
    try:
        folded = plan_network(with_shared_formats(network), plan.device, rate=rate, folded=True)
    except StatespikeError:
        return
    if folded.estimate.lut < plan.estimate.lut:
        note(
            f"one block for all layers in turn would make this rate with an estimated {folded.estimate.lut} "
            f"look-up tables instead of {plan.estimate.lut}; it needs layers in one set of formats: "
            "--folded, or `statespike quantize --shared-formats`"
        )


def name_of(path: Path) -> str:
    """What a NETWORK argument is called in a sentence: the name of a shipped network, else its path."""
    return path.stem if path.parent == ZOO else str(path)
