"""A stream that is computed piece by piece: it may be paused after any step, saved, and continued.

In the circuit it is the mark `first` that clears the states and `last` that ends a sequence; a piece without
them goes on with the states as they are. A `Session` is the same in the integer reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quantize.errors import StatespikeError
from quantize.formats import Integers
from quantize.identity import network_digest
from quantize.network import QuantizedNetwork
from quantize.trace import Trace

POSITION, NETWORK = "position", "network"
"""Names of a saved session's entries beside the states."""


@dataclass(eq=False)
class Session:
    """A sequence whose steps come in pieces.

    The pieces give, bit for bit, the answers that the whole sequence would.

    Parameters
    ----------
    network : QuantizedNetwork

    Attributes
    ----------
    position : int
        Steps of the sequence so far; 0 before a sequence's first step.
    states : dict of layer's name to integers
        What each layer keeps from step to step.

    Examples
    --------
    >>> import statespike
    >>> network = statespike.quantise(statespike.load("digits-prf"))
    >>> x = statespike.load_task("digits").test.x[0]
    >>> session = statespike.Session(network)
    >>> session.feed(x[:40]).shape
    (0, 10)
    >>> logits = session.feed(x[40:], ended=True)
    >>> bool((logits == statespike.evaluate(network, x[None]).logits).all())
    True
    """

    network: QuantizedNetwork
    position: int = field(default=0, init=False)
    states: dict[str, Integers] = field(init=False)

    def __post_init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.position = 0
        self.states = {name: layer.cleared(1) for name, layer in self.network.layers()}

    def feed(self, x: NDArray[np.floating], *, ended: bool = False) -> Integers:
        """Logits (answers, classes) of the answers that follow the next real steps x (steps, features).

        Raises
        ------
        StatespikeError
            If the steps do not suit the network, or the sequence becomes too long for it.
        """
        data = np.asarray(x)
        if data.ndim != 2 or data.shape[1] != self.network.features:
            raise StatespikeError(
                f"the data has shape {data.shape}, the network takes (steps, {self.network.features})"
            )
        return self.compute(self.network.inputs(data[None])[0], ended=ended).logits

    def compute(self, u: Integers, *, ended: bool = False) -> Trace:
        """What the next steps u (steps, beats), in the input format, give.

        Parameters
        ----------
        u : (steps, beats)
            At least one.
        ended : bool
            The sequence ends with them; the next step begins another one.

        Returns
        -------
        Trace
            Its logits are (answers, classes), its taps (1, steps, H).

        Raises
        ------
        StatespikeError
            If there is no step, or the sequence becomes too long for the network.
        """
        u = np.asarray(u)
        if u.ndim != 2 or not len(u) or u.shape[1] != self.network.beats_per_step:
            raise StatespikeError(
                f"a piece has shape {u.shape}; expected (at least one step, {self.network.beats_per_step})"
            )
        steps = len(u)
        self.network.require_lengths(np.array([self.position + steps]))
        trace, x = self.network.stream(u[None].astype(np.int64), np.array([steps]), self.states)
        pooled = self.network.pool.go_on(x[0], self.position, self.states["pool"][0], ended=ended)
        trace.logits = self.network.decoder.compute(pooled)
        self.position += steps
        if ended:
            self._clear()
        return trace

    def saved(self) -> dict[str, NDArray[np.generic]]:
        """The session as arrays for `numpy.savez`; see `restore`."""
        entries = {name: state for name, state in self.states.items() if state.size}
        return entries | {
            POSITION: np.array(self.position),
            NETWORK: np.array(network_digest(self.network)),
        }

    def restore(self, saved: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on where a session of the same network was saved.

        Raises
        ------
        StatespikeError
            If it was another network's, or an entry is missing, of a wrong shape, or no position.
        """
        wanted = self.saved()
        for name, like in wanted.items():
            if (
                name not in saved
                or saved[name].shape != like.shape
                or saved[name].dtype.kind != like.dtype.kind
                or (name == POSITION and int(saved[name]) < 0)
            ):
                raise StatespikeError(
                    f"a saved session lacks {name!r}, or it has another form; save it again"
                )
        if str(saved[NETWORK]) != str(wanted[NETWORK]):
            raise StatespikeError(
                "the saved session is of another network; take the network that it was saved with"
            )
        position = int(saved[POSITION])
        self.network.require_lengths(np.array([position]))
        self.position = position
        for name, state in self.states.items():
            if state.size:
                state[...] = saved[name]
