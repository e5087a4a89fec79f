"""Common subexpressions of a ternary matrix: which sums of two to compute once for several outputs.

The plain method takes, again and again, the pair of terms that saves most, and of pairs of equally many uses
the one that leaves most to save. It is run many times: parts of the solution are dissolved at random and
found again, with a little luck in the choice, and the result is kept unless it is worse. That is a
large-neighbourhood search; its cost are the bits of all adders.

A set of outputs is a row of 64-bit words with a bit for each output, so the uses of a pair are counted by a
few `and`s and a count of ones.
"""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numba
import numpy as np

from quantize.formats import Integers
from quantize.mixing.bits import count_ones, masks_of
from quantize.mixing.numbers import random_number, random_state

# How the search moves. Found by trial on a random matrix of 64 x 64; the result depends little on them.
COMPARED = 32  # pairs of equally many uses that are looked ahead of
LOOKAHEAD = 0.3  # of a bit for each further use and bit: few of them will be there when it is their turn
LARGEST_PART = 0.3  # of the solution, dissolved at once
LARGEST_LUCK = 0.1  # relative, on what a pair saves
TEMPERATURE = 10.0  # bits by which the search may get worse on its way, at its start


@dataclass(frozen=True, eq=False)
class Sharing:
    """Sums of two that are computed once, and what remains of each output in terms of them.

    Parameters
    ----------
    pairs : (shared, 3)
        Node k = inputs + row is `left + right`, or `left - right` if the third entry is 1.
    terms : (inputs + shared, outputs)
        Coefficients -1, 0, 1 of every node in every output.
    """

    pairs: Integers
    terms: Integers


def share(table: Integers, input_width: int, rounds: int, seed: int = 0) -> Sharing:
    """Search the common subexpressions of a ternary matrix (inputs, outputs).

    Parameters
    ----------
    rounds : int
        Of dissolving and finding anew; with 0, the plain method once.
    seed : int
        The same seed gives the same result.
    """
    inputs, outputs = table.shape
    room = inputs + int(np.count_nonzero(table)) // 2 + 1
    plus, minus = (masks_of(side, room) for side in (table > 0, table < 0))
    sizes = np.ones(room, dtype=np.int64)
    pairs = np.zeros((room, 3), dtype=np.int64)
    count = _search(plus, minus, sizes, pairs, inputs, outputs, input_width, rounds, np.uint64(seed + 1))
    positive, negative = (
        np.unpackbits(mask[:count].view(np.uint8), axis=1, count=outputs, bitorder="little").astype(np.int64)
        for mask in (plus, minus)
    )
    return Sharing(pairs[inputs:count].copy(), positive - negative)


@numba.njit(cache=True)
def _uses(plus, minus, a, b, subtract):
    """In how many outputs the pair occurs."""
    total = 0
    for word in range(plus.shape[1]):
        if subtract:
            found = (plus[a, word] & minus[b, word]) | (minus[a, word] & plus[b, word])
        else:
            found = (plus[a, word] & plus[b, word]) | (minus[a, word] & minus[b, word])
        total += count_ones(found)
    return total


@numba.njit(cache=True)
def _sum_width(size, input_width):
    """Bits of a sum of so many inputs, at least one of them not negated."""
    width = input_width
    while size > 1 << (width - input_width):
        width += 1
    return width


@numba.njit(cache=True)
def _saving(uses, size, input_width):
    """Bits of adders that computing a sum of so many inputs once saves."""
    return np.float64((uses - 1) * _sum_width(size, input_width))


@numba.njit(cache=True)
def _extract(plus, minus, a, b, subtract, node):
    """Replace a pair by `node` in every output."""
    for word in range(plus.shape[1]):
        if subtract:
            as_it_is = plus[a, word] & minus[b, word]
            negated = minus[a, word] & plus[b, word]
            minus[b, word] ^= as_it_is
            plus[b, word] ^= negated
        else:
            as_it_is = plus[a, word] & plus[b, word]
            negated = minus[a, word] & minus[b, word]
            plus[b, word] ^= as_it_is
            minus[b, word] ^= negated
        plus[a, word] ^= as_it_is
        minus[a, word] ^= negated
        plus[node, word] = as_it_is
        minus[node, word] = negated


@numba.njit(cache=True)
def _further_uses(plus, minus, used, a, b, subtract, count):
    """What the pair's outputs have in common beside it: uses that its node would have with others."""
    total = 0
    for node in range(count):
        if used[node] and node != a and node != b:
            alike, different = 0, 0
            for word in range(plus.shape[1]):
                if subtract:
                    as_it_is = plus[a, word] & minus[b, word]
                    negated = minus[a, word] & plus[b, word]
                else:
                    as_it_is = plus[a, word] & plus[b, word]
                    negated = minus[a, word] & minus[b, word]
                positive, negative = plus[node, word], minus[node, word]
                alike += count_ones((positive & as_it_is) | (negative & negated))
                different += count_ones((negative & as_it_is) | (positive & negated))
            total += max(alike - 1, 0) + max(different - 1, 0)
    return total


@numba.njit(cache=True)
def _greedy(plus, minus, sizes, pairs, count, input_width, luck, state):
    """Extract the pair that saves most until none saves anything; returns the number of nodes.

    Of the first pairs with equally many uses, the one is taken whose outputs have most in common beside it.
    """
    heap = [(0.0, 0, 0, 0, 0)]
    heap.pop()
    equals = heap.copy()
    used = np.ones(len(plus), dtype=np.bool_)
    for node in range(count):
        used[node] = plus[node].any() or minus[node].any()
        for other in range(node):
            for subtract in range(2):
                uses = _uses(plus, minus, node, other, subtract)
                if uses > 1:
                    saving = _saving(uses, sizes[node] + sizes[other], input_width)
                    heap.append((-saving * (1.0 + luck * random_number(state)), uses, node, other, subtract))
    heapify(heap)
    while True:
        equals.clear()
        while len(heap) > 0 and len(equals) < COMPARED:
            first = heappop(heap)
            uses = _uses(plus, minus, first[2], first[3], first[4])
            if uses > 1 and uses != first[1]:  # some were lost to other pairs since it was put there
                saving = _saving(uses, sizes[first[2]] + sizes[first[3]], input_width)
                luckily = -saving * (1.0 + luck * random_number(state))
                heappush(heap, (luckily, uses, first[2], first[3], first[4]))
            elif uses > 1:
                equals.append(first)
                if uses < equals[0][1]:
                    break
        if len(equals) == 0:
            return count
        best, chosen = -1.0, 0
        for place in range(len(equals)):
            cost, uses, a, b, subtract = equals[place]
            if uses == equals[0][1]:
                further = 0
                if len(equals) > 1:
                    further = _further_uses(plus, minus, used, a, b, subtract, count)
                value = LOOKAHEAD * further * _sum_width(sizes[a] + sizes[b], input_width) - cost
                if value > best:
                    best, chosen = value, place
        for place in range(len(equals)):
            if place != chosen:
                heappush(heap, equals[place])
        _, _, a, b, subtract = equals[chosen]
        node = count
        count += 1
        sizes[node] = sizes[a] + sizes[b]
        pairs[node, 0], pairs[node, 1], pairs[node, 2] = a, b, subtract
        _extract(plus, minus, a, b, subtract, node)
        used[a] = plus[a].any() or minus[a].any()
        used[b] = plus[b].any() or minus[b].any()
        for other in range(node):
            if used[other]:
                for subtract in range(2):
                    uses = _uses(plus, minus, node, other, subtract)
                    if uses > 1:
                        saving = _saving(uses, sizes[node] + sizes[other], input_width)
                        luckily = -saving * (1.0 + luck * random_number(state))
                        heappush(heap, (luckily, uses, node, other, subtract))


@numba.njit(cache=True)
def _dissolve(plus, minus, sizes, pairs, inputs, count, share_dissolved, state):
    """Put a random part of the nodes, and all that are made of them, back into their operands."""
    kept = np.ones(count, dtype=np.bool_)
    for node in range(inputs, count):
        whole = kept[pairs[node, 0]] and kept[pairs[node, 1]]
        kept[node] = whole and random_number(state) >= share_dissolved
    for node in range(count - 1, inputs - 1, -1):
        if not kept[node]:
            a, b, subtract = pairs[node, 0], pairs[node, 1], pairs[node, 2]
            for word in range(plus.shape[1]):
                as_it_is, negated = plus[node, word], minus[node, word]
                plus[a, word] |= as_it_is
                minus[a, word] |= negated
                plus[b, word] |= negated if subtract else as_it_is
                minus[b, word] |= as_it_is if subtract else negated
                plus[node, word] = minus[node, word] = 0
    place = np.zeros(count, dtype=np.int64)
    left = 0
    for node in range(count):
        if kept[node]:
            place[node] = left
            if left != node:
                plus[left], minus[left], sizes[left] = plus[node], minus[node], sizes[node]
                plus[node], minus[node] = 0, 0
                pairs[left, 0], pairs[left, 1] = place[pairs[node, 0]], place[pairs[node, 1]]
                pairs[left, 2] = pairs[node, 2]
            left += 1
    return left


@numba.njit(cache=True)
def _bits(plus, minus, sizes, inputs, outputs, count, input_width):
    """Bits of all adders, each output's remaining terms added smallest first."""
    bits = 0
    for node in range(inputs, count):
        bits += _sum_width(sizes[node], input_width)
    for output in range(outputs):
        word, bit = output // 64, np.uint64(output % 64)
        heap = [0]
        heap.pop()
        for node in range(count):
            if ((plus[node, word] | minus[node, word]) >> bit) & np.uint64(1):
                heap.append(sizes[node])
        heapify(heap)
        while len(heap) > 1:
            size = heappop(heap) + heappop(heap)
            bits += _sum_width(size, input_width)
            heappush(heap, size)
    return bits


@numba.njit(cache=True)
def _search(plus, minus, sizes, pairs, inputs, outputs, input_width, rounds, seed):
    """The large-neighbourhood search, in place; returns the number of nodes of the best solution."""
    state = random_state(seed)
    count = _greedy(plus, minus, sizes, pairs, inputs, input_width, 0.0, state)
    bits = _bits(plus, minus, sizes, inputs, outputs, count, input_width)
    now = (plus.copy(), minus.copy(), sizes.copy(), pairs.copy())
    now_count, now_bits = count, bits
    best = (plus.copy(), minus.copy(), sizes.copy(), pairs.copy())
    best_count, best_bits = count, bits
    for done in range(rounds):
        plus[:], minus[:], sizes[:], pairs[:] = now
        part = LARGEST_PART * random_number(state) ** 2
        count = _dissolve(plus, minus, sizes, pairs, inputs, now_count, part, state)
        luck = LARGEST_LUCK * random_number(state)
        count = _greedy(plus, minus, sizes, pairs, count, input_width, luck, state)
        bits = _bits(plus, minus, sizes, inputs, outputs, count, input_width)
        worse = -np.log(1.0 - random_number(state)) * TEMPERATURE * (1.0 - done / rounds)
        if bits <= now_bits + worse:
            now[0][:], now[1][:], now[2][:], now[3][:] = plus, minus, sizes, pairs
            now_count, now_bits = count, bits
            if bits < best_bits:
                best[0][:], best[1][:], best[2][:], best[3][:] = plus, minus, sizes, pairs
                best_count, best_bits = count, bits
    plus[:], minus[:], sizes[:], pairs[:] = best
    return best_count
