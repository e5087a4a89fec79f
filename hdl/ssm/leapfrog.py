"""Arrays of complex modes in the leapfrog form, as one of the kinds of arrays."""

from collections.abc import Mapping
from dataclasses import dataclass

from hdl.devices.features import DeviceFeatures
from hdl.ssm.array import NeuronArray
from hdl.ssm.component import ArrayComponent, ArrayFolding, ArrayKind
from hdl.ssm.laned_array import LanedArray
from hdl.ssm.schedule import HELPER_MODES
from quantize.layers.leapfrog import LeapfrogSpec


@dataclass(frozen=True)
class LeapfrogFolding(ArrayFolding):
    """How parallel an array of complex modes is.

    Parameters
    ----------
    has_helper : bool
        A helper stands beside two multipliers; see `hdl.ssm.schedule.schedule_of`.
    """

    has_helper: bool = False

    def describe(self) -> str:
        """The folding in words."""
        return super().describe() + (" and a helper" if self.has_helper else "")


FOLDINGS = (
    LeapfrogFolding(4),
    LeapfrogFolding(3),
    LeapfrogFolding(2, has_helper=True),
    LeapfrogFolding(2),
    LeapfrogFolding(1),
)
"""Of a `NeuronArray`, the largest and fastest first."""
LANE_MULTIPLIERS = (4, 2)
"""Of each lane of a `LanedArray`."""


class LeapfrogArrays(ArrayKind):
    """`NeuronArray` with 1 to 4 multipliers, perhaps with a helper; `LanedArray` where it is streamed."""

    specification = LeapfrogSpec

    def foldings(self, spec: LeapfrogSpec, target: DeviceFeatures) -> Mapping[ArrayFolding, int]:
        """See `ArrayKind.foldings`."""
        return {
            folding: self._small(spec, folding, target).cycles_per_step
            for folding in FOLDINGS
            if spec.modes >= HELPER_MODES or not folding.has_helper
        }

    def streamed_foldings(self, spec: LeapfrogSpec, most: int) -> Mapping[ArrayFolding, int]:
        """See `ArrayKind.streamed_foldings`; one multiplier more is that of the skip path."""
        return {
            LeapfrogFolding(multipliers, lanes): LanedArray.pace_of(
                spec, lanes, NeuronArray(spec.lane(0, lanes), multipliers, lane=True)
            )
            for multipliers in LANE_MULTIPLIERS
            for lanes in LanedArray.lane_choices(spec)
            if multipliers * lanes < most
        }

    def make(
        self, spec: LeapfrogSpec, folding: ArrayFolding, *, streamed: bool, target: DeviceFeatures,
        held: int = 0,
    ) -> ArrayComponent:  # fmt: skip
        """See `ArrayKind.make`."""
        if streamed:
            return LanedArray(spec, folding.multipliers, folding.lanes)
        return self._small(spec, folding, target, held)

    def _small(
        self, spec: LeapfrogSpec, folding: ArrayFolding, target: DeviceFeatures, held: int = 0
    ) -> NeuronArray:
        has_helper = isinstance(folding, LeapfrogFolding) and folding.has_helper
        return NeuronArray(spec, folding.multipliers, has_helper=has_helper, target=target, held=held)


KIND = LeapfrogArrays()
