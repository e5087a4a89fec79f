"""Which signals of an adder graph carry the complement, so that subtractions become additions.

Where an adder gives its sum inverted at no cost but takes no inverted operand (iCE40: the carry sees the
operands as they are), each signal may carry its value v or the complement ~v = -v - 1. Adding two signals and
one carry gives, exactly and whatever the constants:

    a + b:   a +  b + 0        ~a + ~b + 1  =  ~(a + b)
    a - b:   a + ~b + 1        ~a +  b + 0  =  ~(a - b)

so an addition wants its operands alike, a subtraction wants them to differ, and the sum's own polarity is
free. A pair of shared operands ties their polarities together. Where ties contradict each other a node comes
in both polarities, at the price of an inverter a bit; finding the cheapest such nodes is a spin glass, and
simulated annealing is the method for those (Kirkpatrick et al. 1983).
"""

import numba
import numpy as np

from quantize.formats import Integers
from quantize.mixing.numbers import random_number, random_state

PLAIN, INVERTED, BOTH = 0, 1, 2
STEPS_A_NODE = 2_000
# In units of the average node's width, at the start and the end of the annealing.
HOTTEST, COLDEST = 1.0, 0.02


def polarities(ties: Integers, price: Integers, given: int, seed: int = 0) -> Integers:
    """Polarity of every node: `PLAIN`, `INVERTED` or `BOTH`, so that no tie is violated.

    Parameters
    ----------
    ties : (n, 3)
        Two nodes and 0 if they must be alike, 1 if they must differ.
    price : (nodes,)
        Of having a node in both polarities.
    given : int
        The first so many nodes come plain; inverted, they cost the same as in both polarities.
    """
    nodes = len(price)
    order = np.argsort(np.concatenate([ties[:, 0], ties[:, 1]]), kind="stable")
    ends = np.concatenate([ties[:, 1], ties[:, 0]])[order]
    parities = np.concatenate([ties[:, 2], ties[:, 2]])[order]
    starts = np.searchsorted(np.sort(np.concatenate([ties[:, 0], ties[:, 1]])), np.arange(nodes + 1))
    return _anneal(starts, ends, parities, price.astype(np.float64), given, np.uint64(seed + 1))


@numba.njit(cache=True)
def _violated(a, b, parity):
    """Whether no pair of available signals fits."""
    return a != BOTH and b != BOTH and (a ^ b) != parity


@numba.njit(cache=True)
def _cost(node, polarity, chosen, starts, ends, parities, price, given):
    """What a node's polarity costs: its inverters, and those that repair its ties."""
    cost = price[node] if polarity == BOTH or (polarity == INVERTED and node < given) else 0.0
    for tie in range(starts[node], starts[node + 1]):
        other = ends[tie]
        if other != node and _violated(polarity, chosen[other], parities[tie]):
            cost += min(price[node], price[other])
    return cost


@numba.njit(cache=True)
def _anneal(starts, ends, parities, price, given, seed):
    nodes = len(price)
    chosen = np.zeros(nodes, dtype=np.int64)
    if nodes == 0 or len(ends) == 0:
        return chosen
    state = random_state(seed)
    steps = STEPS_A_NODE * nodes
    average = price.mean()
    for step in range(steps):
        node = int(random_number(state) * nodes)
        new = int(random_number(state) * 3)
        old = chosen[node]
        if new == old:
            continue
        temperature = average * HOTTEST * (COLDEST / HOTTEST) ** (step / steps)
        worse = _cost(node, new, chosen, starts, ends, parities, price, given) - _cost(
            node, old, chosen, starts, ends, parities, price, given
        )
        if worse <= 0.0 or random_number(state) < np.exp(-worse / temperature):
            chosen[node] = new
    # What is still violated is repaired at its cheaper end.
    for node in range(nodes):
        for tie in range(starts[node], starts[node + 1]):
            other = ends[tie]
            if _violated(chosen[node], chosen[other], parities[tie]):
                chosen[node if price[node] <= price[other] else other] = BOTH
    return chosen
