"""What arrays share that work in slots: multipliers walk the grid of channels and modes without a gap."""

from abc import abstractmethod
from typing import Any

from hdl.ssm.component import ArrayComponent
from hdl.ssm.issue import START_LATENCY, places_of


class SlottedArray(ArrayComponent):
    """An array in which each channel takes the same number of slots, one a cycle.

    Attributes
    ----------
    spec : ArraySpec
    held : int
        See `hdl.ssm.issue.places_of`.
    """

    spec: Any
    held: int

    @property
    @abstractmethod
    def written_after(self) -> int:
        """Cycles from the slot that reads a state until the cycle after its new value is written."""

    @property
    @abstractmethod
    def output_latency(self) -> int:
        """Cycles from the issue of a channel's last slot until its y enters the output queue."""

    @property
    def idle_cycles(self) -> int:
        """Cycles that a step waits for its own first state, in arrays smaller than their latency."""
        return max(0, self.written_after - self.cycles_per_channel * self.spec.channels)

    @property
    def cycles_per_step(self) -> int:
        return self.cycles_per_channel * self.spec.channels + self.idle_cycles

    @property
    def latency_cycles(self) -> int:
        """See `ArrayComponent`: a channel is taken ahead and begun, and its y leaves the queue."""
        return self.spec.channels * self.cycles_per_channel + START_LATENCY + self.output_latency + 1

    @property
    def queue_depth(self) -> int:
        """Channels that can be between their last slot and the end of the queue without a gap."""
        return places_of(self.output_latency, self.cycles_per_channel, self.held)
