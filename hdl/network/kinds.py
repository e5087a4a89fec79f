"""The kinds of arrays, units and heads that a network is built of: the one table of each in `hdl`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hdl.devices.features import MULTIPLIER_BLOCKS, DeviceFeatures
from hdl.head.mean_pool import make_pool
from hdl.head.pool import Pool
from hdl.head.running_pool import make_running
from hdl.head.step_pools import make_every_step
from hdl.norm.streamed_step_norm import PRODUCTS
from hdl.ssm.component import ArrayKind
from hdl.ssm.leapfrog import LeapfrogArrays
from hdl.ssm.real_modes import RealModesArrays
from hdl.units.glu import ACTIVATIONS, Glu
from hdl.units.gsu.unit import Gsu, LeanGsu, StreamedGsu, StreamedLeanGsu
from hdl.units.spike_linear import SpikeLinear
from hdl.units.unit import Unit
from quantize.layers.ends import PoolSpec
from quantize.layers.gsu import GsuSpec, LeanGsuSpec
from quantize.layers.leapfrog import LeapfrogSpec
from quantize.layers.linear import SpikeLinearSpec
from quantize.layers.real_modes import RealModesSpec
from quantize.layers.repeated import EveryStepSpec, RunningSpec
from quantize.layers.unit import UnitSpec


@dataclass(frozen=True)
class UnitKind:
    """A kind of unit.

    Parameters
    ----------
    component : type of Unit
    streamed : type of Unit, optional
        The build that takes a channel a cycle, where there is one.
    """

    component: type[Unit]
    streamed: type[Unit] | None = None


ARRAYS: dict[str, ArrayKind] = {
    LeapfrogSpec.kind: LeapfrogArrays(),
    RealModesSpec.kind: RealModesArrays(),
}
"""Kind of an array's specification -> its components."""

UNITS: dict[str, UnitKind] = {
    GsuSpec.kind: UnitKind(Gsu, StreamedGsu),
    LeanGsuSpec.kind: UnitKind(LeanGsu, StreamedLeanGsu),
    SpikeLinearSpec.kind: UnitKind(SpikeLinear),
    **dict.fromkeys(ACTIVATIONS, UnitKind(Glu)),
}
"""Kind of a unit's specification -> its components."""

HEADS: dict[str, Callable[..., Pool]] = {
    PoolSpec.kind: make_pool,
    EveryStepSpec.kind: make_every_step,
    RunningSpec.kind: make_running,
}
"""Kind of a head's specification -> what makes its component, from `streamed` and `target`."""


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
