"""A network's circuit beside its integer reference, over any number of sequences."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from amaranth.lib.wiring import Component

from quantize.formats import Integers
from quantize.network import QuantizedNetwork
from sim.backends.base import Backend
from sim.compare import Comparison, Mismatch, compare
from sim.stimulus import Stimulus
from sim.trace import Run

STEPS_AT_ONCE = 1 << 14
"""Steps simulated at once: what every layer computes in them fits in some tens of megabytes."""


@dataclass(frozen=True)
class Pace:
    """How source and sink behave: probabilities of a pause in a cycle, and the seed they are drawn with."""

    input_gaps: float = 0.0
    output_stalls: float = 0.0
    seed: int = 0


FULL_SPEED = Pace()


@dataclass(frozen=True)
class Check:
    """Outcome of a comparison over all sequences.

    Parameters
    ----------
    backend : str
    compared_values, mismatches : int
    first_mismatch : Mismatch or None
        As in `sim.compare.Comparison`.
    logits : (sequences, classes)
        Of the circuit.
    steps, cycles : int
        Simulated in all.
    cycles_per_step : float
        Cycles between steps in the steady state.
    seconds : float
        Of the simulations alone, without compiling.
    """

    backend: str
    compared_values: int
    mismatches: int
    first_mismatch: Mismatch | None
    logits: Integers
    steps: int
    cycles: int
    cycles_per_step: float
    seconds: float

    @property
    def bit_exact(self) -> bool:
        """Whether nothing differs."""
        return self.mismatches == 0

    @property
    def cycles_per_second(self) -> float:
        """Simulated clock cycles a second."""
        return self.cycles / max(self.seconds, 1e-9)


def check(
    design: Callable[[], Component],
    reference: QuantizedNetwork,
    u: Integers,
    lengths: Integers | None,
    backend: Backend,
    pace: Pace = FULL_SPEED,
    folder: Path | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Check:
    """Run sequences through a circuit and compare every value of every tap, and every logit.

    Parameters
    ----------
    design : callable
        Makes the circuit, when the input has been found good; usually a `hdl.network.Network` with taps:
        without them only logits are compared.
    reference : QuantizedNetwork
        What the circuit has to compute.
    u : (sequences, steps, features) in the input format
    lengths : (sequences,), optional
        Valid steps of each sequence; all by default. The circuit is not given the others.
    backend : Backend
    pace : Pace
    folder : Path, optional
        Where compiled circuits are kept.
    on_progress : callable, optional
        Called with the number of sequences done.

    Raises
    ------
    StatespikeError
        If the input does not suit the network, a tool is missing, or the circuit does not answer.
    """
    valid = np.full(len(u), u.shape[1]) if lengths is None else lengths
    runs: list[Run] = []
    comparisons: list[Comparison] = []
    circuit: Component | None = None
    with tempfile.TemporaryDirectory(prefix="statespike-") as temporary:
        for part in _parts(valid):
            trace = reference.compute(u[part], valid[part])
            stimulus = Stimulus(
                [sequence[:length] for sequence, length in zip(u[part], valid[part], strict=True)],
                input_gaps=pace.input_gaps,
                output_stalls=pace.output_stalls,
                seed=pace.seed + part.start,
            )
            circuit = circuit or design()
            runs.append(backend.run(circuit, stimulus, folder or Path(temporary)))
            comparisons.append(_placed(compare(trace, runs[-1]), part.start))
            on_progress(part.stop)
    steps = int(valid.sum())
    return Check(
        backend=backend.name,
        compared_values=sum(comparison.compared_values for comparison in comparisons),
        mismatches=sum(comparison.mismatches for comparison in comparisons),
        first_mismatch=next((c.first_mismatch for c in comparisons if c.first_mismatch), None),
        logits=np.concatenate([run.logits for run in runs]),
        steps=steps,
        cycles=sum(run.cycles for run in runs),
        cycles_per_step=sum(run.cycles_per_step * sum(run.lengths) for run in runs) / steps,
        seconds=sum(run.seconds for run in runs),
    )


def _parts(lengths: Integers) -> Iterator[slice]:
    """Successive sequences of about `STEPS_AT_ONCE` steps, at least one."""
    start = 0
    for end in range(1, len(lengths) + 1):
        if end == len(lengths) or lengths[start : end + 1].sum() > STEPS_AT_ONCE:
            yield slice(start, end)
            start = end


def _placed(comparison: Comparison, first_sequence: int) -> Comparison:
    """The comparison with its sequence counted from the beginning of all."""
    first = comparison.first_mismatch
    if first is None:
        return comparison
    return replace(comparison, first_mismatch=replace(first, sequence=first.sequence + first_sequence))
