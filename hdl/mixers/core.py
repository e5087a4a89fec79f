"""A constant ternary matrix as a core with stream ports: the entry to this folder."""

from dataclasses import dataclass
from typing import get_args

from hdl.devices.devices import Device
from hdl.mixers.cheapest import Build, MixerBuild, cheapest, folded_builds, graph_builds
from hdl.mixers.event import TernaryEventMixer
from hdl.mixers.parallel import ParallelMixer
from hdl.mixers.serial import SerialMixer
from hdl.mixers.table import TableMixer
from hdl.primitives.drafts import drafts
from hdl.toolchain.verilog import rtlil_text
from quantize.errors import StatespikeError
from quantize.mixing import AdderGraph, TernaryProduct, adder_graph

BUILDS: tuple[str, ...] = get_args(Build)
CHEAPEST = "cheapest"
MOST_IN_GRAPH = 1 << 15
"""Entries of a matrix for whose graph of additions is searched."""
VECTOR_BUILDS = ("parallel", "serial")
"""Builds whose ports carry all values of a product at once; those of the others carry one after the other."""

Mixer = ParallelMixer | SerialMixer | TableMixer | TernaryEventMixer


@dataclass(frozen=True)
class MixerCore:
    """A mixer that was chosen for a device.

    Parameters
    ----------
    product : TernaryProduct
    device : Device
    choice : MixerBuild
    graph : AdderGraph or None
        Of the parallel and the serial build.
    passed_over : tuple of str
        Builds that were not considered, for the size of the matrix.
    """

    product: TernaryProduct
    device: Device
    choice: MixerBuild
    graph: AdderGraph | None = None
    passed_over: tuple[str, ...] = ()

    @property
    def vectors(self) -> bool:
        """Whether a transfer carries all values of a product, and not one."""
        return self.choice.build in VECTOR_BUILDS

    @property
    def latency(self) -> int | None:
        """Cycles from a product's first input to its first output; of an event mixer it is not constant."""
        with drafts():
            mixer = self.mixer()
            return None if isinstance(mixer, TernaryEventMixer) else mixer.latency

    def mixer(self) -> Mixer:
        """Its component, made anew."""
        if self.graph is None:
            return self.choice.folded(self.product)
        return self.choice.component(self.graph, self.device.family)

    def rtlil(self, *, mapped: bool = False) -> str:
        """The circuit: portable, or mapped to the device's own cells."""
        return rtlil_text(self.mixer(), platform=self.device.family if mapped else None)


def mixer_core(
    product: TernaryProduct, device: Device, build: str = CHEAPEST, cycles: int | None = None,
    rounds: int | None = None,
) -> MixerCore:  # fmt: skip
    """The mixer of fewest look-up tables for a product.

    Parameters
    ----------
    product : TernaryProduct
    device : Device
    build : str
        One of `BUILDS`, or the cheapest of all.
    cycles : int, optional
        At most so many from one product to the next; any number if not given.
    rounds : int, optional
        Of the search for shared subexpressions, see `quantize.mixing.adder_graph`.

    Raises
    ------
    StatespikeError
        If the build is unknown, the matrix is too large for it, or no build is that fast.
    """
    if build not in (*BUILDS, CHEAPEST):
        raise StatespikeError(f"unknown build {build!r}; choose one of {', '.join((*BUILDS, CHEAPEST))}")
    passed_over: tuple[str, ...] = ()
    if product.table.size > MOST_IN_GRAPH:
        if build in VECTOR_BUILDS:
            raise StatespikeError(
                f"a {build} mixer is made of matrices of {MOST_IN_GRAPH:,} entries at most, not of "
                f"{product.inputs} x {product.outputs}; choose the build table or event"
            )
        passed_over = VECTOR_BUILDS
    choices, graph = [], None
    if build in (*VECTOR_BUILDS, CHEAPEST) and not passed_over:
        graph = adder_graph(product, rounds)
        choices += graph_builds(graph, device.family)
    if build not in VECTOR_BUILDS:
        choices += folded_builds(product, device.family)
    choices = [choice for choice in choices if build in (choice.build, CHEAPEST)]
    limit = max(choice.cycles for choice in choices) if cycles is None else cycles
    return MixerCore(product, device, cheapest(choices, limit), graph, passed_over)
